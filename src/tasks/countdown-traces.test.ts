// Claims about the search-trace corpus: every line written is true, wrong outcomes stay in, the format is as
// documented.
import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors.js";
import { Random } from "../random.js";
import { createCountdownTask } from "./countdown.js";
import { generateTrace, searchTrace, traceOptions } from "./countdown-traces.js";
import { evaluateExpression } from "./expression.js";
import { parseResponse } from "./response.js";
import { countResponseTokens, traceStatistics } from "./trace-statistics.js";

const task = createCountdownTask({ numbers: { 3: 0.5, 4: 0.5 }, maxNumber: 15, maxTarget: 60 });
const clean = traceOptions({ sloppyFormat: 0 });
const traces = Array.from({ length: 400 }, (_, index) => {
  const problem = task.generate(1, index, "train");
  return { problem, trace: searchTrace(problem, new Random(index), clean) };
});

describe("countdown traces", () => {
  it("are a pure function of problem, stream and options", () => {
    const problem = task.generate(0, 0, "train");
    expect(generateTrace(problem, new Random(1), clean)).toBe(generateTrace(problem, new Random(1), clean));
    expect(generateTrace(problem, new Random(1), clean)).not.toBe(generateTrace(problem, new Random(2), clean));
  });

  it("write only true steps, each chain consuming every number once and marked by whether it hit the target", () => {
    for (const { problem, trace } of traces) {
      const { think } = parseResponse(trace.text);
      const attempts = (think ?? "").match(/[^;!]+[;!]/g) ?? [];
      expect(attempts.join("")).toBe(think);
      for (const [i, attempt] of attempts.entries()) {
        const pool = [...problem.fields.numbers];
        for (const step of attempt.slice(0, -1).split(",")) {
          const [, a, operator, b, c] = /^(\d+)([-+*/])(\d+)=(\d+)$/.exec(step) ?? [];
          for (const used of [a, b]) expect(pool.splice(pool.indexOf(Number(used)), 1)).toEqual([Number(used)]);
          expect(evaluateExpression(`${a}${operator}${b}`)?.value).toEqual({ num: BigInt(c), den: 1n });
          pool.push(Number(c));
        }
        expect(pool).toHaveLength(1);
        expect(attempt.endsWith("!")).toBe(pool[0] === problem.fields.target);
        expect(attempt.endsWith("!")).toBe(i === attempts.length - 1 && trace.solved);
      }
      expect(attempts).toHaveLength(trace.numAttempts);
    }
  });

  it("answer with the last attempt's expression: right exactly when the search reached the target", () => {
    for (const { problem, trace } of traces) {
      const { answer, think, wellFormed } = parseResponse(trace.text);
      expect(wellFormed).toBe(true);
      expect(task.verify(problem, answer ?? "")).toBe(trace.solved ? 1 : 0);
      const lastValue = /=(\d+)[;!]$/.exec(think ?? "")?.[1];
      expect(evaluateExpression(answer ?? "")?.value.num).toBe(BigInt(lastValue ?? -1));
    }
  });

  it("keep failures: both outcomes and both styles are common", () => {
    const solved = traces.filter(({ trace }) => trace.solved).length;
    expect(solved).toBeGreaterThan(40);
    expect(solved).toBeLessThan(360);
    expect(traces.some(({ trace }) => !trace.solved && trace.numAttempts === trace.attemptBudget)).toBe(true);
    expect(new Set(traces.map(({ trace }) => trace.style))).toEqual(new Set(["random", "greedy-last"]));
  });

  it("do not repeat an attempt while there are others", () => {
    const long = traceOptions({ attempts: { 12: 1 }, styles: { random: 1 }, sloppyFormat: 0 });
    for (let index = 0; index < 100; index++) {
      const problem = { ...task.generate(1, index, "train"), fields: { numbers: [2, 5, 7, 11], target: 9999 } };
      const attempts = (parseResponse(generateTrace(problem, new Random(index), long)).think ?? "")
        .split(";")
        .slice(0, -1);
      expect(attempts).toHaveLength(12);
      expect(new Set(attempts).size).toBe(12);
    }
  });

  it("end the last step nearest to the target in the greedy-last style", () => {
    const greedy = traceOptions({ attempts: { 1: 1 }, styles: { "greedy-last": 1 }, sloppyFormat: 0 });
    const problem = { ...task.generate(0, 0, "train"), fields: { numbers: [9, 4], target: 37 } };
    expect(generateTrace(problem, new Random(0), greedy)).toBe("<think>9*4=36;</think><answer>9*4</answer>");
  });

  it("are malformed as often as asked, in several ways", () => {
    const sloppy = traceOptions({ sloppyFormat: 0.5 });
    const texts = Array.from({ length: 600 }, (_, i) =>
      generateTrace(task.generate(2, i, "train"), new Random(i), sloppy),
    );
    const bad = texts.filter((text) => !parseResponse(text).wellFormed);
    expect(bad.length / texts.length).toBeGreaterThan(0.43);
    expect(bad.length / texts.length).toBeLessThan(0.57);
    const shapes = new Set(bad.map((text) => (text.match(/<\/?(think|answer)>/g) ?? []).join("")));
    expect(shapes.size).toBe(6);
  });

  it("are made fast enough for a corpus: 20,000 of three numbers within seconds", () => {
    const three = createCountdownTask();
    const problems = Array.from({ length: 500 }, (_, i) => three.generate(0, i, "train"));
    const random = new Random(0);
    const start = performance.now();
    for (let i = 0; i < 20000; i++) generateTrace(problems[i % 500], random);
    const elapsedMs = performance.now() - start;
    expect(elapsedMs).toBeLessThan(8000);
  });

  it("refuse unknown options and impossible budgets", () => {
    expect(() => traceOptions({ sloppy: 1 } as never)).toThrow(
      /unknown option "sloppy"; known options: attempts, styles, sloppyFormat/,
    );
    expect(() => traceOptions({ attempts: { "0": 1 } })).toThrow(ConfigError);
    expect(() => traceOptions({ styles: { dfs: 1 } as never })).toThrow(ConfigError);
  });
});

describe("trace statistics", () => {
  it("count what the corpus holds, and more attempts are right more often and longer", () => {
    const few = traceStatistics({ traces: { attempts: { 1: 1 }, sloppyFormat: 0 }, numTraces: 500 });
    const many = traceStatistics({ traces: { attempts: { 12: 1 }, sloppyFormat: 0 }, numTraces: 500 });
    expect(few).toMatchObject({ numTraces: 500, formatRate: 1, meanAttempts: 1 });
    expect(many.fractionCorrect).toBeGreaterThan(few.fractionCorrect + 0.2);
    expect(many.meanTokens).toBeGreaterThan(2 * few.meanTokens);
    expect(many.byAttemptBudget["12"].numTraces).toBe(500);
    expect(many.byStyle["greedy-last"].numTraces + many.byStyle.random.numTraces).toBe(500);
  });

  it("count a tag as one token", () => {
    expect(countResponseTokens("<think>1+2=3!</think><answer>1+2</answer>")).toBe(4 + 6 + 3);
  });
});
