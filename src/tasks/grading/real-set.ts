// Sets of real numbers as disjoint pieces in order: what intervals, unions and inequalities of one variable have in
// common. Bounds are put in order by their rough values and stay the formulas they were.
import { type Rational, rational } from "../rational.js";
import { approximate, exactValue } from "./exact-value.js";
import { type Formula, minus, negated, type RelationSign } from "./formula.js";

/** One end of a piece; `formula` is null at infinity. */
export interface Bound {
  readonly at: number;
  readonly formula: Formula | null;
  readonly isClosed: boolean;
}
/** All numbers between two bounds; a single number is a piece between itself and itself. */
export interface Piece {
  readonly low: Bound;
  readonly high: Bound;
}
/** `subject`: the variable, or the value of a function, that an inequality is about; null for an interval. */
export interface RealSet {
  readonly pieces: readonly Piece[];
  readonly subject: string | null;
}

const MAX_PIECES = 100;
const BOTTOM: Bound = { at: Number.NEGATIVE_INFINITY, formula: null, isClosed: false };
const TOP: Bound = { at: Number.POSITIVE_INFINITY, formula: null, isClosed: false };
const LINE: Piece = { low: BOTTOM, high: TOP };

/** The set of real numbers that a formula describes; null where it describes none, or its bounds have no order. */
export function realSetOf(formula: Formula): RealSet | null {
  switch (formula.kind) {
    case "symbol":
      return formula.name === "reals" ? setOf([LINE]) : formula.name === "empty" ? setOf([]) : null;
    case "bracket":
      return bracketSet(formula);
    case "relation":
      return relationSet(formula);
    case "union":
      return combined(formula.parts, joined);
    case "intersection":
      return combined(formula.parts, common);
    case "difference":
      return combined(formula.parts, (a, b) => common(a, complement(b)));
    default:
      return null;
  }
}

const setOf = (pieces: readonly Piece[], subject: string | null = null): RealSet => ({ pieces, subject });

function combined(
  parts: readonly Formula[],
  combine: (a: readonly Piece[], b: readonly Piece[]) => Piece[],
): RealSet | null {
  const sets = parts.map(realSetOf);
  let result = sets[0];
  for (const set of sets.slice(1)) {
    if (!result || !set || (result.subject && set.subject && result.subject !== set.subject)) return null;
    result = setOf(combine(result.pieces, set.pieces), result.subject ?? set.subject);
    if (result.pieces.length > MAX_PIECES) return null;
  }
  return result;
}

function bracketSet(formula: Formula & { readonly kind: "bracket" }): RealSet | null {
  const { open, close, parts } = formula;
  if (open === "{") {
    const pieces = parts.map((part) => pieceOf(bound(part, true), bound(part, true)));
    return pieces.every((piece) => piece !== null)
      ? setOf(pieces.reduce<Piece[]>((all, piece) => joined(all, [piece]), []))
      : null;
  }
  if (parts.length !== 2 || open === "<") return null;
  const piece = pieceOf(bound(parts[0], open === "["), bound(parts[1], close === "]"));
  return piece && setOf([piece]);
}

function bound(formula: Formula, isClosed: boolean): Bound {
  const at = approximate(formula);
  return Number.isFinite(at) ? { at, formula, isClosed } : { at, formula: null, isClosed: false };
}

/** null without numbers as bounds, or with nothing between them. */
function pieceOf(low: Bound, high: Bound): Piece | null {
  if (!(low.at <= high.at) || (low.at === high.at && !(low.isClosed && high.isClosed))) return null;
  return { low, high };
}

const FLIPPED: Readonly<Record<RelationSign, RelationSign>> = {
  ...{ "=": "=", "!=": "!=", "~": "~", in: "in" },
  ...{ "<": ">", "<=": ">=", ">": "<", ">=": "<=" },
};
/** The sign of the same relation read from the right. */
export const flipped = (sign: RelationSign): RelationSign => FLIPPED[sign];

function relationSet({ parts, signs }: Formula & { readonly kind: "relation" }): RealSet | null {
  if (signs.length === 1 && signs[0] === "in") return memberSet(parts[0], parts[1]);
  let result: RealSet | null = setOf([LINE]);
  for (let i = 0; i < signs.length; i++) {
    const step: RealSet | null = solved(parts[i], signs[i], parts[i + 1]);
    if (!result || !step || (result.subject && result.subject !== step.subject)) return null;
    result = setOf(common(result.pieces, step.pieces), step.subject);
  }
  return result;
}

function memberSet(member: Formula, of: Formula): RealSet | null {
  const set = realSetOf(of);
  const subject = subjectOf(member);
  return set && subject ? setOf(set.pieces, subject) : null;
}

