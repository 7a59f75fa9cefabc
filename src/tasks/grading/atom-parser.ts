// Reads the smallest parts of formulas: numbers, names, functions, roots, brackets, matrices. What stands inside them,
// formula-parser.ts reads.
import { rational } from "../rational.js";
import { type Bracket, call, type Formula, inverse, negated, numberOf, power, product, symbol } from "./formula.js";
import type { Token } from "./lexer.js";
import { ACCENTS, INVERSES } from "./lexicon.js";
import { refuse, TokenCursor } from "./token-cursor.js";
import { isPlainUnit } from "./written-number.js";

const CLOSING: Readonly<Record<string, string>> = { "(": ")]", "[": "])", "⟨": "⟩" };
/** Letters that stand for functions where brackets follow. */
const FUNCTION_LETTER = /^[fghFGH]$/;
const BIG_OPERATORS = new Set(["sum", "prod", "int", "lim"]);
const HALF: Formula = { kind: "number", value: rational(1n, 2n), places: null };

/** See the file's head. */
export abstract class AtomParser extends TokenCursor {
  protected abstract list(): Formula;
  protected abstract sum(): Formula;
  protected abstract product(): Formula;
  protected abstract factor(): Formula;
  protected abstract signedFactor(): Formula;
  protected abstract isUnit(): boolean;

  protected exponent(): Formula {
    if (this.isSign("{")) return this.group();
    if (this.take("-")) return negated(this.nested(() => this.atom()));
    return this.nested(() => this.atom());
  }

  /** `{…}` with one formula in it. */
  protected group(): Formula {
    this.expect("{");
    const formula = this.nested(() => this.list());
    this.expect("}");
    return formula;
  }

  protected atom(): Formula {
    const token = this.next ?? refuse();
    if (token.kind === "number") return this.literal(token);
    if (token.kind === "text") return refuse();
    if (token.kind === "sign") return this.bracketed(token.text);
    this.at++;
    if (token.kind === "name") return this.named(token.text);
    if (token.kind === "function") return this.function(token.text);
    return this.command(token.text);
  }

  protected literal(token: Token & { kind: "number" }): Formula {
    this.at++;
    const number: Formula = { kind: "number", value: token.value, places: token.places };
    if (!this.take("_")) return number;
    return call("base", number, symbol(token.digits), this.isSign("{") ? this.group() : this.nested(() => this.atom()));
  }

  protected named(text: string): Formula {
    if (/^[a-z]{2,3}$/.test(text) && isPlainUnit(text))
      return product(
        [...text]
          .slice(0, -1)
          .map(symbol)
          .concat(this.named(text.at(-1) as string)),
      );
    const name = text + this.index();
    const isCall =
      this.isSign("(") &&
      this.next?.isTight &&
      (FUNCTION_LETTER.test(text) || (/^[A-Z]$/.test(text) && this.hasSimpleArgument()));
    if (!isCall) return symbol(name);
    const argument = this.bracketed("(");
    return call(name, ...(argument.kind === "bracket" ? argument.parts : [argument]));
  }

  protected hasSimpleArgument(): boolean {
    return this.isSign(")", this.at + 2);
  }

  /** `_1`, `_{n+1}`, as part of a name. */
  protected index(): string {
    if (!this.take("_")) return "";
    if (!this.isSign("{")) return `_${spelled(this.tokens[this.at++] ?? refuse())}`;
    let text = "";
    let depth = 0;
    do {
      const token = this.tokens[this.at++] ?? refuse();
      if (token.kind === "sign" && token.text === "{") depth++;
      else if (token.kind === "sign" && token.text === "}") depth--;
      else text += spelled(token);
    } while (depth > 0);
    return `_${text}`;
  }

  protected function(name: string): Formula {
    const base = name === "log" && this.take("_") ? this.argument() : undefined;
    const exponent = this.take("^") ? this.exponent() : undefined;
    const isInverse = exponent?.kind === "number" && exponent.value.num === -1n && name in INVERSES;
    const argument = this.functionArgument();
    const inner = argument.kind === "bracket" ? argument.parts : [inRadians(argument)];
    const value = call(isInverse ? INVERSES[name] : name, ...inner, ...(base ? [base] : []));
    return exponent && !isInverse ? power(value, exponent) : value;
  }

  /** In brackets, or the factors up to the next function, sign or bracket. */
  protected functionArgument(): Formula {
    if (this.isSign("(") || this.isSign("|")) return this.bracketed(this.isSign("(") ? "(" : "|");
    if (this.isSign("{")) return this.group();
    const factors = [this.signedFactor()];
    while (
      this.startsFactor() &&
      this.next?.kind !== "function" &&
      !this.isSign("(") &&
      !this.isSign("|") &&
      !this.isUnit()
    ) {
      if (this.next?.kind === "number") refuse();
      factors.push(this.factor());
    }
    if (this.isSign("/") && factors.every(isLiteral) && this.tokens[this.at + 1]?.kind === "number") {
      this.at++;
      factors.push(inverse(this.factor()));
    }
    const argument = product(factors);
    if (this.next?.kind !== "text" || this.next.text !== "°") return argument;
    this.at++;
    return { kind: "measure", amount: argument, unit: "degree" };
  }

