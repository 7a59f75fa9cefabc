// The thread of the upper rungs: what takes too long is stopped after a second, and does not take the next pair along.
import { expect, it } from "vitest";
import { LIMIT_MS } from "./algebra-host.js";
import { gradeAnswer } from "./grade.js";

/** Forty values that only many digits tell apart, each beside each. */
const values = Array.from({ length: 40 }, (_, i) => `e^{x+${i}}`);
const squares = values.map((value) => `\\tan^2(${value})+1`).join(",");
const sameSquares = values
  .reverse()
  .map((value) => `\\sec^2(${value})`)
  .join(",");

it("a pair that takes more than a second is given up, and the next one is served", () => {
  gradeAnswer("\\sqrt{x}", "x^{1/2}"); // starts the thread
  const started = performance.now();
  expect(gradeAnswer(squares, sameSquares).rung).toBe("unparsed");
  expect(performance.now() - started).toBeGreaterThan(LIMIT_MS - 100);
  expect(performance.now() - started).toBeLessThan(LIMIT_MS + 500);
  expect(gradeAnswer("\\sin 2x", "2\\sin x\\cos x").rung).toBe("probable");
});

it.each([
  ["(a+b+c+d+e+f+g)^{60}", "(a+b+c+d+e+f-g)^{60}"],
  ["10^{10^{10^{10}}}", "10^{10^{10}}"],
  ["(((x^{99})^{99})^{99})^{99}", "x^{99^{4}}+1"],
  ["9999999999!", "9999999998!"],
  ["\\sqrt".repeat(150), "\\sqrt{".repeat(150)],
  ["\\binom{4999}{2500}x", "\\binom{4998}{2500}x"],
  ["\\sin(10^{300})", "\\cos(10^{300})"],
  ["(".repeat(480) + ")".repeat(480), "x"],
  ["x^{".repeat(200) + "}".repeat(200), "x"],
])("hostile pair %# is refused within the limit", (gold, given) => {
  const started = performance.now();
  expect(gradeAnswer(gold, given).isEqual).toBe(false);
  expect(performance.now() - started).toBeLessThan(LIMIT_MS + 500);
});

it("a text that asks for properties of objects finds none", () => {
  expect(gradeAnswer("5 toString", "5 constructor").rung).toBe("different");
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"])
    for (const text of [name, `\\${name}`, `\\${name}{x}`, `\\text{${name}}`, `${name}(x)`])
      expect(gradeAnswer("5", text).isEqual, text).toBe(false);
});
