// What an answer says, as a tree: numbers, symbols and operations, and the lists, intervals, relations and matrices
// around them. Knows neither how it is written nor what equals what.
import type { Rational } from "../rational.js";

/** `<` holds for `a < b`; `!=` for ≠, `~` for ≈, `in` for ∈. */
export type RelationSign = "=" | "<" | "<=" | ">" | ">=" | "!=" | "~" | "in";

/** A tree. Subtractions are sums with a factor -1, quotients are products with a power -1, roots are powers. */
export type Formula =
  /** `places`: how many digits stood behind the decimal point; null for a number that was written without one. */
  | { readonly kind: "number"; readonly value: Rational; readonly places: number | null }
  /** A variable with its index, or one of the constants `pi`, `e`, `i`, `infinity`, `reals`, `empty`. */
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "sum" | "product"; readonly parts: readonly Formula[] }
  | { readonly kind: "power"; readonly base: Formula; readonly exponent: Formula }
  /** A function of the list in lexicon.ts, or one that only a name is known of. */
  | { readonly kind: "call"; readonly name: string; readonly arguments: readonly Formula[] }
  /** `left ± right`: two values. `isOpposite`: `left ∓ right`. */
  | { readonly kind: "plus-minus"; readonly left: Formula; readonly right: Formula; readonly isOpposite: boolean }
  /** Something in brackets with commas in it: a tuple, an interval, or with braces a set. */
  | { readonly kind: "bracket"; readonly open: Bracket; readonly close: Bracket; readonly parts: readonly Formula[] }
  /** Several answers without brackets; what `;` parts holds what `,` parts. */
  | { readonly kind: "list"; readonly parts: readonly Formula[] }
  | { readonly kind: "ratio"; readonly parts: readonly Formula[] }
  | { readonly kind: "relation"; readonly parts: readonly Formula[]; readonly signs: readonly RelationSign[] }
  | { readonly kind: "union" | "intersection" | "difference"; readonly parts: readonly Formula[] }
  | { readonly kind: "matrix"; readonly rows: readonly (readonly Formula[])[] }
  | { readonly kind: "measure"; readonly amount: Formula; readonly unit: string }
  | { readonly kind: "text"; readonly text: string };

/** Of which kind the brackets are. */
export type Bracket = "(" | "[" | "{" | "<" | ")" | "]" | "}" | ">";

/** A whole number. */
export const numberOf = (value: bigint, places: number | null = null): Formula => ({
  kind: "number",
  value: { num: value, den: 1n },
  places,
});
/** A variable or constant. */
export const symbol = (name: string): Formula => ({ kind: "symbol", name });
/** A function of parts. */
export const call = (name: string, ...parts: Formula[]): Formula => ({ kind: "call", name, arguments: parts });
/** `base ** exponent`. */
export const power = (base: Formula, exponent: Formula): Formula => ({ kind: "power", base, exponent });

/** Parts added; one part stays as it is. */
export const sum = (parts: readonly Formula[]): Formula => (parts.length === 1 ? parts[0] : { kind: "sum", parts });
/** Parts multiplied; one part stays as it is. */
export const product = (parts: readonly Formula[]): Formula =>
  parts.length === 1 ? parts[0] : { kind: "product", parts };

const MINUS_ONE = numberOf(-1n);
/** `-formula`. */
export const negated = (formula: Formula): Formula =>
  formula.kind === "number"
    ? { ...formula, value: { num: -formula.value.num, den: formula.value.den } }
    : product([MINUS_ONE, formula]);
/** `1 / formula`. */
export const inverse = (formula: Formula): Formula => power(formula, MINUS_ONE);
/** Whether a formula is `1 / base`. */
export const isInverse = (formula: Formula): formula is Formula & { readonly kind: "power" } =>
  formula.kind === "power" &&
  formula.exponent.kind === "number" &&
  formula.exponent.value.num === -1n &&
  formula.exponent.value.den === 1n;
/** `a - b`. */
export const minus = (a: Formula, b: Formula): Formula => sum([a, negated(b)]);

/** The parts of a formula, in order. */
export function partsOf(formula: Formula): readonly Formula[] {
  switch (formula.kind) {
    case "number":
    case "symbol":
    case "text":
      return [];
    case "power":
      return [formula.base, formula.exponent];
    case "call":
      return formula.arguments;
    case "plus-minus":
      return [formula.left, formula.right];
    case "matrix":
      return formula.rows.flat();
    case "measure":
      return [formula.amount];
    default:
      return formula.parts;
  }
}

/** The formula with each part replaced. */
export function mapParts(formula: Formula, f: (part: Formula) => Formula): Formula {
  switch (formula.kind) {
    case "number":
    case "symbol":
    case "text":
      return formula;
    case "power":
      return power(f(formula.base), f(formula.exponent));
    case "call":
      return call(formula.name, ...formula.arguments.map(f));
    case "plus-minus":
      return { ...formula, left: f(formula.left), right: f(formula.right) };
    case "matrix":
      return { ...formula, rows: formula.rows.map((row) => row.map(f)) };
    case "measure":
      return { ...formula, amount: f(formula.amount) };
    default:
      return { ...formula, parts: formula.parts.map(f) } as Formula;
  }
}

/** Whether some part of the tree, itself included, is as asked for. */
export function some(formula: Formula, test: (part: Formula) => boolean): boolean {
  return test(formula) || partsOf(formula).some((part) => some(part, test));
}

const CONSTANTS = new Set(["pi", "e", "i", "infinity", "reals", "empty"]);
/** Whether a symbol stands for one number or set. */
export const isConstant = (name: string): boolean => CONSTANTS.has(name);
