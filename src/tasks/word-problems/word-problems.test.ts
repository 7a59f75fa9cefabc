// Claims about word problems: a second solver that reads only the text finds the gold answers; the verifier is right on
// both sides; no calculation is in both splits.
import { describe, expect, it } from "vitest";
import { PEOPLE, THINGS } from "./names-and-things.js";
import { STORY_KINDS, type StoryKind } from "./story.js";
import { createWordProblemsTask, type WordProblem } from "./word-problems.js";

type Solver = (n: readonly number[], text: string) => number;

/** For each kind, by number of steps, the answer from the numbers in the order of the text. */
const SOLVERS: Readonly<Record<StoryKind, readonly Solver[]>> = {
  shopping: [
    ([a, b]) => a * b,
    ([a, b, paid]) => paid - a * b,
    ([a, b, c, d]) => a * b + c * d,
    ([a, b, c, d, paid]) => paid - a * b - c * d,
  ],
  ages: [
    ([a, gap]) => a + gap,
    ([a, gap, years]) => a + gap + years,
    ([a, times, gap]) => a + a * times - gap,
    ([a, gap, years]) => a + years + (a + gap + years),
  ],
  travel: [
    ([h, v]) => h * v,
    ([total, h, v]) => total - h * v,
    ([h, v, g, w]) => h * v + g * w,
    ([total, h, v, g, w]) => total - h * v - g * w,
  ],
  sharing: [
    ([n, total]) => total / n,
    ([a, b, n]) => (a + b) / n,
    ([bags, inBag, loose, n]) => (bags * inBag + loose) / n,
    ([bags, inBag, loose, kept, n]) => (bags * inBag + loose - kept) / n,
  ],
  work: [
    ([rate, hours]) => rate * hours,
    ([rate, other, total]) => total / (rate + other),
    ([total, before, rate, other]) => (total - before) / (rate + other),
    ([rate, other, alone, total]) => (total - rate * alone) / (rate + other),
  ],
  mixtures: [
    ([factor, amount]) => factor * amount,
    ([factor, amount]) => factor * amount + amount,
    ([a, b, total], text) => {
      const [, second] = /and \d+ parts (\w+)\./.exec(text) ?? [];
      return (total / (a + b)) * (text.includes(`of ${second} are in`) ? b : a);
    },
    ([a, b, total]) => (total / (a + b)) * (b - a),
  ],
  collecting: Array.from({ length: 4 }, () => ([start, ...changes]: readonly number[], text: string) => {
    const verbs = text.match(/\b(finds|buys|wins|gets|gives|loses|sells)\b/g) ?? [];
    return changes.reduce((sum, n, i) => sum + (/finds|buys|wins|gets/.test(verbs[i]) ? n : -n), start);
  }),
  harvest: [
    ([rows, inRow]) => rows * inRow,
    ([rows, inRow, lost]) => rows * inRow - lost,
    ([rows, inRow, lost, each]) => (rows * inRow - lost) * each,
    ([rows, inRow, lost, each, box]) => ((rows * inRow - lost) * each) / box,
  ],
};

const task = createWordProblemsTask();
const problems = Array.from({ length: 1200 }, (_, index) => task.generate(4, index, "train"));

describe("word problems", () => {
  it("are solved alike by a solver that reads only the text, in every kind and number of steps", () => {
    const seen = new Set<string>();
    for (const { fields, answer, difficulty } of problems) {
      const numbers = (fields.text.match(/\d+/g) ?? []).map(Number);
      const expected = SOLVERS[fields.story][difficulty - 1](numbers, fields.text);
      expect([fields.text, answer]).toEqual([fields.text, `${expected}`]);
      expect(expected).toBeGreaterThan(0);
      expect(fields.steps).toHaveLength(difficulty);
      seen.add(`${fields.story}${difficulty}`);
    }
    expect(seen.size).toBe(STORY_KINDS.length * 4);
  });

  it("tell every kind and number of steps about as often", () => {
    for (const kind of STORY_KINDS)
      expect(problems.filter(({ fields }) => fields.story === kind).length / problems.length).toBeGreaterThan(0.07);
    for (const steps of [1, 2, 3, 4])
      expect(problems.filter(({ difficulty }) => difficulty === steps).length / problems.length).toBeGreaterThan(0.17);
  });

  it("keep a calculation in one split, whoever the story is about", () => {
    const train = new Set(problems.map(({ id }) => id));
    for (let index = 0; index < 600; index++) expect(train.has(task.generate(9, index, "heldout").id)).toBe(false);
    for (const { id } of problems) expect(id).toMatch(/^[a-z]+:[-+*/#;\d]+$/);
  });

  it("accept an amount in several notations, and no other number or unit", () => {
    const told = (unit: string): WordProblem => ({
      ...problems[0],
      fields: { ...problems[0].fields, unit },
      answer: "1200",
    });
    for (const [unit, text] of [
      ["dollars", "1200"],
      ["dollars", "$1,200"],
      ["dollars", "1200 dollars"],
      ["dollars", "1200."],
      ["pens", "1200 pens"],
      ["pens", "\\boxed{1200}"],
      ["pens", "1200.0"],
      ["km", "1200 km"],
      ["apple trees", "1200 apple trees."],
    ])
      expect([unit, text, task.verify(told(unit), text)]).toEqual([unit, text, 1]);
    for (const [unit, text] of [
      ["dollars", "1200 km"],
      ["dollars", "12"],
      ["dollars", "1201"],
      ["pens", "1200 km"],
      ["pens", "1200 books"],
      ["pens", "$1200"],
      ["pens", "x=1200"],
      ["pens", "1200 pens and more"],
      ["km", "1200 pens"],
      ["km", "120%"],
    ])
      expect([unit, text, task.verify(told(unit), text)]).toEqual([unit, text, 0]);
  });

  it("are told with words in their right forms", () => {
    expect(new Set(PEOPLE.map(({ name }) => name)).size).toBe(PEOPLE.length);
    expect(new Set(THINGS.map(({ one }) => one)).size).toBe(THINGS.length);
    for (const { fields } of problems) {
      expect(fields.text).toMatch(/^[A-Z0-9].*\?$/);
      expect(fields.text).not.toMatch(/\b1 \w+s\b|undefined|NaN|\{|\}| {2}|\b(\w+) \1\b/);
    }
  });

  it("refuse kinds and numbers of steps that there are not", () => {
    expect(() => createWordProblemsTask({ stories: { war: 1 } })).toThrow(/"stories": keys must be shopping, .*"war"/);
    expect(() => createWordProblemsTask({ steps: { 5: 1 } })).toThrow(/"steps": keys must be 1, 2, 3, 4, got "5"/);
  });
});
