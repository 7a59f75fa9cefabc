// Equality by algebra: formulas as quotients of polynomials in what cannot be taken apart. What it calls equal is equal
// wherever both sides have a value and roots of variables are taken of positive ones; what it does not may be too.
import { applyOperator, type Rational, rational } from "../rational.js";
import { exactValue, integerRoot } from "./exact-value.js";
import type { Formula } from "./formula.js";
import {
  Budget,
  BudgetExceeded,
  constant,
  constantOf,
  generator,
  type Polynomial,
  plus,
  proportion,
  scaled,
  singleTerm,
  sortedTerms,
  spelling,
  termPower,
  times,
} from "./polynomial.js";

const OPERATIONS = 40_000;
const MAX_POWER = 60n;
const ONE = rational(1n);

/** Whether two formulas are the same by algebra; false also where that does not become clear. */
export function equalByAlgebra(a: Formula, b: Formula): boolean {
  return withQuotients(a, b, (x, y, reader) => reader.difference(x, y).size === 0) ?? false;
}

/** The number k for which a = k b; null where there is none, or none is found. */
export function proportionByAlgebra(a: Formula, b: Formula): Rational | null {
  return withQuotients(a, b, (x, y, reader) => reader.proportion(x, y)) ?? null;
}

function withQuotients<R>(a: Formula, b: Formula, use: (x: Quotient, y: Quotient, reader: Reader) => R): R | null {
  const reader = new Reader();
  try {
    return use(reader.read(a), reader.read(b), reader);
  } catch (error) {
    if (error instanceof BudgetExceeded || error instanceof NoAlgebra) return null;
    throw error;
  }
}

class NoAlgebra extends Error {}

interface Quotient {
  readonly above: Polynomial;
  readonly below: Polynomial;
}

const UNIT = constant(ONE);
const whole = (above: Polynomial): Quotient => ({ above, below: UNIT });

class Reader {
  readonly #budget = new Budget(OPERATIONS);

