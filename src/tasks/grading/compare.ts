// Whether two formulas are the same answer: takes lists, sets, relations, ratios and matrices apart, and asks of what
// is left whether it is equal. Symmetric; knows neither spelling nor threads.
import { normalised } from "./arrange.js";
import { approximate, exactValue } from "./exact-value.js";
import { type Formula, inverse, isInverse, minus, product, some } from "./formula.js";
import { type Bound, flipped, realSetOf } from "./real-set.js";
import { spelled } from "./spell.js";

/** What a comparison came to. `open`: only the rungs that were left out can tell. */
export type Outcome = "form" | "value" | "algebra" | "probable" | "different" | "open";

/** The upper rungs: how two formulas without structure are held against each other. */
export interface Rungs {
  equal(a: Formula, b: Formula): Outcome;
  /** How two sides of equations are related: `factor` is positive, negative, or any. */
  proportional(a: Formula, b: Formula): { readonly outcome: Outcome; readonly isNegative: boolean };
}

const RANK: Readonly<Record<Outcome, number>> = { form: 0, value: 1, algebra: 2, probable: 3, open: 4, different: 5 };
const MAX_ITEMS = 100;

/** Both must hold: the higher rung of the two decided. */
const both = (a: Outcome, b: Outcome): Outcome => (RANK[a] >= RANK[b] ? a : b);
/** One is enough. */
const either = (a: Outcome, b: Outcome): Outcome => (RANK[a] <= RANK[b] ? a : b);

/** Compares two answers. */
export function compareFormulas(a: Formula, b: Formula, rungs: Rungs): Outcome {
  return new Comparison(rungs).answers(normalised(a), normalised(b));
}

type Relation = Formula & { readonly kind: "relation" };
interface Named {
  readonly name: string;
  readonly value: Formula;
}

class Comparison {
  constructor(readonly rungs: Rungs) {}

  answers(a: Formula, b: Formula): Outcome {
    if (spelled(a) === spelled(b)) return "form";
    const [first, second] = [namedValue(a), namedValue(b)];
    if (first && second) {
      if (first.name === second.name) return this.answers(first.value, second.value);
      return a.kind === "relation" && b.kind === "relation" ? this.#relations(a, b) : "different";
    }
    const [done, other] = isWorkedOut(a) ? [a, b] : isWorkedOut(b) ? [b, a] : [];
    if (done && other && other.kind !== "relation") return this.#workedOut(done, other);
    if (first && mayHaveValue(first, b)) return this.answers(first.value, b);
    if (second && mayHaveValue(second, a)) return this.answers(a, second.value);
    return this.#structures(a, b);
  }

