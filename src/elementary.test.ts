// Claims about elementary functions: the bits that V8 11.3 (Node 20) gave, on every engine; what no number is comes out
// as Math has it.
import { describe, expect, it, test } from "vitest";
import { cos, exp, exponentOf, log, pow, sin, tanh } from "./elementary.js";
import { Random } from "./random.js";

/** FNV-1a over the bits of f at random arguments. */
function hashOf(f: (u: number) => number): string {
  const random = new Random(5);
  const values = Float64Array.from({ length: 50_000 }, () => f(random.float()));
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(values.buffer)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Functions of u from [0, 1), given a set of elementary functions. */
const RANGES = {
  exp:
    ({ exp }) =>
    (u) =>
      exp(u * 1500 - 760),
  "exp near 0":
    ({ exp }) =>
    (u) =>
      exp(u * 4 - 2),
  log:
    ({ log }) =>
    (u) =>
      log(u * 1e3),
  "log near 1":
    ({ log }) =>
    (u) =>
      log(1 + (u - 0.5) * 1e-5),
  "log of denormals":
    ({ log }) =>
    (u) =>
      log(u * 1e-310),
  sin:
    ({ sin }) =>
    (u) =>
      sin(u * 20 - 10),
  "sin of large angles":
    ({ sin }) =>
    (u) =>
      sin(u * 1e6 - 5e5),
  "sin of huge angles":
    ({ sin }) =>
    (u) =>
      sin(u * 4e9),
  cos:
    ({ cos }) =>
    (u) =>
      cos(u * 2 * Math.PI),
  "cos close to multiples of π/2":
    ({ cos }) =>
    (u) =>
      cos(((Math.round(u * 600) * Math.PI) / 2) * (1 + (u - 0.5) * 1e-9)),
  "powers of decay":
    ({ pow }) =>
    (u) =>
      pow(0.95, Math.floor(u * 6000)),
  "RoPE's frequencies":
    ({ pow }) =>
    (u) =>
      pow(10000, -u),
  powers:
    ({ pow }) =>
    (u) =>
      pow(u * 10, u * 7 - 3),
} satisfies Record<string, (of: typeof own) => (u: number) => number>;
const own = { exp, log, sin, cos, pow };

/** Math's own, on the same arguments, in Node 20.20. */
const BITS: Record<keyof typeof RANGES, string> = {
  exp: "f6a63bf3",
  "exp near 0": "eb9f5ce7",
  log: "37b3ff9f",
  "log near 1": "5f1416e9",
  "log of denormals": "27cb3a7e",
  sin: "53620d63",
  "sin of large angles": "cda66cd5",
  "sin of huge angles": "28ca6555",
  cos: "52df997c",
  "cos close to multiples of π/2": "91aa1b0d",
  "powers of decay": "491d8074",
  "RoPE's frequencies": "774006ec",
  powers: "c9a749e4",
};

it.each(Object.keys(RANGES) as (keyof typeof RANGES)[])("%s has the bits of V8 11.3", (name) => {
  expect(hashOf(RANGES[name](own))).toBe(BITS[name]);
});

describe("what is no number, or an end of the range", () => {
  const { NaN: none, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;
  it.each([
    ["exp", exp, [1, 1, none, most, 0]],
    ["log", log, [least, least, none, most, none]],
    ["sin", sin, [0, -0, none, none, none]],
    ["cos", cos, [1, 1, none, none, none]],
    ["tanh", tanh, [0, -0, none, 1, -1]],
  ])("%s is as ECMAScript says", (_, f, expected) => {
    expect([0, -0, none, most, least].map(f)).toEqual(expected);
    expect([exp(710), exp(-746), log(-1), tanh(30), tanh(-30)]).toEqual([most, 0, none, 1, -1]);
  });
  test("powers", () => {
    for (const [x, y] of [
      [3, 0],
      [1, 7.5],
      [3, 1],
      [3, -1],
      [3, 2],
      [9, 0.5],
      [2, 1023],
      [0.5, 1074],
      [2, 5000],
      [0, 2.5],
    ])
      expect(pow(x, y), `${x}^${y}`).toBe(x ** y);
  });
});

test("tanh is right to a few units in the last place", () => {
  for (let x = -25; x < 25; x += 0.0137) {
    const right = Math.tanh(x);
    expect(Math.abs(tanh(x) - right)).toBeLessThanOrEqual(1e-15 * Math.abs(right));
  }
});

test("the sine of 1e22 is right: -0.8522008497671888… (Ng 1992, good to the last bit)", () => {
  expect(sin(1e22)).toBe(-0.8522008497671888);
});

test("exponentOf is the exponent, also just below a power of two", () => {
  expect([1, 1.9999999999999998, 2, 0.49999999999999994, 448].map(exponentOf)).toEqual([0, 0, 1, -2, 8]);
});
