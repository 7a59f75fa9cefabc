// Brings an answer into the shape that comparisons expect: ± as two values, lists without lists of one kind in them,
// arithmetic of matrices done, words for sets as sets.
import { call, type Formula, mapParts, negated, product, some, sum, symbol } from "./formula.js";

const MAX_CELLS = 200;

/** See the file's head. */
export const normalised = (formula: Formula): Formula => flattened(withoutSigns(withSets(withMatrices(formula))));

const EVERYTHING = /^(?:all real numbers?|all reals?|the set of all real numbers)$/i;
const NOTHING = /^(?:no (?:real )?solutions?|the empty set|empty set|none)$/i;

function withSets(formula: Formula): Formula {
  if (formula.kind === "union" || formula.kind === "intersection" || formula.kind === "difference")
    return { ...formula, parts: formula.parts.map(asSet) };
  if (formula.kind !== "text") return formula;
  const text = formula.text.trim();
  return EVERYTHING.test(text) ? symbol("reals") : NOTHING.test(text) ? symbol("empty") : formula;
}

/** Numbers beside a sign for sets are sets, for braces without a backslash vanish in LaTeX. */
function asSet(part: Formula): Formula {
  if (part.kind !== "list" && part.kind !== "number") return withSets(part);
  return { kind: "bracket", open: "{", close: "}", parts: part.kind === "list" ? part.parts : [part] };
}

/** Two values for one with ± in it: all upper signs, and all lower ones. */
function withoutSigns(formula: Formula): Formula {
  if (formula.kind !== "list" && !(formula.kind === "bracket" && formula.open === "{"))
    return listed(bothSigns(formula));
  return {
    ...formula,
    parts: formula.parts.flatMap((part) => (part.kind === "list" ? [withoutSigns(part)] : bothSigns(part))),
  };
}

const bothSigns = (formula: Formula): Formula[] =>
  some(formula, ({ kind }) => kind === "plus-minus") ? [signed(formula, true), signed(formula, false)] : [formula];
const listed = (parts: readonly Formula[]): Formula => (parts.length === 1 ? parts[0] : { kind: "list", parts });

function signed(formula: Formula, isUpper: boolean): Formula {
  const whole = mapParts(formula, (part) => signed(part, isUpper));
  if (whole.kind !== "plus-minus") return whole;
  const { left, right, isOpposite } = whole;
  const term = isUpper === isOpposite ? negated(right) : right;
  return left.kind === "number" && left.value.num === 0n ? term : sum([left, term]);
}

/** Lists in lists and in sets are one, unless all parts are lists: those are tuples without brackets. */
function flattened(formula: Formula): Formula {
  if (formula.kind !== "list" && formula.kind !== "bracket") return formula;
  const parts = formula.parts.map(flattened);
  const areTuples = formula.kind === "list" && parts.length > 1 && parts.every(({ kind }) => kind === "list");
  if (areTuples) return { ...formula, parts: parts.map(tupleOf) };
  const isOpen = formula.kind === "list" || formula.open === "{";
  return { ...formula, parts: isOpen ? parts.flatMap((part) => (part.kind === "list" ? part.parts : [part])) : parts };
}

/** `p = 5, q = 2` as (5, 2). */
function tupleOf(list: Formula): Formula {
  if (list.kind !== "list") return list;
  const parts = list.parts.map((part) =>
    part.kind === "relation" && part.signs.length === 1 && part.signs[0] === "=" && part.parts[0].kind === "symbol"
      ? part.parts[1]
      : part,
  );
  return { kind: "bracket", open: "(", close: ")", parts };
}

type Matrix = Formula & { readonly kind: "matrix" };
const isMatrix = (formula: Formula): formula is Matrix => formula.kind === "matrix";

/** Sums and products of matrices as one. */
function withMatrices(formula: Formula): Formula {
  if (!some(formula, isMatrix)) return formula;
  const whole = mapParts(formula, withMatrices);
  if (whole.kind === "sum" && whole.parts.every(isMatrix))
    return whole.parts.slice(1).reduce<Formula>(added, whole.parts[0]);
  if (whole.kind === "product" && whole.parts.some(isMatrix)) return whole.parts.reduce(multiplied);
  if (
    whole.kind === "power" &&
    isMatrix(whole.base) &&
    whole.exponent.kind === "symbol" &&
    /^(?:T|top)$/.test(whole.exponent.name)
  )
    return { kind: "matrix", rows: whole.base.rows[0].map((_, i) => (whole.base as Matrix).rows.map((row) => row[i])) };
  if (whole.kind === "call" && whole.name === "det" && isMatrix(whole.arguments[0]))
    return determinant(whole.arguments[0]) ?? whole;
  return whole;
}

function added(a: Formula, b: Formula): Formula {
  if (!isMatrix(a) || !isMatrix(b)) return sum([a, b]);
  if (a.rows.length !== b.rows.length || a.rows[0].length !== b.rows[0].length) return call("sum of matrices", a, b);
  return { kind: "matrix", rows: a.rows.map((row, i) => row.map((cell, j) => sum([cell, b.rows[i][j]]))) };
}

function multiplied(a: Formula, b: Formula): Formula {
  if (isMatrix(a) && isMatrix(b)) {
    if (a.rows[0].length !== b.rows.length || a.rows.length * b.rows[0].length > MAX_CELLS)
      return call("product of matrices", a, b);
    const cell = (row: readonly Formula[], j: number) => sum(row.map((left, k) => product([left, b.rows[k][j]])));
    return { kind: "matrix", rows: a.rows.map((row) => b.rows[0].map((_, j) => cell(row, j))) };
  }
  const [matrix, factor] = isMatrix(a) ? [a, b] : [b, a];
  return isMatrix(matrix)
    ? { kind: "matrix", rows: matrix.rows.map((row) => row.map((each) => product([factor, each]))) }
    : product([a, b]);
}

/** Of two rows and columns. */
function determinant({ rows }: Matrix): Formula | null {
  if (rows.length !== 2 || rows[0].length !== 2) return null;
  const [[a, b], [c, d]] = rows;
  return sum([product([a, d]), negated(product([b, c]))]);
}