/** The numbers for which `left sign right` holds, where it is linear in one variable or bounds its absolute value. */
function solved(left: Formula, sign: RelationSign, right: Formula): RealSet | null {
  if (sign === "=" || sign === "~" || sign === "in") return null;
  const [isLeft, isRight] = [subjectOf(left), subjectOf(right)];
  if (isLeft && !Number.isNaN(approximate(right))) return setOf(side(sign, right), isLeft);
  if (isRight && !Number.isNaN(approximate(left))) return setOf(side(flipped(sign), left), isRight);
  const inside = absoluteOf(left);
  if (inside && approximate(right) >= 0) return setOf(between(sign, right), inside);
  const insideRight = absoluteOf(right);
  if (insideRight && approximate(left) >= 0) return setOf(between(flipped(sign), left), insideRight);
  const line = linear(minus(left, right));
  if (!line || line.name === null || line.factor.num === 0n) return null;
  const zero: Formula = { kind: "number", value: quotient(line.rest, line.factor), places: null };
  return setOf(side(line.factor.num < 0n ? flipped(sign) : sign, zero), line.name);
}

/** What an inequality may be about: a variable, or the value of an unknown function. */
function subjectOf(formula: Formula): string | null {
  if (formula.kind === "symbol") return Number.isNaN(approximate(formula)) ? formula.name : null;
  if (formula.kind !== "call" || !/^[a-zA-Z]$/.test(formula.name)) return null;
  return formula.arguments.every((part) => part.kind === "symbol") ? `${formula.name}()` : null;
}

const absoluteOf = (formula: Formula): string | null =>
  formula.kind === "call" && formula.name === "abs" ? subjectOf(formula.arguments[0]) : null;

/** x sign limit. */
function side(sign: RelationSign, limit: Formula): Piece[] {
  const isClosed = sign === "<=" || sign === ">=";
  const end = bound(limit, isClosed);
  if (sign === "!=") return complement([{ low: bound(limit, true), high: bound(limit, true) }]);
  if (end.formula === null) return [LINE];
  return sign === "<" || sign === "<=" ? [{ low: BOTTOM, high: end }] : [{ low: end, high: TOP }];
}

/** |x| sign limit. */
function between(sign: RelationSign, limit: Formula): Piece[] {
  const upper = side(sign, limit);
  const lower = side(flipped(sign), negated(limit));
  return sign === "<" || sign === "<="
    ? common(upper, lower)
    : sign === "!="
      ? common(upper, lower)
      : joined(lower, upper);
}

interface Line {
  readonly name: string | null;
  readonly factor: Rational;
  readonly rest: Rational;
}

/** factor · x + rest, with fractions for both; null for anything else. */
function linear(formula: Formula): Line | null {
  const value = exactValue(formula);
  if (value) return { name: null, factor: rational(0n), rest: value };
  if (formula.kind === "symbol") return { name: formula.name, factor: rational(1n), rest: rational(0n) };
  if (formula.kind !== "sum" && formula.kind !== "product") return null;
  const lines = formula.parts.map(linear);
  return lines.reduce((a, b) => (a && b ? (formula.kind === "sum" ? addLines(a, b) : multiplyLines(a, b)) : null));
}

function addLines(a: Line, b: Line): Line | null {
  if (a.name && b.name && a.name !== b.name) return null;
  return { name: a.name ?? b.name, factor: added(a.factor, b.factor), rest: added(a.rest, b.rest) };
}

function multiplyLines(a: Line, b: Line): Line | null {
  if (a.name && b.name) return null;
  const [line, number] = a.name ? [a, b.rest] : [b, a.rest];
  const times = (value: Rational) => rational(value.num * number.num, value.den * number.den);
  return { name: line.name, factor: times(line.factor), rest: times(line.rest) };
}

const added = (a: Rational, b: Rational): Rational => rational(a.num * b.den + b.num * a.den, a.den * b.den);
const quotient = (rest: Rational, factor: Rational): Rational =>
  rational(-rest.num * factor.den, rest.den * factor.num);

/** Which of two places comes first; bounds whose rough values are the same are the same. */
function order(a: number, b: number): number {
  const scale = Math.max(Math.abs(a), Math.abs(b));
  if (a === b || (scale < Number.POSITIVE_INFINITY && Math.abs(a - b) <= 1e-12 * scale)) return 0;
  return a < b ? -1 : 1;
}

/** The union. */
function joined(a: readonly Piece[], b: readonly Piece[]): Piece[] {
  const all = [...a, ...b].sort((x, y) => order(x.low.at, y.low.at) || Number(y.low.isClosed) - Number(x.low.isClosed));
  const result: Piece[] = [];
  for (const piece of all) {
    const last = result.at(-1);
    const gap = last && order(piece.low.at, last.high.at);
    if (!last || gap === undefined || gap > 0 || (gap === 0 && !piece.low.isClosed && !last.high.isClosed))
      result.push(piece);
    else result[result.length - 1] = { low: last.low, high: higher(last.high, piece.high) };
  }
  return result;
}

function higher(a: Bound, b: Bound): Bound {
  const which = order(a.at, b.at);
  return which > 0 || (which === 0 && a.isClosed) ? a : b;
}

/** All that is not in the set. */
function complement(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  let low = BOTTOM;
  for (const piece of pieces) {
    if (piece.low.formula) result.push({ low, high: { ...piece.low, isClosed: !piece.low.isClosed } });
    low = piece.high.formula ? { ...piece.high, isClosed: !piece.high.isClosed } : TOP;
  }
  if (low !== TOP) result.push({ low, high: TOP });
  return result;
}

/** The intersection, by way of what is outside of both. */
const common = (a: readonly Piece[], b: readonly Piece[]): Piece[] => complement(joined(complement(a), complement(b)));
