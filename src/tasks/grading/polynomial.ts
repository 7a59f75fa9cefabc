// Polynomials over the fractions whose exponents are fractions too, in any number of generators: variables, primes
// under roots, and whatever stands for itself. Every operation draws on a budget, so nothing grows without bound.
import { applyOperator, type Rational, rational } from "../rational.js";

/** A product of generators with exponents, sorted by generator. */
type Powers = readonly (readonly [generator: string, exponent: Rational])[];
interface Term {
  readonly powers: Powers;
  readonly coefficient: Rational;
}
/** A sum of terms, by the spelling of their powers. */
export type Polynomial = ReadonlyMap<string, Term>;

/** How many terms may be multiplied in one comparison. */
export class Budget {
  #left: number;

  constructor(operations: number) {
    this.#left = operations;
  }

  /** @throws BudgetExceeded */
  spend(operations: number): void {
    this.#left -= operations;
    if (this.#left < 0) throw new BudgetExceeded();
  }
}
/** A comparison that would take too long. */
export class BudgetExceeded extends Error {}

const ZERO = rational(0n);
const ONE = rational(1n);
const add = (a: Rational, b: Rational) => applyOperator("+", a, b) as Rational;
const multiply = (a: Rational, b: Rational) => applyOperator("*", a, b) as Rational;

/** A number as a polynomial. */
export const constant = (value: Rational): Polynomial => polynomialOf([{ powers: [], coefficient: value }]);
/** `generator ** exponent`. */
export const generator = (name: string, exponent: Rational = ONE): Polynomial =>
  polynomialOf([{ powers: [[name, exponent]], coefficient: ONE }]);

const spell = (powers: Powers): string => powers.map(([name, { num, den }]) => `${name}^${num}/${den}`).join("·");

function polynomialOf(terms: Iterable<Term>): Polynomial {
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const key = spell(term.powers);
    const before = sums.get(key);
    const coefficient = before ? add(before.coefficient, term.coefficient) : term.coefficient;
    if (coefficient.num === 0n) sums.delete(key);
    else sums.set(key, { powers: term.powers, coefficient });
  }
  return sums;
}

/** The sum of two polynomials. */
export const plus = (a: Polynomial, b: Polynomial): Polynomial => polynomialOf([...a.values(), ...b.values()]);
/** A polynomial times a number. */
export const scaled = (a: Polynomial, factor: Rational): Polynomial =>
  polynomialOf(
    [...a.values()].map(({ powers, coefficient }) => ({ powers, coefficient: multiply(coefficient, factor) })),
  );

/** The product of two polynomials. @throws BudgetExceeded */
export function times(a: Polynomial, b: Polynomial, budget: Budget): Polynomial {
  budget.spend(a.size * b.size);
  const terms: Term[] = [];
  for (const first of a.values()) for (const second of b.values()) terms.push(timesTerm(first, second));
  return polynomialOf(terms);
}

function timesTerm(a: Term, b: Term): Term {
  const exponents = new Map(a.powers);
  for (const [name, exponent] of b.powers) exponents.set(name, add(exponents.get(name) ?? ZERO, exponent));
  let coefficient = multiply(a.coefficient, b.coefficient);
  const powers: [string, Rational][] = [];
  for (const [name, exponent] of exponents) {
    const { left, factor } = reduced(name, exponent);
    coefficient = multiply(coefficient, factor);
    if (left.num !== 0n) powers.push([name, left]);
  }
  return { powers: powers.sort(([x], [y]) => (x < y ? -1 : 1)), coefficient };
}

/** Whole powers of primes are numbers, and those of i are ±1 or ±i. */
function reduced(name: string, exponent: Rational): { left: Rational; factor: Rational } {
  const isPrime = /^\d+$/.test(name);
  if (!isPrime && (name !== "i" || exponent.den !== 1n)) return { left: exponent, factor: ONE };
  const { num, den } = exponent;
  if (!isPrime) {
    const turns = ((num % 4n) + 4n) % 4n;
    return { left: rational(turns % 2n), factor: rational(turns < 2n ? 1n : -1n) };
  }
  const whole = (num - (((num % den) + den) % den)) / den;
  if (whole > 2000n || whole < -2000n) throw new BudgetExceeded();
  const factor = whole < 0n ? rational(1n, BigInt(name) ** -whole) : rational(BigInt(name) ** whole);
  return { left: rational(num - whole * den, den), factor };
}

/** The only term of a polynomial with one; null for others. */
export function singleTerm(a: Polynomial): Term | null {
  return a.size === 1 ? (a.values().next().value as Term) : null;
}

/** A polynomial of one term, each of its exponents multiplied; its coefficient must be 1. */
export const termPower = (term: Term, exponent: Rational): Polynomial =>
  polynomialOf([
    timesTerm(
      { powers: [], coefficient: ONE },
      {
        powers: term.powers.map(([name, own]) => [name, multiply(own, exponent)] as const),
        coefficient: ONE,
      },
    ),
  ]);

/** The number that a polynomial is; null where it is none. */
export function constantOf(a: Polynomial): Rational | null {
  if (a.size === 0) return ZERO;
  const term = singleTerm(a);
  return term && term.powers.length === 0 ? term.coefficient : null;
}

/** Terms in a fixed order. */
export const sortedTerms = (a: Polynomial): Term[] =>
  [...a].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, term]) => term);

/** A text that only equal polynomials share. */
export const spelling = (a: Polynomial): string =>
  sortedTerms(a)
    .map(({ powers, coefficient }) => `${coefficient.num}/${coefficient.den}·${spell(powers)}`)
    .join(" + ");

/** The number k for which a = k b; null where there is none. */
export function proportion(a: Polynomial, b: Polynomial): Rational | null {
  if (a.size !== b.size || a.size === 0) return null;
  let factor: Rational | null = null;
  for (const [key, { coefficient }] of a) {
    const other = b.get(key);
    if (!other) return null;
    const quotient = applyOperator("/", coefficient, other.coefficient) as Rational;
    if (factor && (factor.num !== quotient.num || factor.den !== quotient.den)) return null;
    factor = quotient;
  }
  return factor;
}
