// The ladder for two formulas without structure: by exact value, by algebra, and by value at random points. The first
// rung is quick and bounded by the length of the text; the others are meant for a thread that can be stopped.
import { equalRationals, type Rational, rational } from "../rational.js";
import { equalByAlgebra, proportionByAlgebra } from "./algebra.js";
import type { Outcome, Rungs } from "./compare.js";
import { approximate, exactValue } from "./exact-value.js";
import { type Formula, negated, some } from "./formula.js";
import { probablyEqual, unitsOff } from "./numeric.js";
import { spelled } from "./spell.js";

/** A decimal of at least this many places stands for a fraction or root that it is the rounded value of. */
export interface Rounding {
  readonly decimals: number;
}

/** Decides by exact values; leaves open what has none. */
export const exactRungs = (rounding: Rounding): Rungs => ({
  equal: (a, b) => exactly(a, b, rounding),
  proportional: () => ({ outcome: "open", isNegative: false }),
});

/** All rungs. */
export const allRungs = (rounding: Rounding): Rungs => ({
  equal(a, b) {
    const outcome = exactly(a, b, rounding);
    if (outcome !== "open") return outcome;
    if (equalByAlgebra(a, b)) return "algebra";
    if (isRoundedValue(a, b, rounding) || isRoundedValue(b, a, rounding)) return "probable";
    return probablyEqual(a, b) ? "probable" : "different";
  },
  proportional(a, b) {
    const factor = proportionByAlgebra(a, b);
    if (factor) return { outcome: "algebra", isNegative: factor.num < 0n };
    if (probablyEqual(a, b)) return { outcome: "probable", isNegative: false };
    return { outcome: probablyEqual(a, negated(b)) ? "probable" : "different", isNegative: true };
  },
});

function exactly(a: Formula, b: Formula, rounding: Rounding): Outcome {
  const [x, y] = [exactValue(a), exactValue(b)];
  if (x && y) {
    if (equalRationals(x, y)) return "value";
    return isRounded(a, b, x, y, rounding) || isRounded(b, a, y, x, rounding) ? "probable" : "different";
  }
  if (isInfinite(a) || isInfinite(b)) return spelled(a) === spelled(b) ? "form" : "different";
  return areFarApart(a, b) ? "different" : "open";
}

const isInfinite = (formula: Formula): boolean =>
  some(formula, (part) => part.kind === "symbol" && (part.name === "infinity" || part.name === "dots"));

/** Constants that differ in the third digit; cancellation does not take that many of sixteen. */
function areFarApart(a: Formula, b: Formula): boolean {
  const [x, y] = [approximate(a), approximate(b)];
  const scale = Math.max(Math.abs(x), Math.abs(y));
  return scale > 1e-6 && scale < 1e12 && Math.abs(x - y) > 1e-3 * scale;
}

type Decimal = Formula & { readonly kind: "number" };

/** A decimal with enough places, and none on the other side. */
function mayBeRounded(decimal: Formula, other: Formula, { decimals }: Rounding): Decimal | null {
  if (decimal.kind !== "number" || decimal.places === null || decimal.places < decimals) return null;
  return some(other, (part) => part.kind === "number" && part.places !== null) ? null : decimal;
}

function isRounded(decimal: Formula, other: Formula, x: Rational, y: Rational, rounding: Rounding): boolean {
  const written = mayBeRounded(decimal, other, rounding);
  if (!written) return false;
  const off = rational(x.num * y.den - y.num * x.den, x.den * y.den);
  return 2n * (off.num < 0n ? -off.num : off.num) * 10n ** BigInt(written.places ?? 0) <= off.den;
}

function isRoundedValue(decimal: Formula, other: Formula, rounding: Rounding): boolean {
  const written = mayBeRounded(decimal, other, rounding);
  return written !== null && unitsOff(written, other) <= 0.5;
}