  difference(a: Quotient, b: Quotient): Polynomial {
    const [left, right] = [this.#times(a.above, b.below), this.#times(b.above, a.below)];
    return plus(left, scaled(right, rational(-1n)));
  }

  proportion(a: Quotient, b: Quotient): Rational | null {
    return proportion(this.#times(a.above, b.below), this.#times(b.above, a.below));
  }

  read(formula: Formula): Quotient {
    switch (formula.kind) {
      case "number":
        return whole(constant(formula.value));
      case "symbol":
        if (formula.name === "infinity") throw new NoAlgebra();
        return whole(generator(formula.name));
      case "sum":
        return formula.parts.map((part) => this.read(part)).reduce((a, b) => this.#add(a, b));
      case "product":
        return formula.parts.map((part) => this.read(part)).reduce((a, b) => this.#multiply(a, b));
      case "power":
        return this.#power(formula.base, formula.exponent);
      case "call":
        return this.#call(formula.name, formula.arguments);
      default:
        throw new NoAlgebra();
    }
  }

  #times(a: Polynomial, b: Polynomial): Polynomial {
    return a === UNIT ? b : b === UNIT ? a : times(a, b, this.#budget);
  }

  #add(a: Quotient, b: Quotient): Quotient {
    const above = plus(this.#times(a.above, b.below), this.#times(b.above, a.below));
    return { above, below: this.#times(a.below, b.below) };
  }

  #multiply(a: Quotient, b: Quotient): Quotient {
    return { above: this.#times(a.above, b.above), below: this.#times(a.below, b.below) };
  }

  /** One over a quotient; a single term below goes above with its exponents turned round. */
  #inverse({ above, below }: Quotient): Quotient {
    const term = singleTerm(above);
    if (above.size === 0) throw new NoAlgebra();
    if (!term) return { above: below, below: above };
    const factor = applyOperator("/", ONE, term.coefficient) as Rational;
    return whole(scaled(this.#times(below, termPower(term, rational(-1n))), factor));
  }

  #power(base: Formula, exponent: Formula): Quotient {
    const value = exactValue(exponent);
    const root = this.read(base);
    if (value?.den === 1n) return this.#wholePower(root, value.num);
    return value ? this.#fractionalPower(root, value) : this.#generalPower(root, this.read(exponent));
  }

  #wholePower(base: Quotient, exponent: bigint): Quotient {
    if (exponent < 0n) return this.#wholePower(this.#inverse(base), -exponent);
    const term = base.below === UNIT ? singleTerm(base.above) : null;
    const value = constantOf(base.above);
    if (term && !value && isOne(term.coefficient)) return whole(termPower(term, rational(exponent)));
    if (exponent > (value ? 2000n : MAX_POWER)) throw new BudgetExceeded();
    let result: Quotient = whole(UNIT);
    let square = base;
    for (let left = exponent; left > 0n; left >>= 1n) {
      if (left & 1n) result = this.#multiply(result, square);
      if (left > 1n) square = this.#multiply(square, square);
    }
    return result;
  }

  /** Roots: of numbers by their primes, of one positive letter by its exponent, of anything else as they stand. */
  #fractionalPower(base: Quotient, exponent: Rational): Quotient {
    const value = base.below === UNIT ? constantOf(base.above) : null;
    if (value) return whole(this.#rootOfNumber(value, exponent));
    const term = base.below === UNIT ? singleTerm(base.above) : null;
    if (term && isPositive(term.powers)) {
      const own = whole(termPower(term, exponent));
      return this.#multiply(own, whole(this.#rootOfNumber(term.coefficient, exponent)));
    }
    return whole(generator(`(${this.#spell(base)})`, exponent));
  }

  #rootOfNumber(value: Rational, exponent: Rational): Polynomial {
    if (value.num === 0n) return constant(value);
    if (value.num < 0n) {
      if (exponent.den !== 2n) throw new NoAlgebra();
      const turned = this.#rootOfNumber(rational(-value.num, value.den), exponent);
      return times(turned, times(generator("i", rational(exponent.num)), UNIT, this.#budget), this.#budget);
    }
    let result = UNIT;
    for (const [prime, count] of [
      ...factorsOf(value.num),
      ...[...factorsOf(value.den)].map(([p, n]) => [p, -n] as const),
    ]) {
      const power = applyOperator("*", exponent, rational(count)) as Rational;
      result = times(result, generator(`${prime}`, power), this.#budget);
    }
    return result;
  }

  /** `base ** (a x + b)`: one generator for each term of the exponent. */
  #generalPower(base: Quotient, exponent: Quotient): Quotient {
    const below = constantOf(exponent.below);
    const parts = below && this.#bases(base);
    if (!parts || below.num === 0n) return whole(generator(`(${this.#spell(base)})^(${this.#spell(exponent)})`));
    let result: Polynomial = UNIT;
    for (const { powers, coefficient } of exponent.above.values()) {
      const factor = applyOperator("/", coefficient, below) as Rational;
      for (const [name, own] of parts) {
        const power = applyOperator("*", factor, own) as Rational;
        const key = powers.map(([each, { num, den }]) => `${each}^${num}/${den}`).join("·");
        result = times(result, generator(key === "" ? name : `${name}^[${key}]`, power), this.#budget);
      }
    }
    return whole(result);
  }

  /** Primes or the one letter of a base, with their exponents. */
  #bases(base: Quotient): (readonly [string, Rational])[] | null {
    const value = base.below === UNIT ? constantOf(base.above) : null;
    if (value && value.num > 0n)
      return [...factorsOf(value.num)]
        .map(([p, n]) => [`${p}`, rational(n)] as const)
        .concat([...factorsOf(value.den)].map(([p, n]) => [`${p}`, rational(-n)] as const));
    const term = base.below === UNIT ? singleTerm(base.above) : null;
    const isLetter = term && term.powers.length === 1 && isOne(term.coefficient);
    return isLetter && isPositive(term.powers) ? [...term.powers] : null;
  }

  #call(name: string, parts: readonly Formula[]): Quotient {
    const value = exactValue({ kind: "call", name, arguments: parts });
    if (value) return whole(constant(value));
    if (name === "binomial") {
      const chosen = exactValue(parts[1]);
      if (chosen?.den === 1n && chosen.num >= 0n && chosen.num <= 20n)
        return this.#binomial(this.read(parts[0]), chosen.num);
    }
    if (name === "exp") return this.#power({ kind: "symbol", name: "e" }, parts[0]);
    if (name === "ln") return this.#logarithm(this.read(parts[0]));
    if (name === "log") {
      const base = parts[1] ? this.read(parts[1]) : whole(constant(rational(10n)));
      return this.#multiply(this.#logarithm(this.read(parts[0])), this.#inverse(this.#logarithm(base)));
    }
    const degree = name === "root" ? exactValue(parts[1]) : null;
    const radicand = degree?.den === 1n && degree.num > 0n ? this.read(parts[0]) : null;
    if (degree && radicand) return this.#root(radicand, degree.num);
    return whole(generator(`${name}(${parts.map((part) => this.#spell(this.read(part))).join(",")})`));
  }

  /** n (n - 1) … / k! */
  #binomial(n: Quotient, k: bigint): Quotient {
    let result: Quotient = whole(UNIT);
    for (let i = 0n; i < k; i++) {
      const factor = this.#add(n, whole(constant(rational(-i))));
      result = this.#multiply(result, { above: scaled(factor.above, rational(1n, i + 1n)), below: factor.below });
    }
    return result;
  }

  /** A root with a degree: of a negative number, the real one where the degree is odd. */
  #root(radicand: Quotient, degree: bigint): Quotient {
    const value = radicand.below === UNIT ? constantOf(radicand.above) : null;
    if (!value || value.num >= 0n || degree % 2n === 0n) return this.#fractionalPower(radicand, rational(1n, degree));
    const root = this.#rootOfNumber(rational(-value.num, value.den), rational(1n, degree));
    return whole(scaled(root, rational(-1n)));
  }

  /** Of a number, the sum over its primes; of a power of e, its exponent. */
  #logarithm(of: Quotient): Quotient {
    const value = of.below === UNIT ? constantOf(of.above) : null;
    if (value && value.num > 0n) {
      let result: Polynomial = new Map();
      for (const [prime, count] of factorsOf(value.num))
        result = plus(result, scaled(generator(`ln(${prime})`), rational(count)));
      for (const [prime, count] of factorsOf(value.den))
        result = plus(result, scaled(generator(`ln(${prime})`), rational(-count)));
      return whole(result);
    }
    const term = of.below === UNIT ? singleTerm(of.above) : null;
    if (
      term?.powers.length === 1 &&
      term.powers[0][0] === "e" &&
      term.coefficient.num === 1n &&
      term.coefficient.den === 1n
    )
      return whole(constant(term.powers[0][1]));
    return whole(generator(`ln(${this.#spell(of)})`));
  }

  /** A text that equal quotients mostly share: the first coefficient below is 1. */
  #spell({ above, below }: Quotient): string {
    const [first] = sortedTerms(below);
    if (!first) throw new NoAlgebra();
    const factor = applyOperator("/", ONE, first.coefficient) as Rational;
    const text = `${spelling(scaled(above, factor))} / ${spelling(scaled(below, factor))}`;
    if (text.length > 20_000) throw new BudgetExceeded();
    return text;
  }
}

