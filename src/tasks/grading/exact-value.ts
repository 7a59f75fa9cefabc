// The exact value of a formula that is a fraction, and a rough one of any constant. Bounded: powers and factorials
// beyond some thousand digits have no value here.
import { applyOperator, type Rational, rational } from "../rational.js";
import type { Formula } from "./formula.js";

const MAX_BITS = 100_000;
const MAX_FACTORIAL = 5000n;

/** The fraction that a formula equals; null where it is none, or too large. */
export function exactValue(formula: Formula): Rational | null {
  switch (formula.kind) {
    case "number":
      return formula.value;
    case "sum":
      return fold("+", formula.parts);
    case "product":
      return fold("*", formula.parts);
    case "power": {
      const base = exactValue(formula.base);
      const exponent = base && exactValue(formula.exponent);
      return exponent ? rationalPower(base, exponent) : null;
    }
    case "call": {
      const values = formula.arguments.map(exactValue);
      return values.every((value) => value !== null) ? valueOfCall(formula.name, values) : null;
    }
    default:
      return null;
  }
}

function fold(operator: string, parts: readonly Formula[]): Rational | null {
  let total = exactValue(parts[0]);
  for (const part of parts.slice(1)) {
    const value = total && exactValue(part);
    total = value ? applyOperator(operator, total as Rational, value) : null;
    if (!total || bits(total) > MAX_BITS) return null;
  }
  return total;
}

const bits = ({ num, den }: Rational): number => sizeOf(num) + sizeOf(den);
const sizeOf = (value: bigint): number => value.toString(16).length * 4;

/** `base ** exponent` where that is a fraction. */
export function rationalPower(base: Rational, exponent: Rational): Rational | null {
  const times = exponent.num < 0n ? -exponent.num : exponent.num;
  if (times * BigInt(bits(base)) > MAX_BITS) return null;
  if (base.num === 0n) return exponent.num > 0n ? base : null;
  const root = exponent.den === 1n ? base : rationalRoot(base, exponent.den);
  if (!root) return null;
  const [num, den] = [root.num ** times, root.den ** times];
  return exponent.num < 0n ? rational(den, num) : rational(num, den);
}

function rationalRoot(value: Rational, degree: bigint): Rational | null {
  const [num, den] = [integerRoot(value.num, degree), integerRoot(value.den, degree)];
  return num === null || den === null ? null : rational(num, den);
}

/** The exact root of a whole number that is not negative; null where it is none. */
export function integerRoot(value: bigint, degree: bigint): bigint | null {
  if (value < 0n || degree > 64n) return null;
  if (value < 2n) return value;
  let root = 1n << (BigInt(sizeOf(value)) / degree + 1n);
  for (;;) {
    const next = ((degree - 1n) * root + value / root ** (degree - 1n)) / degree;
    if (next >= root) break;
    root = next;
  }
  return root ** degree === value ? root : null;
}

function valueOfCall(name: string, values: readonly Rational[]): Rational | null {
  const [first, second] = values;
  const { num, den } = first;
  if (name === "abs") return rational(num < 0n ? -num : num, den);
  if (name === "floor") return rational(floor(first));
  if (name === "ceil") return rational(-floor(rational(-num, den)));
  if (name === "factorial") return den === 1n ? factorial(num) : null;
  if (name === "root") return second.den === 1n ? oddRoot(first, second.num) : null;
  if (values.some((value) => value.den !== 1n)) return null;
  if (name === "binomial") return binomial(num, second.num);
  if (name === "gcd" || name === "lcm")
    return rational(values.map((value) => value.num).reduce(name === "gcd" ? gcd : lcm));
  return null;
}

/** The real root, also of a negative number where the degree is odd. */
function oddRoot(value: Rational, degree: bigint): Rational | null {
  if (degree < 2n) return null;
  const isNegative = value.num < 0n && degree % 2n === 1n;
  const root = rationalRoot(isNegative ? rational(-value.num, value.den) : value, degree);
  return root && isNegative ? rational(-root.num, root.den) : root;
}

const floor = ({ num, den }: Rational): bigint => (num - (((num % den) + den) % den)) / den;
const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b));
const lcm = (a: bigint, b: bigint): bigint => (a === 0n || b === 0n ? 0n : (a * b) / gcd(a, b));

function factorial(n: bigint): Rational | null {
  if (n < 0n || n > MAX_FACTORIAL) return null;
  let value = 1n;
  for (let i = 2n; i <= n; i++) value *= i;
  return rational(value);
}

function binomial(n: bigint, k: bigint): Rational | null {
  if (k < 0n || n < k || n > MAX_FACTORIAL) return null;
  let value = 1n;
  for (let i = 1n; i <= k; i++) value = (value * (n - k + i)) / i;
  return rational(value);
}

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E, infinity: Number.POSITIVE_INFINITY };
const REAL_FUNCTIONS: Readonly<Record<string, (x: number, y: number) => number>> = {
  ...{ sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan, exp: Math.exp },
  ...{ ln: Math.log, abs: Math.abs, floor: Math.floor, ceil: Math.ceil },
  log: (x, base) => Math.log(x) / Math.log(Number.isNaN(base) ? 10 : base),
  root: (x, degree) => (x < 0 && degree % 2 === 1 ? -((-x) ** (1 / degree)) : x ** (1 / degree)),
};

/** A constant's value in double precision, for putting bounds in order; NaN for anything else. */
export function approximate(formula: Formula): number {
  switch (formula.kind) {
    case "number":
      return Number(formula.value.num) / Number(formula.value.den);
    case "symbol":
      return CONSTANTS[formula.name] ?? Number.NaN;
    case "sum":
      return formula.parts.reduce((total, part) => total + approximate(part), 0);
    case "product":
      return formula.parts.reduce((total, part) => total * approximate(part), 1);
    case "power":
      return approximate(formula.base) ** approximate(formula.exponent);
    case "call": {
      const [x, y = Number.NaN] = formula.arguments.map(approximate);
      return REAL_FUNCTIONS[formula.name]?.(x, y) ?? Number.NaN;
    }
    default:
      return Number.NaN;
  }
}