  #structures(a: Formula, b: Formula): Outcome {
    if (a.kind === "measure" || b.kind === "measure") return this.#measures(a, b);
    if (isCollection(a) || isCollection(b)) return this.#collections(a, b);
    if (isSetLike(a) || isSetLike(b)) return this.#sets(a, b);
    if (a.kind === "relation" && b.kind === "relation") return this.#relations(a, b);
    if (a.kind === "ratio" || b.kind === "ratio") return this.#ratios(a, b);
    if (a.kind === "matrix" && b.kind === "matrix") return this.#matrices(a.rows, b.rows);
    if (a.kind === "text" || b.kind === "text") return "different";
    if (a.kind === "relation" || b.kind === "relation" || a.kind === "matrix" || b.kind === "matrix")
      return "different";
    return this.rungs.equal(a, b);
  }

  /** `2 + 3 = 5` beside 5: every side must have the value. */
  #workedOut(chain: Relation, value: Formula): Outcome {
    const exact = chain.parts.slice(0, chain.signs.indexOf("~") + 1 || undefined);
    return exact.map((part) => this.answers(part, value)).reduce(both);
  }

  /** A unit that only one side has is no difference; a percentage is its value or the number before its sign. */
  #measures(a: Formula, b: Formula): Outcome {
    if (a.kind === "measure" && b.kind === "measure")
      return a.unit === b.unit ? this.answers(a.amount, b.amount) : "different";
    const [measure, other] = a.kind === "measure" ? [a, b] : [b as Formula & { readonly kind: "measure" }, a];
    const plain = this.answers(measure.amount, other);
    if (measure.unit !== "%") return plain;
    return either(plain, this.answers(product([measure.amount, HUNDREDTH]), other));
  }

  #collections(a: Formula, b: Formula): Outcome {
    if (a.kind === "matrix" || b.kind === "matrix") return this.#vectors(a, b);
    if (isTuple(a) && isTuple(b)) return sameBrackets(a, b) ? this.#inOrder(a.parts, b.parts) : "different";
    const sets = a.kind === "list" && b.kind === "list" ? "different" : this.#sets(a, b);
    if (sets !== "different") return sets;
    const [x, y] = [itemsOf(a), itemsOf(b)];
    if (isTuple(a) || isTuple(b)) return a.kind === "list" || b.kind === "list" ? this.#inOrder(x, y) : "different";
    if (a.kind === "list" && b.kind === "list" && (mustKeepOrder(x, y) || mustKeepOrder(y, x)))
      return this.#inOrder(unnamed(x), unnamed(y));
    const isSet = isFiniteSet(a) || isFiniteSet(b);
    const [left, right] = hasNames(x) !== hasNames(y) ? [unnamed(x), unnamed(y)] : [x, y];
    const areSolutions = [...left, ...right].every(isTuple);
    return isSet || areSolutions ? this.#asSets(left, right) : this.#anyOrder(left, right);
  }

  /** A row or a column beside a tuple in round brackets. */
  #vectors(a: Formula, b: Formula): Outcome {
    const [matrix, other] = a.kind === "matrix" ? [a, b] : [b as Formula & { readonly kind: "matrix" }, a];
    const { rows } = matrix;
    if (!isTuple(other) || other.open === "[" || (rows.length > 1 && rows[0].length > 1)) return "different";
    return this.#inOrder(rows.flat(), other.parts);
  }

  #inOrder(a: readonly Formula[], b: readonly Formula[]): Outcome {
    if (a.length !== b.length) return "different";
    let outcome: Outcome = "form";
    for (let i = 0; i < a.length && outcome !== "different"; i++) outcome = both(outcome, this.answers(a[i], b[i]));
    return outcome;
  }

  /** Each of one side beside one of the other. */
  #anyOrder(a: readonly Formula[], b: readonly Formula[]): Outcome {
    if (a.length !== b.length || a.length > MAX_ITEMS) return "different";
    const left = [...b];
    let outcome: Outcome = "form";
    for (const item of a) {
      const found = this.#best(item, left);
      outcome = both(outcome, found.outcome);
      if (outcome === "different" || outcome === "open") return outcome;
      left.splice(found.at, 1);
    }
    return outcome;
  }

  /** Each of either side has its like on the other. */
  #asSets(a: readonly Formula[], b: readonly Formula[]): Outcome {
    if (a.length > MAX_ITEMS || b.length > MAX_ITEMS) return "different";
    let outcome: Outcome = "form";
    for (const [items, others] of [[a, b] as const, [b, a] as const])
      for (const item of items) outcome = both(outcome, this.#best(item, others).outcome);
    return outcome;
  }

  #best(item: Formula, among: readonly Formula[]): { readonly outcome: Outcome; readonly at: number } {
    let best: { outcome: Outcome; at: number } = { outcome: "different", at: -1 };
    for (let at = 0; at < among.length && RANK[best.outcome] > RANK.value; at++) {
      const outcome = this.answers(item, among[at]);
      if (RANK[outcome] < RANK[best.outcome]) best = { outcome, at };
    }
    return best;
  }

  #sets(a: Formula, b: Formula): Outcome {
    const [x, y] = [realSetOf(listAsSet(a)), realSetOf(listAsSet(b))];
    if (!x || !y || (x.subject && y.subject && x.subject !== y.subject)) {
      if (a.kind === "relation" && b.kind === "relation") return this.#relations(a, b);
      if (a.kind === b.kind && (a.kind === "union" || a.kind === "intersection"))
        return this.#anyOrder(a.parts, (b as typeof a).parts);
      return a.kind === b.kind && a.kind === "difference" ? this.#inOrder(a.parts, (b as typeof a).parts) : "different";
    }
    if (x.pieces.length !== y.pieces.length) return "different";
    let outcome: Outcome = "form";
    for (let i = 0; i < x.pieces.length && outcome !== "different"; i++) {
      outcome = both(outcome, this.#bounds(x.pieces[i].low, y.pieces[i].low));
      outcome = both(outcome, this.#bounds(x.pieces[i].high, y.pieces[i].high));
    }
    return outcome === "form" ? "value" : outcome;
  }

  #bounds(a: Bound, b: Bound): Outcome {
    if (a.isClosed !== b.isClosed) return "different";
    if (!a.formula || !b.formula) return a.at === b.at ? "form" : "different";
    return this.answers(a.formula, b.formula);
  }

  /** Equations up to a factor and the order of their sides; inequalities up to a positive factor. */
  #relations(a: Relation, b: Relation): Outcome {
    const [x, y] = [ascending(a), ascending(b)];
    if (x.signs.join() !== y.signs.join()) return "different";
    if (x.signs.length !== 1 || x.signs[0] === "in") return this.#inOrder(x.parts, y.parts);
    const sides = this.#inOrder(x.parts, y.parts);
    if (sides !== "different" && sides !== "open") return sides;
    if ([...x.parts, ...y.parts].some((part) => !isPlain(part)))
      return x.signs[0] === "=" ? either(sides, this.#inOrder(x.parts, [...y.parts].reverse())) : sides;
    const { outcome, isNegative } = this.rungs.proportional(
      minus(x.parts[0], x.parts[1]),
      minus(y.parts[0], y.parts[1]),
    );
    const mayTurn = x.signs[0] === "=" || x.signs[0] === "!=";
    return isNegative && !mayTurn ? "different" : outcome;
  }

  #ratios(a: Formula, b: Formula): Outcome {
    if (a.kind === "ratio" && b.kind === "ratio") return this.#twoRatios(a.parts, b.parts);
    const [ratio, other] = a.kind === "ratio" ? [a, b] : [b as Formula & { readonly kind: "ratio" }, a];
    if (ratio.parts.length !== 2 || !isPlain(other) || ratio.parts.some((part) => !isPlain(part))) return "different";
    const [above, below] = ratio.parts;
    if (exactValue(below)?.num === 0n) return "different";
    return this.rungs.equal(product([above, inverse(below)]), other);
  }

  /** Equal up to a common factor; with a zero, as on a clock, each part for itself. */
  #twoRatios(a: readonly Formula[], b: readonly Formula[]): Outcome {
    if (a.length !== b.length) return "different";
    const inOrder = this.#inOrder(a, b);
    if (inOrder !== "different" || ![...a, ...b].every(isPlain)) return inOrder;
    if ([...a, ...b].some((part) => exactValue(part)?.num === 0n)) return inOrder;
    let outcome: Outcome = "form";
    for (let i = 1; i < a.length; i++)
      outcome = both(outcome, this.rungs.equal(product([a[0], b[i]]), product([b[0], a[i]])));
    return outcome;
  }

  #matrices(a: readonly (readonly Formula[])[], b: readonly (readonly Formula[])[]): Outcome {
    if (a.length !== b.length || a[0].length !== b[0].length) return "different";
    return this.#inOrder(a.flat(), b.flat());
  }
}

