// Claims about Countdown: solvable by construction, splits disjoint, a verifier that takes nothing but the rules.
import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.js";
import { type CountdownProblem, combineTerms, createCountdownTask, numberTerm } from "./countdown.js";
import { evaluateExpression } from "./expression.js";

const task = createCountdownTask({ numbers: { 3: 0.5, 4: 0.5 }, maxNumber: 25, maxTarget: 120 });
const problem: CountdownProblem = {
  id: "3 7 8=24",
  split: "train",
  fields: { numbers: [3, 7, 8], target: 24 },
  answer: "(8-7)*24",
  difficulty: 3,
  meta: {},
};

describe("countdown generator", () => {
  it("is a pure function of seed, index and split", () => {
    expect(task.generate(4, 17, "train")).toEqual(task.generate(4, 17, "train"));
    expect(task.generate(4, 17, "train").id).not.toBe(task.generate(5, 17, "train").id);
    expect(task.generate(4, 17, "train").id).not.toBe(task.generate(4, 18, "train").id);
  });

  it("keeps its bounds and grades its own gold answers as right", () => {
    const counts = new Set<number>();
    for (let index = 0; index < 500; index++) {
      const { fields, answer, split } = task.generate(1, index, index % 2 ? "train" : "heldout");
      counts.add(fields.numbers.length);
      expect(split).toBe(index % 2 ? "train" : "heldout");
      expect(fields.numbers.every((n) => n >= 1 && n <= 25)).toBe(true);
      expect(fields.target >= 1 && fields.target <= 120).toBe(true);
      expect(task.verify({ ...problem, fields }, answer)).toBe(1);
    }
    expect([...counts].sort()).toEqual([3, 4]);
  });

  it("validates, and shares no problem between the splits over 3000 of each", async () => {
    expect(await task.validate()).toMatchObject({ task: "countdown", numTrain: 200, numHeldOut: 200 });
    const ids = (split: "train" | "heldout", seed: number) =>
      Array.from({ length: 3000 }, (_, index) => task.generate(seed, index, split).id);
    const train = new Set([...ids("train", 0), ...ids("train", 1)]);
    expect(ids("heldout", 2).filter((id) => train.has(id))).toEqual([]);
  });

  it("knows a problem again when its numbers come in another order", () => {
    for (let index = 0; index < 50; index++) {
      const { id, fields } = task.generate(0, index, "train");
      expect(id).toBe(`${[...fields.numbers].sort((a, b) => a - b).join(" ")}=${fields.target}`);
    }
  });

  it("refuses unknown options by naming the known ones, and options that leave no problem", () => {
    expect(() => createCountdownTask({ maxNumbers: 5 } as never)).toThrow(
      /unknown option "maxNumbers", did you mean "maxNumber"\?; known options: numbers, maxNumber, maxTarget, heldOutFraction/,
    );
    expect(() => createCountdownTask({ numbers: { 1: 1 } })).toThrow(ConfigError);
    expect(() => createCountdownTask({ numbers: {} })).toThrow(/numbers.*at least one weight/);
    // The one problem there is, "1 1=1", lies in the held-out split.
    const single = createCountdownTask({ maxNumber: 1, numbers: { 2: 1 }, maxTarget: 1 });
    expect(single.generate(0, 0, "heldout").id).toBe("1 1=1");
    expect(() => single.generate(0, 0, "train")).toThrow(ConfigError);
  });
});

