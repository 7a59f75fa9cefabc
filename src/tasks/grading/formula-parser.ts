// Reads an answer into a formula by recursive descent: LaTeX, Unicode and plain text in one grammar. Bounded in length
// and depth; knows nothing of what equals what.
import { rational } from "../rational.js";
import {
  type Bracket,
  call,
  type Formula,
  inverse,
  negated,
  numberOf,
  power,
  product,
  type RelationSign,
  sum,
  symbol,
} from "./formula.js";
import { type Token, tokensOf } from "./lexer.js";
import { ACCENTS, INVERSES } from "./lexicon.js";
import { isPlainUnit, unitNamed } from "./written-number.js";

/** The formula that a text is; null where it is none, is longer than an answer, or is nested too deeply. */
export function parseFormula(text: string): Formula | null {
  const tokens = tokensOf(text);
  if (tokens === null || tokens.length === 0) return null;
  try {
    return new Parser(tokens).whole();
  } catch (error) {
    if (error instanceof NoFormula) return null;
    throw error;
  }
}

class NoFormula extends Error {}
const refuse = (): never => {
  throw new NoFormula();
};

const MAX_DEPTH = 40;
const RELATIONS = new Set(["=", "<", "<=", ">", ">=", "!=", "~", "in"]);
const SEPARATORS = new Set([",", ";", "and", "or"]);
const CLOSING: Readonly<Record<string, string>> = { "(": ")]", "[": "])", "⟨": "⟩" };
/** Letters that stand for functions where brackets follow. */
const FUNCTION_LETTER = /^[fghFGH]$/;
/** Words behind a number that change what it says. */
const NO_UNIT =
  /^(?:[a-z]{1,3}|hundred|thousand|million|billion|trillion|dozens?|score|more|less|else|mod|modulo|base|remainder|plus|minus|times)$/i;
const BIG_OPERATORS = new Set(["sum", "prod", "int", "lim"]);

class Parser {
  #at = 0;
  #depth = 0;
  #isInBars = false;

  constructor(readonly tokens: Token[]) {}

  whole(): Formula {
    const formula = this.#list();
    return this.#at === this.tokens.length ? formula : refuse();
  }

  get #next(): Token | undefined {
    return this.tokens[this.#at];
  }