const HUNDREDTH: Formula = { kind: "number", value: { num: 1n, den: 100n }, places: null };

type Tuple = Formula & { readonly kind: "bracket" };
const isFiniteSet = (formula: Formula): boolean => formula.kind === "bracket" && formula.open === "{";
const isTuple = (formula: Formula): formula is Tuple => formula.kind === "bracket" && formula.open !== "{";
const isCollection = (formula: Formula): boolean => formula.kind === "list" || formula.kind === "bracket";
const isSetLike = (formula: Formula): boolean =>
  formula.kind === "union" ||
  formula.kind === "intersection" ||
  formula.kind === "difference" ||
  (formula.kind === "symbol" && (formula.name === "reals" || formula.name === "empty")) ||
  (formula.kind === "relation" && formula.signs.every((sign) => sign !== "=" && sign !== "~"));
const listAsSet = (formula: Formula): Formula =>
  formula.kind === "list" ? { kind: "bracket", open: "{", close: "}", parts: formula.parts } : formula;
const itemsOf = (formula: Formula): readonly Formula[] =>
  formula.kind === "list" || formula.kind === "bracket" ? formula.parts : [formula];

/** Two numbers in brackets may be an interval, whose brackets count; longer ones are tuples in any. */
function sameBrackets(a: Tuple, b: Tuple): boolean {
  if (a.parts.length !== 2) return a.parts.length === 1 ? a.open === b.open : true;
  const round = (bracket: string) => (bracket === "<" ? "(" : bracket === ">" ? ")" : bracket);
  return round(a.open) === round(b.open) && round(a.close) === round(b.close);
}

