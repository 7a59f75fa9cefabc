// A small parser for arithmetic written by a model: integers, + - * / and parentheses, exact results. Trusts nothing;
// knows no task.
import { applyOperator, type Rational, rational } from "./rational.js";

/** The exact value and the integer literals in the order they were written. */
export interface EvaluatedExpression {
  readonly value: Rational;
  readonly integers: readonly number[];
}

const MAX_LENGTH = 512;
const MAX_DEPTH = 32;
const MAX_DIGITS = 15;

/**
 * Recursive descent over `sum := product (± product)*`, `product := atom (×÷ atom)*`, `atom := integer | ( sum )`. No
 * unary signs, no implicit multiplication. Null for anything malformed, longer than 512 characters, nested deeper than
 * 32, or dividing by zero. Never throws.
 */
export function evaluateExpression(text: string): EvaluatedExpression | null {
  const integers: number[] = [];
  const integer = (value: number) => {
    integers.push(value);
    return rational(BigInt(value));
  };
  const value = parseExpression(text, { integer, apply: applyOperator });
  return value && { value, integers };
}

/**
 * A spelling that expressions share which differ in the order of terms and factors, in parentheses without effect and
 * in white space alone: `8*3-1` and `(3 * 8) - 1`. Null for anything malformed.
 */
export function canonicalExpression(text: string): string | null {
  const form = parseExpression(text, {
    integer: (value): Form => ({ kind: "number", parts: [{ isInverse: false, key: `${value}` }] }),
    apply: joinForms,
  });
  return form && keyOf(form);
}

/** A chain of one kind of operator, flat: its terms or factors, each added or subtracted, multiplied or divided by. */
interface Form {
  readonly kind: "number" | "sum" | "product";
  readonly parts: readonly { readonly isInverse: boolean; readonly key: string }[];
}

function joinForms(operator: string, a: Form, b: Form): Form {
  const kind = operator === "+" || operator === "-" ? "sum" : "product";
  const partsOf = (form: Form) => (form.kind === kind ? form.parts : [{ isInverse: false, key: keyOf(form) }]);
  const second =
    operator === "-" || operator === "/"
      ? partsOf(b).map(({ isInverse, key }) => ({ isInverse: !isInverse, key }))
      : partsOf(b);
  return { kind, parts: [...partsOf(a), ...second] };
}

function keyOf({ kind, parts }: Form): string {
  if (kind === "number") return parts[0].key;
  const [plain, inverse] = kind === "sum" ? ["+", "-"] : ["*", "/"];
  return `(${parts
    .map(({ isInverse, key }) => (isInverse ? inverse : plain) + key)
    .sort()
    .join("")})`;
}

/** What an expression is read into. */
interface Algebra<T> {
  integer(value: number): T;
  /** Null where the operation has no result. */
  apply(operator: string, a: T, b: T): T | null;
}

function parseExpression<T>(text: string, algebra: Algebra<T>): T | null {
  if (text.length > MAX_LENGTH) return null;
  const parser = new ExpressionParser(text, algebra);
  const value = parser.sum(0);
  return parser.atEnd() ? value : null;
}

class ExpressionParser<T> {
  #at = 0;
  constructor(
    readonly text: string,
    readonly algebra: Algebra<T>,
  ) {}

  atEnd(): boolean {
    this.#skipSpaces();
    return this.#at === this.text.length;
  }

  sum(depth: number): T | null {
    return this.#chain("+", "-", () => this.#chain("*", "/", () => this.#atom(depth)));
  }

  /** Left-associative chain of two operators over what `operand` reads. */
  #chain(first: string, second: string, operand: () => T | null): T | null {
    let left = operand();
    while (left !== null) {
      const operator = this.#peek();
      if (operator !== first && operator !== second) break;
      this.#at++;
      const right = operand();
      left = right === null ? null : this.algebra.apply(operator, left, right);
    }
    return left;
  }

  #atom(depth: number): T | null {
    if (this.#peek() !== "(") return this.#integer();
    if (depth >= MAX_DEPTH) return null;
    this.#at++;
    const inner = this.sum(depth + 1);
    if (inner === null || this.#peek() !== ")") return null;
    this.#at++;
    return inner;
  }

  #integer(): T | null {
    const start = this.#at;
    while (isDigit(this.text.charCodeAt(this.#at))) this.#at++;
    const length = this.#at - start;
    if (length === 0 || length > MAX_DIGITS) return null;
    return this.algebra.integer(Number(this.text.slice(start, this.#at)));
  }

  #peek(): string {
    this.#skipSpaces();
    return this.text.charAt(this.#at);
  }

  #skipSpaces(): void {
    while (isSpace(this.text.charCodeAt(this.#at))) this.#at++;
  }
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);
