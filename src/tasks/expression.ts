// A small parser for arithmetic written by a model: integers, + - * / and parentheses, exact results. Trusts nothing; knows no task.
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
 * Recursive descent over `sum := product (± product)*`, `product := atom (×÷ atom)*`, `atom := integer | ( sum )`. No unary signs, no
 * implicit multiplication. Null for anything malformed, longer than 512 characters, nested deeper than 32, or dividing by zero. Never throws.
 */
export function evaluateExpression(text: string): EvaluatedExpression | null {
  if (text.length > MAX_LENGTH) return null;
  const parser = new ExpressionParser(text);
  const value = parser.sum(0);
  return value === null || !parser.atEnd() ? null : { value, integers: parser.integers };
}

class ExpressionParser {
  readonly integers: number[] = [];
  #at = 0;
  constructor(readonly text: string) {}

  atEnd(): boolean {
    this.#skipSpaces();
    return this.#at === this.text.length;
  }

  sum(depth: number): Rational | null {
    return this.#chain("+", "-", () => this.#chain("*", "/", () => this.#atom(depth)));
  }

  /** Left-associative chain of two operators over what `operand` reads. */
  #chain(first: string, second: string, operand: () => Rational | null): Rational | null {
    let left = operand();
    while (left !== null) {
      const operator = this.#peek();
      if (operator !== first && operator !== second) break;
      this.#at++;
      const right = operand();
      left = right === null ? null : applyOperator(operator, left, right);
    }
    return left;
  }

  #atom(depth: number): Rational | null {
    if (this.#peek() !== "(") return this.#integer();
    if (depth >= MAX_DEPTH) return null;
    this.#at++;
    const inner = this.sum(depth + 1);
    if (inner === null || this.#peek() !== ")") return null;
    this.#at++;
    return inner;
  }

  #integer(): Rational | null {
    const start = this.#at;
    while (isDigit(this.text.charCodeAt(this.#at))) this.#at++;
    const length = this.#at - start;
    if (length === 0 || length > MAX_DIGITS) return null;
    const value = Number(this.text.slice(start, this.#at));
    this.integers.push(value);
    return rational(BigInt(value));
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
