// What counts as the same answer, and what does not: a table of pairs in the forms that people and R1 distills write.
// Inspired by what Math-Verify's users reported: answers refused for their dress, and different ones accepted.
import { describe, expect, it } from "vitest";
import { matchesAnswer } from "./grade.js";

/** The first text of a row equals all the others. */
const EQUAL: readonly (readonly [expected: string, ...given: string[]])[] = [
  [
    "1000",
    "1,000",
    "1{,}000",
    "1\\,000",
    "1 000",
    "1000.",
    "1,000.00",
    "1000.0",
    "$1,000$",
    "1,\\!000",
    "1,\\! 000",
    "10^3",
    "1e3",
    "1 thousand",
  ],
  ["1234567.5", "1,234,567.5", "1{,}234{,}567.50", "1 234 567.5"],
  [
    "42",
    "42.",
    "\\boxed{42}",
    "$42$",
    "**42**",
    "\\(42\\)",
    "\\[42\\]",
    "$$42$$",
    "`42`",
    "$\\boxed{42}$",
    "{42}",
    "(42)",
    "+42",
    " 42 ",
    "\\boxed{42}.",
  ],
  [
    "42",
    "The answer is \\boxed{42}.",
    "\\boxed{41}, no: \\boxed{42}",
    "**\\boxed{42}**",
    "\\text{42}",
    "$\\displaystyle 42$",
    "42.000",
    "\\mathbf{42}",
  ],
  [
    "1/2",
    "\\frac{1}{2}",
    "\\dfrac{1}{2}",
    "\\tfrac12",
    "\\dfrac12",
    "\\frac1{2}",
    ".5",
    "0.5",
    "0.50",
    "2/4",
    "½",
    "{1}/{2}",
    "1 / 2",
    "$\\frac{2}{4}$",
  ],
  ["0.5", "1/2", "\\frac{0.5}{1}", "\\left(\\frac{1}{2}\\right)", "50%", "5\\times10^{-1}"],
  ["-3", "−3", "–3", "-3.0", "$-3$", "- 3", "\\boxed{-3}", "-\\frac{6}{2}", "(-3)", "-(3)", "\\frac{-6}{2}"],
  [
    "18",
    "$18",
    "\\$18",
    "$18.00",
    "$\\$18$",
    "18 dollars",
    "18\\text{ dollars}",
    "18 \\text{dollars}",
    "\\$18.00",
    "18€",
    "€18",
  ],
  ["$18", "18", "18 dollars", "\\$18.00", "18.00 usd"],
  [
    "50%",
    "50\\%",
    "50 percent",
    "50 %",
    "$50\\%$",
    "50",
    "0.5",
    "1/2",
    "\\frac{1}{2}",
    "$50$ %",
    "50 pct",
    "\\boxed{50\\%}",
  ],
  ["3/2", "1\\frac{1}{2}", "1 1/2", "1½", "1.5", "1 \\frac12", "1\\tfrac{1}{2}", "x = \\frac{3}{2}", "1\\dfrac{2}{4}"],
  ["-3/2", "-1\\frac{1}{2}", "-\\frac{3}{2}", "\\frac{3}{-2}", "-1 1/2", "−1.5"],
  [
    "2000",
    "2\\times10^3",
    "2 \\times 10^{3}",
    "2×10³",
    "2*10^3",
    "2e3",
    "2E3",
    "2 \\cdot 10^3",
    "2 thousand",
    "2.0\\times 10^{3}",
  ],
  ["0.003", "3\\times10^{-3}", "3×10⁻³", "3e-3", "\\frac{3}{1,000}"],
  [
    "5",
    "x = 5",
    "$x=5$",
    "x=5.",
    "5\\text{ cm}",
    "5 cm",
    "5\\,\\mathrm{kg}",
    "5\\textnormal{ miles}",
    "5 \\text{ apples}",
    "5cm",
    "\\theta = 5",
  ],
  ["5", "x_1 = 5", "n = 5\\text{ units}"],
  ["5\\text{ cm}", "5 cm", "5\\ \\mathrm{cm}", "5 centimeters", "5"],
  ["12 cm^2", "12\\text{ cm}^2", "12 cm²", "12\\,\\text{cm}^{2}"],
  ["90", "90^\\circ", "90°", "90^{\\circ}", "90 degrees"],
  ["3 hours", "3 hr", "3\\text{ hours}", "3 hour"],
  ["1/3", "0.\\overline{3}", "0.\\overline3", "\\frac{1}{3}"],
  ["7/6", "1.1\\overline{6}", "1 1/6"],
  ["3.5 million", "3,500,000", "3.5\\text{ million}", "3.5e6"],
  ["x = 5", "5", "x=5", "$x = 5$"],
  ["Paris", "paris", " PARIS. ", "\\text{Paris}", "**Paris**", "\\boxed{\\text{Paris}}", "Paris  "],
  ["A", "\\boxed{A}", "a", "\\text{A}", "**A**"],
  ["\\sqrt{2}", "$\\sqrt2$", "\\boxed{\\sqrt{2}}", "\\sqrt 2"],
  ["x^2+1", "x^{2} + 1", "$x^2 + 1$"],
  ["\\frac{\\pi}{2}", "\\dfrac{\\pi}{2}", "$\\frac{\\pi}{2}$"],
  ["(3, 4)", "3, 4", "(3; 4)", "(3,4)", "( 3, 4 )", "$(3, 4)$", "\\left(3, 4\\right)"],
  ["B", "(B)", "\\boxed{\\text{(B)}}", "(b)"],
];

