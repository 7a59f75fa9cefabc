// Claims about a person's own data set: every malformed file is named by line, the held-out split is deterministic.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../errors.js";
import { createJsonlTask } from "./jsonl-task.js";
import { matchesAnswer } from "./match-answer.js";
import { parseResponse } from "./response.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-jsonl-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let numFiles = 0;
function file(...lines: string[]): string {
  const path = join(folder, `${numFiles++}.jsonl`);
  writeFileSync(path, lines.join("\n"));
  return path;
}
const rows = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ prompt: `What is ${i}+1?`, answer: i + 1, topic: i % 2 ? "odd" : "even" }),
  );

describe("jsonl task", () => {
  it("serves every line once per pass, each pass in a new order, columns by name", () => {
    const task = createJsonlTask({ path: file(...rows(40)) });
    const length = task.numProblems?.train ?? 0;
    const pass = (p: number, seed = 0) =>
      Array.from({ length }, (_, i) => task.generate(seed, p * length + i, "train").id);
    expect(new Set(pass(0)).size).toBe(length);
    expect(pass(1)).not.toEqual(pass(0));
    expect([...pass(1)].sort()).toEqual([...pass(0)].sort());
    expect(pass(0, 1)).not.toEqual(pass(0));
    expect(pass(0)).toEqual(pass(0));
    const problem = task.generate(0, 0, "train");
    expect(problem.fields).toMatchObject({ topic: expect.stringMatching(/odd|even/), prompt: problem.id });
    expect(task.verify(problem, ` ${problem.answer} `)).toBe(1);
    expect(task.validate()).toMatchObject({ numTrain: length, numHeldOut: 40 - length });
  });

  it("splits by content: same file same split, equal prompts on one side, new lines move no old ones", () => {
    const heldOut = (count: number, extra: string[] = []) => {
      const task = createJsonlTask({ path: file(...extra, ...rows(count)), heldOutFraction: 0.3 });
      return Array.from({ length: task.numProblems?.heldout ?? 0 }, (_, i) => task.generate(0, i, "heldout").id).sort();
    };
    const before = heldOut(60);
    expect(before.length).toBeGreaterThan(8);
    expect(before.length).toBeLessThan(28);
    expect(heldOut(60)).toEqual(before);
    expect(heldOut(80)).toEqual(expect.arrayContaining(before));
    const doubled = heldOut(60, rows(60));
    expect(doubled).toEqual([...before, ...before].sort());
  });

  it("leaves neither split of a small file empty unless told to", () => {
    expect(createJsonlTask({ path: file(...rows(3)), heldOutFraction: 0.01 }).numProblems).toEqual({
      train: 2,
      heldout: 1,
    });
    expect(createJsonlTask({ path: file(...rows(3)), heldOutFraction: 0.99 }).numProblems).toEqual({
      train: 1,
      heldout: 2,
    });
    const all = createJsonlTask({ path: file(...rows(3)), heldOutFraction: 0 });
    expect(all.numProblems).toEqual({ train: 3, heldout: 0 });
    expect(() => all.generate(0, 0, "heldout")).toThrow(ConfigError);
  });

  it.each([
    ["truncated JSON", ['{"prompt":"a","answer":"b"}', "", '{"prompt":"a",'], /:3: not valid JSON/],
    ["an array", ["[1]"], /:1: expected a JSON object, got \[1\]/],
    ["a missing column", ['{"prompt":"a","reply":"b"}'], /:1: column "answer" is missing; the line has: prompt, reply/],
    ["an empty prompt", ['{"prompt":" ","answer":"b"}'], /:1: column "prompt" must be a non-empty string/],
    [
      "a null answer",
      ['{"prompt":"a","answer":null}'],
      /:1: column "answer" must be a non-empty string or a number, got null/,
    ],
    ["an empty file", ["", " "], /is empty/],
  ])("names file and line of %s", (_, lines, message) => {
    const path = file(...lines);
    expect(() => createJsonlTask({ path })).toThrow(DataError);
    expect(() => createJsonlTask({ path })).toThrow(message);
    expect(() => createJsonlTask({ path })).toThrow(path);
  });

  it("names a file that is not there, and unknown options", () => {
    expect(() => createJsonlTask({ path: join(folder, "none.jsonl") })).toThrow(/cannot read data set .*none\.jsonl/);
    expect(() => createJsonlTask({ path: "x", column: "y" } as never)).toThrow(
      /unknown option "column"; known options: path, promptColumn/,
    );
  });

  it("reads other column names, a byte-order mark and Windows line ends", () => {
    const path = file('\uFEFF{"question":"a","solution":"b"}\r', '{"question":"c","solution":"d"}\r');
    expect(createJsonlTask({ path, promptColumn: "question", answerColumn: "solution" }).numProblems).toEqual({
      train: 1,
      heldout: 1,
    });
  });

  it("grades a boxed answer outside the tags, whatever form its number has", () => {
    const task = createJsonlTask({ path: file('{"prompt":"How much?","answer":1000}'), heldOutFraction: 0 });
    const problem = task.generate(0, 0, "train");
    const grade = (text: string) => task.verify(problem, parseResponse(text).answer ?? "");
    for (const answer of ["1{,}000", "\\$1,000", "\\frac{2000}{2}", "10^3"])
      expect(grade(`<think>so</think> It is \\boxed{${answer}}.`)).toBe(1);
    expect(grade("<think>\\boxed{1000}</think> It is \\boxed{1001}.")).toBe(0);
    expect(grade("<think>\\boxed{1000}")).toBe(0);
  });

  it("compares numbers by value and words without case and spacing", () => {
    expect([
      matchesAnswer("0.5", "1/2"),
      matchesAnswer("Paris  France", " paris france"),
      matchesAnswer("7", "seven"),
      matchesAnswer("7", ""),
    ]).toEqual([1, 1, 0, 0]);
  });
});
