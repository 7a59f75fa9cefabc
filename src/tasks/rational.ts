// Exact fractions on BigInt, as the verifiers need them. Knows no notation: that is written-number's.

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
