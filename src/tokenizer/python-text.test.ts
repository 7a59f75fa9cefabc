// Text as Python 3.11 prints it: `str` of lists that hold each kind of value.
import { expect, it } from "vitest";
import { pythonText, type TemplateValue } from "./python-text.js";

const of = (value: unknown, type = "StringValue"): TemplateValue => ({ type, value });
const list = (...values: TemplateValue[]) => pythonText(of(values, "ArrayValue"));

it.each([
  ["plain", "'plain'"],
  ["it's", '"it\'s"'],
  ['it\'s "so"', "'it\\'s \"so\"'"],
  ["tab\t line\n back\\", "'tab\\t line\\n back\\\\'"],
  ["\u0007\u007f\u00a0é", "'\\x07\\x7f\\xa0é'"],
  ["\u2028\u200b\ufeff", "'\\u2028\\u200b\\ufeff'"],
  ["🔥\u{e0001}", "'🔥\\U000e0001'"],
])("the text %j", (text, expected) => {
  expect(list(of(text))).toBe(`[${expected}]`);
});

it("numbers, booleans, nothing, and what holds others", () => {
  const numbers = [0.00001, -0.5, 1.5e-7, 2].map((x) => of(x, "FloatValue"));
  expect(list(...numbers, of(2, "IntegerValue"))).toBe("[1e-05, -0.5, 1.5e-07, 2.0, 2]");
  expect(list(of(true), of(false), of(null, "NullValue"))).toBe("[True, False, None]");
  expect(list(of(new Map([["a", of([], "ArrayValue")]]), "ObjectValue"))).toBe("[{'a': []}]");
});
