// What counts as the expected output, and as the expected value.
import { describe, expect, it } from "vitest";
import { sameOutput, sameValue } from "./compare-results.js";

describe("outputs", () => {
  it.each([
    ["3\n", "3"],
    ["3", "3  \n\n"],
    ["a b\nc", "a b \r\nc\n"],
    ["", "\n \n"],
  ])("%j and %j are the same to a judge", (a, b) => {
    expect(sameOutput(a, b)).toBe(true);
    expect(sameOutput(b, a)).toBe(true);
  });

  it.each([
    ["3", "4"],
    ["3", "3.0"],
    ["a b", "a  b"],
    ["a", " a"],
    ["1\n2", "1 2"],
    ["1", "1\n1"],
    ["x", ""],
    ["Yes", "YES"],
  ])("%j and %j are not", (a, b) => {
    expect(sameOutput(a, b)).toBe(false);
    expect(sameOutput(b, a)).toBe(false);
  });

  it("numbers may differ by a tolerance where a test has one, and words may not", () => {
    expect(sameOutput("0.3333333333 x", "0.33333333329 x", 1e-9)).toBe(true);
    expect(sameOutput("1e10", "10000000001", 1e-9)).toBe(true);
    expect(sameOutput("0.3333", "0.3334", 1e-9)).toBe(false);
    expect(sameOutput("1 x", "1 y", 1e-9)).toBe(false);
    expect(sameOutput("nan", "1", 1e-9)).toBe(false);
    expect(sameOutput("1 2", "1", 1e-9)).toBe(false);
  });
});

describe("values", () => {
  it.each([
    ["3", "3.0"],
    ['{"a": 1, "b": [2]}', '{"b":[2],"a":1}'],
    ["12345678901234567890", "12345678901234567890"],
    ["100000000000000000000", "1e20"],
    ['"12345678901234567890"', '"12345678901234567890"'],
    ["null", "null"],
    ["[[], {}]", "[[],{}]"],
    ["Infinity", "Infinity"],
    ["-0.0", "0"],
  ])("%s equals %s", (a, b) => {
    expect(sameValue(a, b)).toBe(true);
    expect(sameValue(b, a)).toBe(true);
  });

  it.each([
    ["12345678901234567890", "12345678901234567891"],
    ["1", "true"],
    ["0", "null"],
    ["0", "false"],
    ["0", '"0"'],
    ["[]", "{}"],
    ["[1]", "[1,1]"],
    ['{"a":1}', '{"a":1,"b":1}'],
    ['{"a":1}', '{"__proto__":1}'],
    ['{"toString":1}', "{}"],
    ["0.1", "0.10000000001"],
    ["NaN", "NaN"],
    ["1", "no JSON"],
    ["1", ""],
    ["[".repeat(100_000), "[".repeat(100_000)],
  ])("%s differs from %s", (a, b) => {
    expect(sameValue(a, b)).toBe(false);
    expect(sameValue(b, a)).toBe(false);
  });

  it("numbers may differ by a tolerance where a test has one, however deep", () => {
    expect(sameValue('{"a":[0.1]}', '{"a":[0.10000000001]}', 1e-9)).toBe(true);
    expect(sameValue('{"a":[0.1]}', '{"a":[0.2]}', 1e-9)).toBe(false);
    expect(sameValue("[1]", '["1"]', 1e-9)).toBe(false);
  });
});
