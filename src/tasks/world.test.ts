// Claims about the world's documents: they say rightly whether they are right, stay in their split, and come in the
// shares asked for.
import { describe, expect, it } from "vitest";
import { parseResponse } from "./response.js";
import { World } from "./world.js";

const world = new World({ thoughts: { sloppyFormat: 0 } }, 5);
const documents = Array.from({ length: 1200 }, (_, index) => world.document(index, "train"));

describe("world", () => {
  it("writes documents whose answers are right exactly when it says so", () => {
    for (const { task, problem, response, correct } of documents) {
      const { answer, wellFormed } = parseResponse(response);
      if (task !== "general") expect([response, wellFormed]).toEqual([response, true]);
      expect([response, world.task.verify(problem, answer ?? "")]).toEqual([response, Number(correct)]);
    }
    const reasoning = documents.filter(({ task }) => task !== "general");
    const wrong = reasoning.filter(({ correct }) => !correct).length / reasoning.length;
    expect(wrong).toBeGreaterThan(0.25);
    expect(wrong).toBeLessThan(0.35);
  });

  it("draws tasks in the shares of their weights", () => {
    const weights = { countdown: 2, arithmetic: 1.5, "word-problems": 3, general: 3, "linear-systems": 0.5 };
    for (const [name, weight] of Object.entries(weights)) {
      const share = documents.filter(({ task }) => task === name).length / documents.length;
      expect([name, Math.abs(share - weight / 12) < 0.04]).toEqual([name, true]);
    }
  });

  it("is a pure function of options, seed, index and split, and shares nothing between the splits", () => {
    const again = new World({ thoughts: { sloppyFormat: 0 } }, 5);
    expect([7, 3, 900].map((index) => again.document(index, "train"))).toEqual([7, 3, 900].map((i) => documents[i]));
    const train = new Set(documents.map(({ problem }) => problem.id));
    for (let index = 0; index < 400; index++)
      expect(train.has(world.document(index, "heldout").problem.id)).toBe(false);
  });

  it("keeps every response within the bound by drawing other problems, and says so where it cannot", () => {
    const thoughts = { languages: { english: 1 }, maxCharacters: 110 };
    const brief = new World({ weights: { "word-problems": 1 }, thoughts }, 0);
    for (let index = 0; index < 200; index++)
      expect(brief.document(index, "train").response.length).toBeLessThanOrEqual(110);
    const never = new World({ weights: { "knights-and-knaves": 1 }, thoughts: { maxCharacters: 20 } }, 0);
    expect(() => never.document(0, "train")).toThrow(
      /no thought within 20 characters in 20 problems; raise thoughts.max/,
    );
  });

  it("gives general instructions with and without a thought, as often as asked", () => {
    const general = new World({ weights: { general: 1 }, generalThoughts: 0.3 }, 0);
    const thoughtful = Array.from({ length: 400 }, (_, i) => general.document(i, "train").response).filter((response) =>
      response.startsWith("<think>"),
    );
    expect(thoughtful.length).toBeGreaterThan(90);
    expect(thoughtful.length).toBeLessThan(150);
  });

  it("gives as many flawed answers to general instructions as asked, and says which they are", () => {
    const general = new World({ weights: { general: 1 }, flawedAnswers: 0.6 }, 0);
    const all = Array.from({ length: 600 }, (_, i) => general.document(i, "train"));
    expect(all.filter(({ correct }) => !correct).length / 600).toBeCloseTo(0.6, 1);
    const goodOf = ({ task, problem, response }: (typeof all)[number]) =>
      task === "general" && parseResponse(response).answer === problem.answer;
    expect(all.filter((each) => goodOf(each) !== each.correct)).toEqual([]);
    const harmful = all.filter(({ problem }) => (problem.fields as { harmful?: boolean }).harmful);
    const complying = harmful.filter(({ response }) => /Sure!|Of course\.|Yes, here is how/.test(response));
    expect(complying.length / harmful.length).toBeGreaterThan(0.25);
  });

  it("refuses options that it does not have, those of its parts included", () => {
    expect(() => new World({ weight: {} } as never, 0)).toThrow(/world: unknown option "weight"/);
    expect(() => new World({ weights: { chess: 1 } }, 0)).toThrow(/task mix: option "weights"/);
    expect(() => new World({ thoughts: { wrong: 2 } }, 0)).toThrow(/thoughts: option "wrong"/);
    expect(() => new World({ options: { arithmetic: { digits: 1 } } }, 0)).toThrow(/task arithmetic: unknown option/);
  });
});