/** A formula that has a value as it stands. */
const isPlain = (formula: Formula): boolean =>
  !some(
    formula,
    ({ kind }) =>
      kind !== "number" &&
      kind !== "symbol" &&
      kind !== "sum" &&
      kind !== "product" &&
      kind !== "power" &&
      kind !== "call",
  );

/** `name = value`; a chain of equations gives its last value, and what is only approximate is left out. */
function namedValue(formula: Formula): Named | null {
  if (formula.kind !== "relation") return null;
  const { parts, signs } = formula;
  if (signs.length === 1 && signs[0] === "in") return memberValue(formula);
  if (signs.some((sign) => sign !== "=" && sign !== "~")) return null;
  const exact = signs.indexOf("~");
  const last = exact > 0 ? exact : exact === 0 ? 1 : signs.length;
  const name = nameOf(parts[0]);
  if (name !== null) return { name, value: parts[last] };
  const turned = signs.length === 1 ? nameOf(parts[1]) : null;
  if (turned !== null) return { name: turned, value: parts[0] };
  // `1 = x = 0` says at last what x is.
  return signs.length > 1 && parts.slice(1, last).some((part) => nameOf(part) !== null) && last > 1
    ? { name: "", value: parts[last] }
    : null;
}

/** Whether a value without a name may be the one that has it: several values may be if it is several itself. */
const mayHaveValue = ({ value }: Named, bare: Formula): boolean =>
  bare.kind !== "relation" && (bare.kind !== "list" || isCollection(value));

/** A chain of equal numbers. */
const isWorkedOut = (formula: Formula): formula is Relation =>
  formula.kind === "relation" &&
  formula.signs.every((sign, i) => sign === "=" || (sign === "~" && i > 0)) &&
  formula.parts.every((part) => !Number.isNaN(approximate(part)));

function memberValue({ parts }: Relation): Named | null {
  const name = nameOf(parts[0]);
  return name !== null && isFiniteSet(parts[1]) ? { name, value: parts[1] } : null;
}

/** What an equation may give a value to: a letter, a function, a length, a ratio or a tuple of such. */
function nameOf(formula: Formula): string | null {
  switch (formula.kind) {
    case "symbol":
      return formula.name === "infinity" || formula.name === "pi" || formula.name === "i" ? null : formula.name;
    case "call": {
      if (formula.name === "abs") return nameOf(formula.arguments[0]) === null ? null : `|${spelled(formula)}|`;
      return /^[A-Za-z]$/.test(formula.name) && formula.arguments.length > 0 ? `${formula.name}()` : null;
    }
    case "ratio":
    case "bracket":
      return formula.parts.every((part) => nameOf(part) !== null) ? spelled(formula) : null;
    case "product": {
      const [above, below] = formula.parts;
      if (formula.parts.length !== 2 || !isInverse(below)) return null;
      return nameOf(above) !== null && nameOf(below.base) !== null ? spelled(formula) : null;
    }
    default:
      return null;
  }
}

const namesOf = (items: readonly Formula[]): Set<string> =>
  new Set(items.flatMap((item) => namedValue(item)?.name ?? []).map((name) => name.replace(/_.*$/, "")));
/** Values with several names beside values without any are in the order of the names. */
const mustKeepOrder = (named: readonly Formula[], bare: readonly Formula[]): boolean =>
  namesOf(named).size > 1 && namesOf(bare).size === 0;
const hasNames = (items: readonly Formula[]): boolean => namesOf(items).size > 0;
const unnamed = (items: readonly Formula[]): Formula[] => items.map((item) => namedValue(item)?.value ?? item);

/** With `<` and `<=` alone; the sides of equations in the order of their spelling. */
function ascending(relation: Relation): Relation {
  const { parts, signs } = relation;
  const isFalling = signs.some((sign) => sign === ">" || sign === ">=");
  return isFalling
    ? { kind: "relation", parts: [...parts].reverse(), signs: [...signs].reverse().map(flipped) }
    : relation;
}