/** The first text of a row differs from all the others. */
const DIFFERENT: readonly (readonly [expected: string, ...given: string[]])[] = [
  ["1000", "1,00", "1.000", "100", "10,00", "1,0000", "1 00", "1000!"],
  ["1234", "(1,234)", "1,234,", "12,34", "[1,234]"],
  ["12", "1,2", "1.2", "12!", "21", "AZYUK12A", "12a", "1 2", "12 and 13", "12, 13", "\\{1,2\\}"],
  [
    "42",
    "43",
    "-42",
    "42.5",
    "",
    " ",
    "forty-two",
    "\\boxed{}",
    "\\boxed{43}",
    "42 or 43",
    "42 = 6",
    "\\frac{42}{0}",
    "4 2",
    "42\\boxed{41}",
  ],
  ["1/2", "1/3", "2", "\\frac{2}{1}", "12", "1/2/3", "1 2", "\\frac{1}{20}", "\\frac123", "½½"],
  ["0.28", "28", "2.8%"],
  ["28/100", "28"],
  ["0.5", "50", "5%", "0.50001", "0,5", "0,05"],
  ["50%", "0.05", "5", "500%", "51%", "50 cm"],
  ["-3", "3", "--3", "+-3"],
  ["1/3", "0.33", "0.3333", "0.3\\overline{4}", "33%"],
  ["3/2", "3 1/2", "3\\frac{1}{2}", "1\\frac{3}{2}", "-1\\frac{1}{2}"],
  ["11/2", "1 1/2", "1\\frac12"],
  ["5 cm", "5 m", "5 km", "5 kg", "5 cm^2", "5\\text{ inches}", "6 cm"],
  ["$5", "€5", "5 cents", "$6"],
  ["x = 5", "y = 5", "x = 6", "x > 5", "x = 5 = y"],
  ["5", "5x", "5\\pi", "5i", "5 or so", "5,6", "5 million", "5 hundred", "5^2", "\\sqrt{5}", "5n", "x", "5 not"],
  ["2000", "2\\times10^2", "2\\times10^{-3}", "2^{3}", "2*10", "2e", "2\\times 10^{3}x"],
  ["1/2004!", "1/2006!"],
  ["y=x+1", "y=x+2", "y=2x+1"],
  ["(0,1)", "[0,1]", "(0,2)", "1,0"],
  ["x^2", "x^3", "X^2", "2^x"],
  ["\\Delta", "\\delta"],
  ["111", "0,111", "0 111", "00,111"],
  ["7", "seven", "", "0x7", "7e999", "NaN", "Infinity", "1/0"],
  ["Paris", "Rome", "Paris, France", "Pari s"],
  ["no", "yes", "not"],
  ["(3, 4)", "(34)", "(4, 3)", "4, 3"],
  ["B", "(A)", "(BC)", "[B]"],
];

describe.each(EQUAL)("%s equals", (expected, ...given) => {
  it.each(given)("%s", (text) => {
    expect(matchesAnswer(expected, text)).toBe(1);
    expect(matchesAnswer(text, expected)).toBe(1);
  });
});

describe.each(DIFFERENT)("%s differs from", (expected, ...given) => {
  it.each(given.map((text) => [text]))("%j", (text) => {
    expect(matchesAnswer(expected, text)).toBe(0);
    expect(matchesAnswer(text, expected)).toBe(0);
  });
});

it("hostile answers take no time", () => {
  const started = performance.now();
  for (const text of [
    "1".repeat(1e6),
    "1,".repeat(1e5),
    `\\boxed{${"{".repeat(1e5)}`,
    "$".repeat(499),
    "( ".repeat(249),
    "\\frac".repeat(99),
    "-".repeat(499),
  ])
    expect(matchesAnswer("1", text)).toBe(0);
  expect(performance.now() - started).toBeLessThan(2000);
});

it("a core grades at least 2,000 plain answers a second", () => {
  const pairs = EQUAL.slice(0, 12).flatMap(([gold, ...given]) => given.map((text) => [gold, text] as const));
  const started = performance.now();
  for (let i = 0; i < 2000; i++) matchesAnswer(...pairs[i % pairs.length]);
  expect(performance.now() - started).toBeLessThan(1000);
});
