// Claims about the traces of every task: right and wrong as asked, true where they are right, in their language, within
// their bound.
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../errors.js";
import { Random } from "../../random.js";
import { evaluateExpression } from "../expression.js";
import { createTask } from "../registry.js";
import { parseResponse } from "../response.js";
import { languageShares } from "./languages.js";
import { THINKING_TASKS, type ThoughtOptionsInput, thinkAbout, thoughtOptions } from "./trace.js";

const MANY = 300;
const clean = { sloppyFormat: 0 } as const;

/** Traces of the first problems of a task. */
function traces(name: string, options: ThoughtOptionsInput, count = MANY) {
  const task = createTask(name);
  const checked = thoughtOptions(options);
  return Array.from({ length: count }, (_, i) => {
    const problem = task.generate(2, i, "train");
    const trace = thinkAbout(name, problem, new Random(i), checked);
    if (!trace) throw new Error(`no trace for ${problem.id}`);
    return { task, problem, trace, response: parseResponse(trace.text) };
  });
}

describe.each(THINKING_TASKS)("thoughts about %s", (name) => {
  it("say rightly whether they are right, as often as asked", () => {
    const all = traces(name, { ...clean, wrong: 0.4 });
    for (const { task, problem, trace, response } of all) {
      expect(response.wellFormed).toBe(true);
      expect([problem.id, response.answer, task.verify(problem, response.answer ?? "")]).toEqual([
        problem.id,
        response.answer,
        Number(trace.correct),
      ]);
    }
    const wrong = all.filter(({ trace }) => !trace.correct).length / MANY;
    expect(wrong).toBeGreaterThan(0.3);
    expect(wrong).toBeLessThan(0.5);
  });

  it("are wholly in the language asked for, and in both where mixed", () => {
    for (const language of ["english", "symbols"] as const)
      for (const { response } of traces(name, { ...clean, languages: { [language]: 1 } }, 100))
        expect([response.think, languageShares(response.think ?? "")[language]]).toEqual([response.think, 1]);
    const shares = traces(name, { ...clean, languages: { mixed: 1 }, failures: { 3: 1 } }, 100).map(
      ({ response }) => languageShares(response.think ?? "").english,
    );
    expect(shares.filter((share) => share > 0 && share < 1).length).toBeGreaterThan(40);
  });

  it("are never longer than their bound", () => {
    for (const { trace } of traces(name, { maxCharacters: 400, failures: { 0: 1, 8: 1 } }, 200))
      expect(trace.text.length).toBeLessThanOrEqual(400);
    const task = createTask(name);
    expect(thinkAbout(name, task.generate(0, 0, "train"), new Random(0), thoughtOptions({ maxCharacters: 20 }))).toBe(
      null,
    );
  });

  it("are a pure function of problem, stream and options", () => {
    const [first, second] = [traces(name, {}, 20), traces(name, {}, 20)];
    expect(first.map(({ trace }) => trace)).toEqual(second.map(({ trace }) => trace));
  });

  it("miss the format as often as asked", () => {
    const bad = traces(name, { sloppyFormat: 0.5 }).filter(({ response }) => !response.wellFormed).length / MANY;
    expect(bad).toBeGreaterThan(0.4);
    expect(bad).toBeLessThan(0.6);
  });
});

describe("steps in symbols", () => {
  it.each(["arithmetic", "linear-equations", "linear-systems", "word-problems"])(
    "are all true in a right thought about %s, but for a slip that is noticed",
    (name) => {
      for (const { response } of traces(name, { ...clean, wrong: 0, corrected: 0.5, languages: { symbols: 1 } })) {
        const lines = (response.think ?? "").split(" ").filter((line) => line !== "");
        for (const [i, line] of lines.entries()) {
          if (line === "??") continue;
          const [, formula, value] = /^(.*)=(-?\d+(?:\/\d+)?);$/.exec(line) ?? [];
          const isTrue = `${evaluateExpression(formula.replace(/(?<![\d)])-(\d+)/g, "(0-$1)"))?.value.num}` === value;
          expect([response.think, i, isTrue]).toEqual([response.think, i, lines[i + 1] !== "??"]);
        }
      }
    },
  );

  it("notice a slip about as often as asked", () => {
    const all = traces("word-problems", { ...clean, wrong: 0, corrected: 0.5, languages: { symbols: 1 } });
    const share = all.filter(({ trace }) => trace.text.includes("?? ")).length / MANY;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });
});

describe("options of thoughts", () => {
  it("are checked", () => {
    expect(() => thoughtOptions({ failures: { "-1": 1 } })).toThrow(/"failures": keys must be 0 … 999/);
    expect(() => thoughtOptions({ languages: { english: 0 } })).toThrow(ConfigError);
    expect(() => thoughtOptions({ wrongs: 1 } as never)).toThrow(/unknown option "wrongs", did you mean "wrong"|wrong/);
    const problem = createTask("countdown").generate(0, 0, "train");
    expect(() => thinkAbout("chess", problem, new Random(0), thoughtOptions())).toThrow(
      /no thoughts are known for task chess; known tasks: countdown/,
    );
  });
});
