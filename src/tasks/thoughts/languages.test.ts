// Claims about measuring the language of a thought, with counts made by hand.
import { describe, expect, it } from "vitest";
import { languageShares } from "./languages.js";

describe("languageShares", () => {
  it.each([
    ["3 times 4 is 12.", { english: 1, symbols: 0, other: 0 }],
    ["3*4=12;12-5=7;", { english: 0, symbols: 1, other: 0 }],
    ["minus -3 is not +3", { english: 1, symbols: 0, other: 0 }],
    ["17-(-4)=21", { english: 0, symbols: 1, other: 0 }],
    ["a well-known 30-dollar ring, 40 km/h, I think", { english: 1, symbols: 0, other: 0 }],
    ["So x: 3x - 5 = 10", { english: 1 / 3, symbols: 2 / 3, other: 0 }],
    ["trois fois quatre égale douze", { english: 0.8, symbols: 0, other: 0.2 }],
    ["the answer 答案是", { english: 0.4, symbols: 0, other: 0.6 }],
    ["12, 7; x y", { english: 0, symbols: 0, other: 0 }],
    ["", { english: 0, symbols: 0, other: 0 }],
  ])("of %j", (text, shares) => {
    const found = languageShares(text);
    for (const key of ["english", "symbols", "other"] as const) expect(found[key]).toBeCloseTo(shares[key], 12);
  });

  it("is linear in the length of the text", () => {
    expect(languageShares("- ".repeat(200_000)).symbols).toBe(1);
    expect(languageShares("a".repeat(200_000)).english).toBe(1);
  });
});