/** Primes under roots, π, e, and one letter alone, which a root is taken of where it is positive. */
function isPositive(powers: readonly (readonly [string, Rational])[]): boolean {
  const letters = powers.filter(([name]) => !/^\d+$/.test(name) && name !== "pi" && name !== "e");
  if (letters.some(([name]) => name === "i" || !/^\w+$/.test(name))) return false;
  return letters.length === 0 || (letters.length === 1 && letters[0][1].num ** 2n === 1n && letters[0][1].den === 1n);
}

const isOne = ({ num, den }: Rational): boolean => num === 1n && den === 1n;

const MAX_PRIME = 10_000n;

/** Primes with their exponents; what is left beyond the primes below 10,000 stands for itself, or for its root. */
function factorsOf(value: bigint): Map<bigint, bigint> {
  if (value.toString().length > 60) throw new BudgetExceeded();
  const factors = new Map<bigint, bigint>();
  let left = value;
  for (let prime = 2n; prime < MAX_PRIME && prime * prime <= left; prime += prime === 2n ? 1n : 2n)
    for (; left % prime === 0n; left /= prime) factors.set(prime, (factors.get(prime) ?? 0n) + 1n);
  if (left === 1n) return factors;
  const square = integerRoot(left, 2n);
  const [base, times] = square === null ? [left, 1n] : [square, 2n];
  return factors.set(base, (factors.get(base) ?? 0n) + times);
}
