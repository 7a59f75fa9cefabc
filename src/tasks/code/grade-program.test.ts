// The verdicts on programs: each kind of test, each way to fail, in JavaScript.
import { afterAll, describe, expect, it } from "vitest";
import { gradeProgram, type ProgramToGrade } from "./grade-program.js";
import type { ProgramTest } from "./program.js";
import { endIdleRunners } from "./runner-pool.js";

afterAll(endIdleRunners);

const grade = (program: string, tests: readonly ProgramTest[], more: Partial<ProgramToGrade> = {}) =>
  gradeProgram({ language: "javascript", program, tests, ...more });
const output = (input: string, expected: string): ProgramTest => ({ kind: "output", input, output: expected });
const ADD = "const add = (a, b) => a + b;\nclass Solution { twice(x) { return x * 2; } }";
const call = (name: string, args: string, expected: string): ProgramTest => ({
  ...{ kind: "call", function: name, arguments: args, expected },
});

it("a program that reads its input in any of Node's ways is right", async () => {
  for (const read of [
    "const text = require('fs').readFileSync(0, 'utf8'); console.log(text.trim().split(' ').map(Number))",
    "process.stdin.on('data', (text) => console.log(String(text).trim().split(' ').map(Number)))",
    "require('readline').createInterface({}).on('line', (line) => console.log(line.split(' ').map(Number)))",
    "(async()=>{for await (const l of require('readline').createInterface()) console.log(l.split(' ').map(Number))})()",
  ])
    expect(await grade(read, [output("1 22\n", "[ 1, 22 ]")])).toMatchObject({ isRight: true, share: 1 });
});

it("a wrong output is told with what was expected", async () => {
  const { isRight, tests } = await grade("console.log(3)", [output("", "4")]);
  expect(isRight).toBe(false);
  expect(tests).toMatchObject([{ outcome: "wrong", message: "expected 4, got 3" }]);
});

it("functions and methods are called with JSON values", async () => {
  const tests = [call("add", "1\n2", "3"), call("add", '"a"\n"b"', '"ab"'), call("Solution.twice", "21", "42")];
  expect(await grade(ADD, tests)).toMatchObject({ isRight: true, share: 1 });
  expect(await grade(ADD, [call("sub", "1", "1")])).toMatchObject({
    tests: [{ outcome: "raised", message: "ReferenceError: sub is not defined" }],
  });
});

describe("checks", () => {
  const check = (code: string, name?: string): ProgramTest => ({ kind: "check", code, function: name });

  it("test code calls the program by its names, or by the function that it is handed", async () => {
    const tests = [
      check("console.assert(add(1, 2) === 3)"),
      check("const check = (f) => { require('assert').deepEqual(f([1], 'x'), '1x'); }", "add"),
    ];
    expect(await grade(ADD, tests)).toMatchObject({ isRight: true });
    expect(await grade(ADD, [check("console.assert(add(1, 2) === 4, 'one and two')")])).toMatchObject({
      tests: [{ outcome: "raised", message: "AssertionError: one and two" }],
    });
  });

  it("plain values of all kinds go to and fro unchanged", async () => {
    const code = String.raw`
      const values = [null, undefined, true, -0, NaN, Infinity, 1.5, 12345678901234567890n, "\u00e4\n", [1, [2]]];
      for (const value of values)
        console.assert(Object.is(same(value), value) || typeof value === "object", String(value));
      console.assert(same(new Map([[1, "x"]])).get(1) === "x");
      console.assert(same(new Set([1, "1"])).size === 2);
      require("assert").deepStrictEqual(same({ a: { b: [] }, c: [1, [2]] }), { a: { b: [] }, c: [1, [2]] });
    `;
    expect((await grade("function same(value) { return value; }", [check(code)])).tests).toMatchObject([
      { outcome: "passed" },
    ]);
  });
});

it("each way to fail has its name", async () => {
  const limits = { timeoutSeconds: 0.5, outputKb: 16, memoryMb: 64 };
  const outcome = async (program: string) => (await grade(program, [output("", "")], { limits })).tests[0].outcome;
  expect(await outcome("for (;;);")).toBe("time");
  expect(await outcome("throw new Error('no')")).toBe("raised");
  expect(await outcome("process.exit(3)")).toBe("raised");
  expect(await outcome("const = 1")).toBe("raised");
  expect(await outcome("for (;;) console.log('x'.repeat(1000))")).toBe("output");
  expect(await outcome("const all = []; for (;;) all.push(new Uint8Array(1e6))")).toBe("memory");
  expect(await outcome("process.exit(0)")).toBe("passed");
});

it("tests after the first that fails are skipped, unless the share is asked for", async () => {
  const tests = [output("", "1"), output("", "2"), output("", "1")];
  expect(await grade("console.log(1)", tests)).toMatchObject({
    tests: [{ outcome: "passed" }, { outcome: "wrong" }, { outcome: "skipped" }],
  });
  const { isRight, share } = await grade("console.log(1)", tests, { stopsAtFailure: false });
  expect({ isRight, share }).toEqual({ isRight: false, share: 2 / 3 });
});

it("a program is neither right nor tested without tests, and bad limits are refused by name", async () => {
  expect(await grade("", [])).toEqual({ isRight: false, share: 0, tests: [] });
  await expect(grade("", [], { limits: { timeoutSeconds: 0 } })).rejects.toThrow("timeoutSeconds");
  await expect(gradeProgram({ language: "cobol" as never, program: "", tests: [] })).rejects.toThrow(
    "language of a program: expected python or javascript, got cobol",
  );
});

it("many programs are graded at once, and none sees what another left", async () => {
  const programs = Array.from(
    { length: 20 },
    (_, i) => `console.log(globalThis.left ?? ${i}); globalThis.left = "left"`,
  );
  const verdicts = await Promise.all(programs.map((program, i) => grade(program, [output("", `${i}`)])));
  expect(verdicts.every(({ isRight }) => isRight)).toBe(true);
});