  #isSign(text: string, at = this.#at): boolean {
    const token = this.tokens[at];
    return token?.kind === "sign" && token.text === text;
  }

  #take(text: string): boolean {
    if (!this.#isSign(text)) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) refuse();
  }

  #nested<T>(body: () => T): T {
    if (++this.#depth > MAX_DEPTH) refuse();
    const result = body();
    this.#depth--;
    return result;
  }

  /** Whether an item ends here: at the end, a separator, a relation, or what closes. */
  #isEnd(at = this.#at): boolean {
    const token = this.tokens[at];
    if (!token) return true;
    return (
      token.kind === "sign" &&
      (SEPARATORS.has(token.text) || RELATIONS.has(token.text) || /^[)\]}⟩&∪∩∖|]$|^\\[\\}]$/.test(token.text))
    );
  }

  /** Items with `,` `;` `and` `or` between; what `;` parts may hold several. */
  #list(): Formula {
    const groups: Formula[][] = [[]];
    const words = new Set<string>();
    for (;;) {
      groups[groups.length - 1].push(this.#relation());
      let separator = "";
      while (this.#next?.kind === "sign" && SEPARATORS.has(this.#next.text)) {
        if (separator !== ";") separator = this.#next.text;
        words.add(this.#next.text);
        this.#at++;
      }
      if (separator === "") break;
      if (separator === ";") groups.push([]);
    }
    if (groups.length > 1 && groups.some((group) => group.length > 1))
      return listOf(
        groups.map((group) => listOf(group, words)),
        words,
      );
    return listOf(groups.flat(), words);
  }

  #relation(): Formula {
    const parts = [this.#setFormula()];
    const signs: RelationSign[] = [];
    while (this.#next?.kind === "sign" && RELATIONS.has(this.#next.text)) {
      signs.push(this.#next.text as RelationSign);
      this.#at++;
      parts.push(this.#setFormula());
    }
    return signs.length === 0 ? parts[0] : { kind: "relation", parts, signs };
  }

  #setFormula(): Formula {
    let left = this.#ratio();
    for (;;) {
      const kind = this.#take("∪") ? "union" : this.#take("∩") ? "intersection" : this.#take("∖") ? "difference" : null;
      if (kind === null) return left;
      const right = this.#ratio();
      const isChain = left.kind === kind && kind !== "difference";
      left = { kind, parts: isChain && "parts" in left ? [...left.parts, right] : [left, right] };
    }
  }

  #ratio(): Formula {
    const parts = [this.#sum()];
    while (this.#take(":")) parts.push(this.#sum());
    return parts.length === 1 ? parts[0] : { kind: "ratio", parts };
  }

  #sum(): Formula {
    const words = this.#words();
    if (words) return words;
    let terms: Formula[] = [];
    let sign = this.#termSign();
    for (;;) {
      const term = this.#product();
      if (sign === "±" || sign === "∓")
        terms = [
          {
            kind: "plus-minus",
            left: terms.length === 0 ? numberOf(0n) : sum(terms),
            right: term,
            isOpposite: sign === "∓",
          },
        ];
      else terms.push(sign === "-" ? negated(term) : term);
      sign = this.#termSign();
      if (sign === "") return sum(terms);
    }
  }

  #termSign(): string {
    const token = this.#next;
    if (token?.kind !== "sign" || !/^[+\-±∓]$/.test(token.text)) return "";
    this.#at++;
    return token.text;
  }

  /** An item of words alone, or words that an equals sign makes a name. */
  #words(): Formula | null {
    const first = this.#next;
    if (first?.kind !== "text") return null;
    const words: string[] = [];
    for (
      let token = this.#next;
      token?.kind === "text" || (token?.kind === "name" && words.length > 0);
      token = this.#next
    ) {
      words.push(token.text);
      this.#at++;
    }
    if (!this.#isEnd()) refuse();
    const text = words.join(" ");
    return this.#isSign("=") ? symbol(`"${text.toLowerCase()}"`) : { kind: "text", text };
  }

  #product(): Formula {
    const factors = [this.#factor()];
    for (;;) {
      if (this.#take("*")) factors.push(this.#signedFactor());
      else if (this.#take("/")) factors.push(inverse(this.#signedFactor()));
      else if (this.#isUnit()) return this.#measure(product(factors));
      else if (this.#startsFactor()) this.#multiply(factors);
      else break;
    }
    return product(factors.length > 1 ? factors.map(ungrouped) : factors);
  }

  /** What stands beside another factor: a product, or the fraction of a mixed number. */
  #multiply(factors: Formula[]): void {
    const [first] = factors;
    const isWhole = factors.length === 1 && first.kind === "number" && first.places === null && first.value.den === 1n;
    const before = this.tokens[this.#at - 1];
    if (this.#next?.kind === "number") {
      if (!isWhole || before?.kind !== "number") refuse();
      const part = this.#fractionOfNumbers();
      factors[0] = mixed(first, part);
      return;
    }
    const isFraction =
      isWhole && before?.kind === "number" && this.#next?.kind === "command" && this.#next.text === "frac";
    const factor = this.#factor();
    const value = isFraction ? literalFraction(factor) : null;
    if (value) factors[0] = mixed(first, value);
    else factors.push(factor);
  }

  /** The `1/2` of `1 1/2`. */
  #fractionOfNumbers(): Formula {
    const [above, , below] = this.tokens.slice(this.#at, this.#at + 3);
    if (above?.kind !== "number" || below?.kind !== "number" || !this.#isSign("/", this.#at + 1)) return refuse();
    if (above.isTight || above.value.den !== 1n || below.value.den !== 1n || below.value.num === 0n) refuse();
    this.#at += 3;
    return { kind: "number", value: rational(above.value.num, below.value.num), places: null };
  }

  #startsFactor(): boolean {
    const token = this.#next;
    if (!token || token.kind === "text") return false;
    if (token.kind === "command") return !token.text.startsWith("end ");
    if (token.kind !== "sign") return true;
    return /^[({⟨⌊⌈]$/.test(token.text) || (token.text === "|" && !this.#isInBars && !this.#isEndOfBars());
  }

  /** Whether the bar here has no partner behind it. */
  #isEndOfBars(): boolean {
    for (let at = this.#at + 1; at < this.tokens.length; at++) if (this.#isSign("|", at)) return false;
    return true;
  }

  #isUnit(): boolean {
    const token = this.#next;
    if (token?.kind === "sign") return token.text === "%" && this.#isEnd(this.#at + 1);
    if (token?.kind === "text") return !token.isPlain || token.text === "°" || !NO_UNIT.test(token.text);
    if (token?.kind !== "name" || token.text.length === 1 || !isPlainUnit(token.text)) return false;
    return this.#isEnd(this.#at + 1) || this.#isSign("^", this.#at + 1);
  }

  #measure(amount: Formula): Formula {
    let unit = "";
    while (!this.#isEnd()) {
      const token = this.tokens[this.#at++];
      if (token.kind === "text" || token.kind === "name") unit += ` ${token.text}`;
      else if (token.kind === "number" && unit.endsWith("^")) unit += token.digits;
      else if (token.kind === "sign" && /^[%^{}/]$/.test(token.text)) unit += token.text;
      else refuse();
    }
    return { kind: "measure", amount, unit: unitNamed(unit.replace(/[{}]/g, "").trim().toLowerCase()) };
  }

  #signedFactor(): Formula {
    if (this.#take("-")) return negated(this.#factor());
    this.#take("+");
    return this.#factor();
  }

  /** An atom and what stands behind or above it. */
  #factor(): Formula {
    let formula = this.#nested(() => this.#atom());
    for (;;) {
      if (this.#take("!")) formula = call("factorial", formula);
      else if (this.#isSign("^") && !this.#isDegree()) {
        this.#at++;
        formula = power(formula, this.#exponent());
      } else if (this.#take("'")) formula = formula.kind === "symbol" ? symbol(`${formula.name}'`) : refuse();
      else if (this.#isSign("^")) return this.#degrees(formula);
      else return formula;
    }
  }

  /** `^\circ` and `^{\circ}`. */
  #isDegree(): boolean {
    const at = this.#at + (this.#isSign("{", this.#at + 1) ? 2 : 1);
    const token = this.tokens[at];
    return token?.kind === "text" && token.text === "°";
  }

  #degrees(amount: Formula): Formula {
    this.#at += this.#isSign("{", this.#at + 1) ? 4 : 2;
    return { kind: "measure", amount, unit: "degree" };
  }

  #exponent(): Formula {
    if (this.#isSign("{")) return this.#group();
    if (this.#take("-")) return negated(this.#nested(() => this.#atom()));
    return this.#nested(() => this.#atom());
  }

  /** `{…}` with one formula in it. */
  #group(): Formula {
    this.#expect("{");
    const formula = this.#nested(() => this.#list());
    this.#expect("}");
    return formula;
  }

  #atom(): Formula {
    const token = this.#next ?? refuse();
    if (token.kind === "number") return this.#literal(token);
    if (token.kind === "text") return refuse();
    if (token.kind === "sign") return this.#bracketed(token.text);
    this.#at++;
    if (token.kind === "name") return this.#named(token.text);
    if (token.kind === "function") return this.#function(token.text);
    return this.#command(token.text);
  }

  #literal(token: Token & { kind: "number" }): Formula {
    this.#at++;
    const number: Formula = { kind: "number", value: token.value, places: token.places };
    if (!this.#take("_")) return number;
    return call(
      "base",
      number,
      symbol(token.digits),
      this.#isSign("{") ? this.#group() : this.#nested(() => this.#atom()),
    );
  }

  #named(text: string): Formula {
    const splits = /^[a-z]{2,3}$/.test(text);
    if (splits)
      return product(
        [...text]
          .slice(0, -1)
          .map(symbol)
          .concat(this.#named(text.at(-1) as string)),
      );
    const name = text + this.#index();
    const isCall =
      this.#isSign("(") &&
      this.#next?.isTight &&
      (FUNCTION_LETTER.test(text) || (/^[A-Z]$/.test(text) && this.#hasSimpleArgument()));
    if (!isCall) return symbol(name);
    const argument = this.#bracketed("(");
    return call(name, ...(argument.kind === "bracket" ? argument.parts : [argument]));
  }

  #hasSimpleArgument(): boolean {
    return this.#isSign(")", this.#at + 2);
  }

  /** `_1`, `_{n+1}`, as part of a name. */
  #index(): string {
    if (!this.#take("_")) return "";
    if (!this.#isSign("{")) return `_${spelled(this.tokens[this.#at++] ?? refuse())}`;
    let text = "";
    let depth = 0;
    do {
      const token = this.tokens[this.#at++] ?? refuse();
      if (token.kind === "sign" && token.text === "{") depth++;
      else if (token.kind === "sign" && token.text === "}") depth--;
      else text += spelled(token);
    } while (depth > 0);
    return `_${text}`;
  }

  #function(name: string): Formula {
    const base = name === "log" && this.#take("_") ? this.#argument() : undefined;
    const exponent = this.#take("^") ? this.#exponent() : undefined;
    const isInverse = exponent?.kind === "number" && exponent.value.num === -1n && name in INVERSES;
    const argument = this.#functionArgument();
    const inner = argument.kind === "bracket" ? argument.parts : [argument];
    const value = call(isInverse ? INVERSES[name] : name, ...inner, ...(base ? [base] : []));
    return exponent && !isInverse ? power(value, exponent) : value;
  }

  /** In brackets, or the factors up to the next function, sign or bracket. */
  #functionArgument(): Formula {
    if (this.#isSign("(") || this.#isSign("|")) return this.#bracketed(this.#isSign("(") ? "(" : "|");
    if (this.#isSign("{")) return this.#group();
    const factors = [this.#signedFactor()];
    while (
      this.#startsFactor() &&
      this.#next?.kind !== "function" &&
      !this.#isSign("(") &&
      !this.#isSign("|") &&
      !this.#isUnit()
    ) {
      if (this.#next?.kind === "number") refuse();
      factors.push(this.#factor());
    }
    if (this.#isSign("/") && factors.every(isLiteral) && this.tokens[this.#at + 1]?.kind === "number") {
      this.#at++;
      factors.push(inverse(this.#factor()));
    }
    return product(factors);
  }

  #command(name: string): Formula {
    if (name === "frac" || name === "over") return product([this.#argument(), inverse(this.#argument())]);
    if (name === "sqrt") return this.#root();
    if (/^[dt]?binom$/.test(name)) return call("binomial", this.#argument(), this.#argument());
    if (BIG_OPERATORS.has(name)) return this.#bigOperator(name);
    if (name.startsWith("begin ")) return this.#matrix(name.slice(6));
    if (ACCENTS.has(name)) return call(name, this.#argument());
    return this.#isSign("{") || name.startsWith("end ") ? refuse() : symbol(`\\${name}`);
  }

  /** `{…}`, or one digit, letter or command, as LaTeX takes it. */
  #argument(): Formula {
    if (this.#isSign("{")) return this.#group();
    const token = this.#next;
    if (token?.kind !== "number" || token.digits.length === 1) return this.#nested(() => this.#atom());
    if (!/^\d+$/.test(token.digits)) return refuse();
    const [first, rest] = [token.digits[0], token.digits.slice(1)];
    this.tokens[this.#at] = {
      kind: "number",
      value: rational(BigInt(rest)),
      places: null,
      digits: rest,
      isTight: true,
    };
    return numberOf(BigInt(first));
  }

  #root(): Formula {
    let degree: Formula = numberOf(2n);
    if (this.#take("[")) {
      degree = this.#sum();
      this.#expect("]");
    }
    const radicand = this.#isSign("{") ? this.#group() : this.#nested(() => this.#atom());
    return degree.kind === "number" && degree.value.num === 2n ? power(radicand, HALF) : call("root", radicand, degree);
  }

  #bigOperator(name: string): Formula {
    const limits: Formula[] = [];
    while (this.#isSign("_") || this.#isSign("^")) {
      this.#at++;
      limits.push(this.#isSign("{") ? this.#group() : this.#nested(() => this.#atom()));
    }
    return call(name, ...limits, this.#product());
  }

  #matrix(kind: string): Formula {
    if (!/^(?:[pbBvV]?matrix|smallmatrix|array)$/.test(kind)) refuse();
    const rows: Formula[][] = [[]];
    const isAtEnd = () => this.#next?.kind === "command" && this.#next.text === `end ${kind}`;
    while (!isAtEnd()) {
      rows[rows.length - 1].push(this.#nested(() => this.#sum()));
      if (this.#take("\\\\")) {
        if (!isAtEnd()) rows.push([]);
      } else if (!this.#take("&") && !isAtEnd()) refuse();
    }
    this.#at++;
    if (rows.some((row) => row.length !== rows[0].length)) refuse();
    const matrix: Formula = { kind: "matrix", rows };
    return kind === "vmatrix" ? call("det", matrix) : matrix;
  }

  #bracketed(open: string): Formula {
    if (open === "|") return this.#absolute();
    if (open === "{") return this.#group();
    if (open === "\\{") return this.#set();
    if (open === "⌊" || open === "⌈") return this.#rounded(open);
    const closing = CLOSING[open] ?? refuse();
    this.#at++;
    const inner = this.#nested(() => this.#withoutBars(() => this.#list()));
    const close = this.tokens[this.#at++];
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

  #withoutBars<T>(body: () => T): T {
    const before = this.#isInBars;
    this.#isInBars = false;
    const result = body();
    this.#isInBars = before;
    return result;
  }

  #absolute(): Formula {
    this.#expect("|");
    const before = this.#isInBars;
    this.#isInBars = true;
    const inner = this.#nested(() => this.#sum());
    this.#isInBars = before;
    this.#expect("|");
    return call("abs", inner);
  }

  #rounded(open: string): Formula {
    this.#at++;
    const inner = this.#nested(() => this.#sum());
    this.#expect(open === "⌊" ? "⌋" : "⌉");
    return call(open === "⌊" ? "floor" : "ceil", inner);
  }

  /** `\{…\}`; of `\{x : …\}` and `\{x | …\}` what is said of x. */
  #set(): Formula {
    this.#at++;
    if (this.#take("\\}")) return symbol("empty");
    if (this.#next?.kind === "name" && (this.#isSign(":", this.#at + 1) || this.#isSign("|", this.#at + 1))) {
      this.#at += 2;
      const condition = this.#nested(() => this.#list());
      this.#expect("\\}");
      return condition;
    }
    const inner = this.#nested(() => this.#list());
    this.#expect("\\}");
    return { kind: "bracket", open: "{", close: "}", parts: inner.kind === "list" ? inner.parts : [inner] };
  }
}

const HALF: Formula = { kind: "number", value: rational(1n, 2n), places: null };

const spelled = (token: Token): string => (token.kind === "number" ? token.digits : token.text);
const isLiteral = (formula: Formula): boolean => formula.kind === "number";

/** Inequalities that a word joins are one set of numbers; anything else is a list. */
function listOf(parts: readonly Formula[], separators: ReadonlySet<string>): Formula {
  if (parts.length === 1) return parts[0];
  const areInequalities = parts.every((part) => part.kind === "relation" && part.signs.every((sign) => sign !== "="));
  if (areInequalities && separators.has("or")) return { kind: "union", parts };
  if (areInequalities && separators.has("and")) return { kind: "intersection", parts };
  return { kind: "list", parts };
}

/** Square brackets around one factor group it. */
const ungrouped = (factor: Formula): Formula =>
  factor.kind === "bracket" && factor.parts.length === 1 && factor.open === "[" ? factor.parts[0] : factor;

/** A quotient of two whole numbers in digits. */
function literalFraction(formula: Formula): Formula | null {
  if (formula.kind !== "product" || formula.parts.length !== 2) return null;
  const [above, below] = formula.parts;
  if (above.kind !== "number" || below.kind !== "power" || below.base.kind !== "number") return null;
  if (above.value.den !== 1n || below.base.value.den !== 1n || below.base.value.num === 0n) return null;
  return { kind: "number", value: rational(above.value.num, below.base.value.num), places: null };
}

/** A whole number and a proper fraction; `1\frac{3}{2}` may be a sum or a product, and is refused. */
function mixed(whole: Formula, part: Formula): Formula {
  if (whole.kind !== "number" || part.kind !== "number") return refuse();
  if (part.value.num <= 0n || part.value.num >= part.value.den) refuse();
  return {
    kind: "number",
    value: rational(whole.value.num * part.value.den + part.value.num, part.value.den),
    places: null,
  };
}
