// Exact fractions on BigInt, as the verifiers need them. Knows no notation beyond `p`, `p/q` and decimals.

/** A fraction in lowest terms with a positive denominator. */
export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
const abs = (a: bigint): bigint => (a < 0n ? -a : a);

/** num/den in lowest terms. The denominator must not be zero. */
export function rational(num: bigint, den = 1n): Rational {
  const divisor = gcd(abs(num), abs(den)) * (den < 0n ? -1n : 1n);
  return { num: num / divisor, den: den / divisor };
}

/** a∘b for one of + - * /; null for a division by zero. */
export function applyOperator(operator: string, a: Rational, b: Rational): Rational | null {
  if (operator === "+") return rational(a.num * b.den + b.num * a.den, a.den * b.den);
  if (operator === "-") return rational(a.num * b.den - b.num * a.den, a.den * b.den);
  if (operator === "*") return rational(a.num * b.num, a.den * b.den);
  return b.num === 0n ? null : rational(a.num * b.den, a.den * b.num);
}

/** Whether two fractions in lowest terms are the same number. */
export const equalRationals = (a: Rational, b: Rational): boolean => a.num === b.num && a.den === b.den;

/** `p/q`, or `p` for a whole number. */
export const formatRational = (a: Rational): string => (a.den === 1n ? `${a.num}` : `${a.num}/${a.den}`);

const RATIONAL_TEXT = /^([+-]?)(\d{1,40})(?:\.(\d{1,40})|\s*\/\s*([+-]?)(\d{1,40}))?$/;

/** Reads `-7`, `3/4`, `-3 / 4` or `2.50`; null for anything else. Never throws. */
export function parseRational(text: string): Rational | null {
  if (text.length > 128) return null;
  const match = RATIONAL_TEXT.exec(text.trim());
  if (match === null) return null;
  const [, sign, whole, decimals, denSign, denominator] = match;
  const flip = (sign === "-") !== (denSign === "-") ? -1n : 1n;
  if (decimals !== undefined) return rational(flip * BigInt(whole + decimals), 10n ** BigInt(decimals.length));
  const den = denominator === undefined ? 1n : BigInt(denominator);
  return den === 0n ? null : rational(flip * BigInt(whole), den);
}
