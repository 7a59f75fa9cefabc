// The verdicts on Python programs: each kind of test, each way to fail, and that no program finds what another left.
import { afterAll, expect, it } from "vitest";
import { gradeProgram, type ProgramToGrade } from "./grade-program.js";
import type { ProgramTest } from "./program.js";
import { endIdleRunners } from "./runner-pool.js";

afterAll(endIdleRunners);

const grade = (program: string, tests: readonly ProgramTest[], more: Partial<ProgramToGrade> = {}) =>
  gradeProgram({ language: "python", program, tests, stopsAtFailure: false, ...more });
const output = (input: string, expected: string): ProgramTest => ({ kind: "output", input, output: expected });
const call = (name: string, args: string, expected: string): ProgramTest => ({
  ...{ kind: "call", function: name, arguments: args, expected },
});
const check = (code: string, name?: string): ProgramTest => ({ kind: "check", code, function: name });
const outcomes = async (program: string, tests: readonly ProgramTest[]) =>
  (await grade(program, tests, { limits: { timeoutSeconds: 2, outputKb: 16, memoryMb: 64 } })).tests.map(
    ({ outcome }) => outcome,
  );

it("a program that reads its input in any of Python's ways is right", async () => {
  for (const read of [
    "a, b = map(int, input().split())",
    "import sys; a, b = map(int, sys.stdin.readline().split())",
    "import sys; a, b = [int(x) for line in sys.stdin for x in line.split()]",
    "a, b = map(int, open(0).read().split())",
    "import os; a, b = map(int, os.read(0, 100).split())",
    "import io, os; input = io.BytesIO(os.read(0, 100)).readline; a, b = map(int, input().split())",
  ])
    expect((await grade(`${read}\nprint(a + b)`, [output("1 2\n", "3"), output("5 5", "10")])).isRight, read).toBe(
      true,
    );
});

it("a program runs as the main one, and may end itself", async () => {
  const program = "import sys\nif __name__ == '__main__':\n  print('main')\n  sys.exit(0)\nprint('not')";
  expect(await grade(program, [output("", "main")])).toMatchObject({ isRight: true });
});

it("functions and methods are called with JSON values, and large integers stay exact", async () => {
  const program = "def power(a, b): return a ** b\nclass Solution:\n  def pair(self, a): return a, {'k': [None, 1.5]}";
  expect(
    await outcomes(program, [
      call("power", "10\n30", `1${"0".repeat(30)}`),
      call("power", "10\n30", `1${"0".repeat(29)}1`),
      call("Solution.pair", '"x"', '["x", {"k": [null, 1.5]}]'),
      call("root", "1", "1"),
    ]),
  ).toEqual(["passed", "wrong", "passed", "raised"]);
});

it("test code calls the program by its names, or by the function that it is handed", async () => {
  const program = "def add(a, b): return a + b\ndef twice(x): return add(x, x)";
  const verdict = await grade(program, [
    check("def check(f):\n  assert f(1, 2) == twice(1) + 1", "add"),
    check("assert add('a', b='b') == 'ab'"),
    check("def check(f):\n  assert f(1, 2) == 4, 'one and two'", "add"),
    check("import numpy as np\nassert np.allclose(add(0.1, 0.2), 0.3)"),
    check("try:\n  add(1, 'x')\n  assert False\nexcept TypeError as error:\n  assert 'unsupported' in str(error)"),
  ]);
  expect(verdict.tests.map(({ outcome }) => outcome)).toEqual(["passed", "passed", "raised", "passed", "passed"]);
  expect(verdict.tests[2].message).toBe("AssertionError: one and two");
});

it("plain values of all kinds go to and fro unchanged", async () => {
  const code = `
from fractions import Fraction
from decimal import Decimal
values = [None, True, 0, -1.5, float("inf"), 10**5000, (1, [2, {3}]), {1: (2,), "a": b"x", None: {}}, frozenset([1]),
          1j, range(3), set(), "\\u00e4\\ud800\\0", Decimal("0.10"), Fraction(1, 3)]
for value in values:
    assert same(value) == value and type(same(value)) is type(value), repr(value)
assert same(float("nan")) != same(float("nan"))
`;
  expect((await grade("def same(value): return value", [check(code)])).tests).toMatchObject([{ outcome: "passed" }]);
});

it("each way to fail has its name", async () => {
  const one = async (program: string) => (await outcomes(program, [output("", "")]))[0];
  expect(await one("while True: pass")).toBe("time");
  expect(await one("raise ValueError('no')")).toBe("raised");
  expect(await one("import sys; sys.exit(3)")).toBe("raised");
  expect(await one("def f(:")).toBe("raised");
  expect(await one("while True: print('x' * 1000)")).toBe("output");
  expect(await one("x = []\nwhile True: x.append(bytearray(10 ** 6))")).toBe("memory");
  expect(await one("print()")).toBe("passed");
});

it("no program finds what another left, nor what its own last run left", async () => {
  const leave = `
import builtins, sys, random, decimal, json
print(getattr(builtins, "left", "clean"), "left" in sys.modules, sum([1, 2]), json.dumps(1), random.random(), hash("a"))
builtins.left = "dirty"; builtins.sum = lambda x: 0; json.dumps = lambda x: "dirty"; sys.modules["left"] = sys
sys.setrecursionlimit(50); decimal.getcontext().prec = 1; random.seed(1)
`;
  const first = await grade(leave, [output("", ""), output("", "")]);
  const second = await grade(leave, [output("", "")]);
  const given = [...first.tests, ...second.tests].map(({ message }) => message);
  expect(given[0]).toContain("got clean False 3 1 0.");
  expect(new Set(given).size).toBe(1);
});
