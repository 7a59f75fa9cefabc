// Where the answer of a reply is found, and where none is.
import { expect, it } from "vitest";
import { type ExtractionOptions, extractAnswer } from "./extract.js";
import { gradeAnswer, matchesAnswer } from "./grade.js";

it.each<readonly [reply: string, answer: string, by: string]>([
  ["So \\boxed{4}. Wait, no: \\boxed{\\frac{\\sqrt{3}}{2}}.", "\\frac{\\sqrt{3}}{2}", "mark"],
  ["<answer>12</answer>", "12", "mark"],
  ["\\boxed{\\boxed{7}}", "7", "mark"],
  ["It is \\boxed 5.", "5", "mark"],
  ["It is $\\fbox{5}$.", "5", "mark"],
  ["\\boxed{1} and \\boxed{-2}", "1, -2", "mark"],
  ["\\boxed{1} papers and \\boxed{2} bins", "1, 2", "mark"],
  ["\\boxed{1} no no no no no \\boxed{2}", "2", "mark"],
  ["First \\boxed{3}, and checking once more gives the same number: \\boxed{3}", "3", "mark"],
  ["$\\boxed{28}$ percent", "28%", "mark"],
  ["It ends in \\boxed{\\frac{1}{2}", "\\frac{1}{2}", "mark"],
  ["x = \\boxed{200}. Later: the final answer is $255$.", "255", "phrase"],
  ["The answer is 42. I hope it is correct.", "42", "phrase"],
  ["Final Answer: The largest $n$ is 34.", "34", "phrase"],
  ["The final answer is $[-3, 2]$. I hope it is correct.", "[-3, 2]", "phrase"],
  ["**Answer:** 3.5", "3.5", "phrase"],
  ["$\\frac{3}{4}$", "\\frac{3}{4}", "whole"],
  ["$-2,1$", "-2,1", "whole"],
  ["-7", "-7", "whole"],
  ["Therefore $x \\geq 5$ holds.", "x \\geq 5", "formula"],
  ["We have $n = 3$, so there are 12 of them.", "12", "number"],
  ["She has 1,250 left.", "1,250", "number"],
  ["This happens with probability 2/3.", "2/3", "number"],
  ["The rate rises by 12.5%.", "12.5%", "number"],
])("%s", (reply, answer, by) => {
  const found = extractAnswer(reply);
  expect(found?.by).toBe(by);
  expect(gradeAnswer(answer, found?.text ?? "").isEqual, found?.text).toBe(true);
});

it("a reply without an answer has none", () => {
  for (const reply of ["", "   ", "I do not know what they want."]) expect(extractAnswer(reply)).toBeNull();
});

const CHOICES: ExtractionOptions = { choices: "ABCD" };
it.each([
  ["The answer is (C).", "C"],
  ["**Answer: B**", "B"],
  ["\\boxed{\\text{(D)}}", "D"],
  ["A. Because B is not valid", "A"],
  ["Both A and B fail, so it must be C", "C"],
  ["The correct answer is $\\textbf{B}$.", "B"],
])("%s chooses %s", (reply, letter) => {
  expect(extractAnswer(reply, CHOICES)?.text).toBe(letter);
});

it("a reply that names no choice has none", () => {
  expect(extractAnswer("No valid answer here", CHOICES)).toBeNull();
  expect(extractAnswer("All of them", CHOICES)).toBeNull();
});

it("a long reply takes no time", () => {
  const started = performance.now();
  for (const piece of ["$", "\\boxed{", "answer is ", "\\( ", "1,", "is ", "\\boxed{1} and ", "\\["])
    extractAnswer(piece.repeat(20_000));
  expect(performance.now() - started).toBeLessThan(2000);
});

it("arithmetic that is left undone is equal and earns nothing", () => {
  for (const [gold, given] of [
    ["5", "15 - 10"],
    ["12", "3 \\cdot 4"],
    ["10", "(9+1)"],
    ["4", "\\frac{6+2}{2}"],
  ]) {
    expect(gradeAnswer(gold, given)).toEqual({ isEqual: true, rung: "value" });
    expect(matchesAnswer(gold, given)).toBe(0);
  }
  for (const [gold, given] of [
    ["1024", "2^{10}"],
    ["2000", "2 \\cdot 10^3"],
    ["0.75", "\\frac{3}{4}"],
    ["3+4", "7"],
    ["5\\sqrt2", "\\sqrt{50}"],
  ])
    expect(matchesAnswer(gold, given)).toBe(1);
});