  protected command(name: string): Formula {
    if (name === "frac" || name === "over") return product([this.argument(), inverse(this.argument())]);
    if (name === "sqrt") return this.root();
    if (/^[dt]?binom$/.test(name)) return call("binomial", this.argument(), this.argument());
    if (BIG_OPERATORS.has(name)) return this.bigOperator(name);
    if (name.startsWith("begin ")) return this.matrix(name.slice(6));
    if (ACCENTS.has(name)) return call(name, this.argument());
    return this.isSign("{") || name.startsWith("end ") ? refuse() : symbol(`\\${name}`);
  }

  /** `{…}`, or one digit, letter or command, as LaTeX takes it. */
  protected argument(): Formula {
    if (this.isSign("{")) return this.group();
    const token = this.next;
    if (token?.kind !== "number" || token.digits.length === 1) return this.nested(() => this.atom());
    if (!/^\d+$/.test(token.digits)) return refuse();
    const [first, rest] = [token.digits[0], token.digits.slice(1)];
    this.tokens[this.at] = {
      kind: "number",
      value: rational(BigInt(rest)),
      places: null,
      digits: rest,
      isTight: true,
    };
    return numberOf(BigInt(first));
  }

  protected root(): Formula {
    let degree: Formula = numberOf(2n);
    if (this.take("[")) {
      degree = this.sum();
      this.expect("]");
    }
    const radicand = this.isSign("{") ? this.group() : this.nested(() => this.atom());
    return degree.kind === "number" && degree.value.num === 2n ? power(radicand, HALF) : call("root", radicand, degree);
  }

  protected bigOperator(name: string): Formula {
    const limits: Formula[] = [];
    while (this.isSign("_") || this.isSign("^")) {
      this.at++;
      limits.push(this.isSign("{") ? this.group() : this.nested(() => this.atom()));
    }
    return call(name, ...limits, this.product());
  }

  protected matrix(kind: string): Formula {
    if (!/^(?:[pbBvV]?matrix|smallmatrix|array)$/.test(kind)) refuse();
    const rows: Formula[][] = [[]];
    const isAtEnd = () => this.next?.kind === "command" && this.next.text === `end ${kind}`;
    while (!isAtEnd()) {
      rows[rows.length - 1].push(this.nested(() => this.sum()));
      if (this.take("\\\\")) {
        if (!isAtEnd()) rows.push([]);
      } else if (!this.take("&") && !isAtEnd()) refuse();
    }
    this.at++;
    if (rows.some((row) => row.length !== rows[0].length)) refuse();
    const matrix: Formula = { kind: "matrix", rows };
    return kind === "vmatrix" ? call("det", matrix) : matrix;
  }

  protected bracketed(open: string): Formula {
    if (open === "|") return this.absolute();
    if (open === "{") return this.group();
    if (open === "\\{") return this.set();
    if (open === "⌊" || open === "⌈") return this.rounded(open);
    const closing = CLOSING[open] ?? refuse();
    this.at++;
    const inner = this.nested(() => this.withoutBars(() => this.list()));
    const close = this.tokens[this.at++];
    if (close?.kind !== "sign" || !closing.includes(close.text)) return refuse();
    if (open === "(" && close.text === ")" && inner.kind !== "list") return inner;
    if (inner.kind === "matrix") return inner;
    const [first, last] = open === "⟨" ? ["<", ">"] : [open, close.text];
    return {
      kind: "bracket",
      open: first as Bracket,
      close: last as Bracket,
      parts: inner.kind === "list" ? inner.parts : [inner],
    };
  }

  protected withoutBars<T>(body: () => T): T {
    const before = this.isInBars;
    this.isInBars = false;
    const result = body();
    this.isInBars = before;
    return result;
  }

  protected absolute(): Formula {
    this.expect("|");
    const before = this.isInBars;
    this.isInBars = true;
    const inner = this.nested(() => this.sum());
    this.isInBars = before;
    this.expect("|");
    return call("abs", inner);
  }

  protected rounded(open: string): Formula {
    this.at++;
    const inner = this.nested(() => this.sum());
    this.expect(open === "⌊" ? "⌋" : "⌉");
    return call(open === "⌊" ? "floor" : "ceil", inner);
  }

  /** `\{…\}`; of `\{x : …\}` and `\{x | …\}` what is said of x. */
  protected set(): Formula {
    this.at++;
    if (this.take("\\}")) return symbol("empty");
    if (this.next?.kind === "name" && (this.isSign(":", this.at + 1) || this.isSign("|", this.at + 1))) {
      this.at += 2;
      const condition = this.nested(() => this.list());
      this.expect("\\}");
      return condition;
    }
    const inner = this.nested(() => this.list());
    this.expect("\\}");
    return { kind: "bracket", open: "{", close: "}", parts: inner.kind === "list" ? inner.parts : [inner] };
  }
}

const DEGREE = product([symbol("pi"), { kind: "number", value: rational(1n, 180n), places: null }]);
const inRadians = (angle: Formula): Formula =>
  angle.kind === "measure" && angle.unit === "degree" ? product([angle.amount, DEGREE]) : angle;

const spelled = (token: Token): string => (token.kind === "number" ? token.digits : token.text);
const isLiteral = (formula: Formula): boolean => formula.kind === "number";