describe("countdown verifier", () => {
  const fields = { numbers: [3, 7, 8, 8], target: 24 };
  const verify = (text: string, of = fields) => task.verify({ ...problem, fields: of }, text);

  it.each(["3*8*(8-7)", " ( 8 - 7 ) * 3 * 8 ", "\n3*8/(8-7)\n", "((3*8))/((8-7))"])("accepts %j", (text) =>
    expect(verify(text)).toBe(1),
  );

  it.each([
    "24",
    "3*8",
    "3*8*(8-7)=24",
    "3*8*(8-7)*1",
    "8*8*3/7",
    "3*8+(8-7)",
    "3*8*(7-8)",
    "",
    "process.exit()",
    "3*8*(8-7",
    "3 8*8*7",
    "-3*8*(7-8)",
    "38*(8-7)",
  ])("rejects %j", (text) => expect(verify(text)).toBe(0));

  it.each(["\\boxed{(8-7)*3*8}", "$(8-7) \\times 3 \\cdot 8$", "(8−7)×3×8"])("reads %j", (text) =>
    expect(verify(text, { numbers: [3, 7, 8, 8], target: 24 })).toBe(1),
  );

  it("takes expressions for one answer that differ in order and needless parentheses alone", () => {
    const same = (a: string, b: string) => task.sameAnswer?.(problem, a, b);
    const equal = [
      ["(8-7)*3", "3 * (8 - 7)"],
      ["8-(7-3)", "3+8-7"],
      ["8/(2/3)", "(3*8)/2"],
      ["((8))+1", "1+8"],
      ["2*(3+(4*5))", "\\boxed{(5*4+3)*2}"],
    ];
    const different = [
      ["8*3", "24*1"],
      ["8-7", "7-8"],
      ["2*(3+4)", "2*3+4"],
      ["8/2", "2/8"],
      ["(2+3)*4", "2*4+3*4"],
    ];
    for (const [a, b] of equal) expect(same(a, b), `${a} and ${b}`).toBe(true);
    for (const [a, b] of different) expect(same(a, b), `${a} and ${b}`).toBe(false);
    expect([same("8*", "8*"), same("what", "what")]).toEqual([false, false]);
  });

  it("computes exactly where floating point would not", () => {
    expect(verify("8/(3-8/3)", { numbers: [3, 3, 8, 8], target: 24 })).toBe(1);
    expect(verify("(1/49)*49", { numbers: [1, 49, 49], target: 1 })).toBe(1);
    expect(verify("7/3", { numbers: [3, 7], target: 2 })).toBe(0);
  });

  it("survives hostile text quickly", () => {
    const hostile = [
      "(".repeat(1e6),
      `${"(".repeat(200)}1${")".repeat(200)}`,
      "9".repeat(500),
      "1/0",
      "1/(2-2)",
      "*".repeat(400),
      "1".repeat(1e6),
      "\u0000",
      "１+２",
    ];
    const start = performance.now();
    for (const text of hostile) expect(evaluateExpression(text)).toBeNull();
    expect(performance.now() - start).toBeLessThan(200);
  });
});

describe("expression text", () => {
  const [a, b, c] = [8, 4, 2].map(numberTerm);
  it("has the parentheses its value needs and no others", () => {
    const text = (outer: string, inner: string, right: boolean) =>
      right
        ? combineTerms(outer, a, combineTerms(inner, b, c, 0), 0).text
        : combineTerms(outer, combineTerms(inner, a, b, 0), c, 0).text;
    expect([text("-", "+", true), text("-", "*", true), text("/", "*", true), text("*", "+", true)]).toEqual([
      "8-(4+2)",
      "8-4*2",
      "8/(4*2)",
      "8*(4+2)",
    ]);
    expect([text("+", "-", true), text("*", "/", true), text("*", "-", false), text("-", "-", false)]).toEqual([
      "8+4-2",
      "8*4/2",
      "(8-4)*2",
      "8-4-2",
    ]);
  });
});

describe("prompts", () => {
  it("are terse for character models and carry instruction and tags for r1-zero", () => {
    expect(task.renderPrompt(problem, "compact")).toBe("Q:3 7 8=24\nA:");
    const prompt = task.renderPrompt(problem, "r1-zero");
    for (const part of ["<think>", "</think>", "<answer>", "</answer>", "24", "3, 7, 8"])
      expect(prompt).toContain(part);
    expect(prompt.endsWith("Assistant:")).toBe(true);
  });
});
