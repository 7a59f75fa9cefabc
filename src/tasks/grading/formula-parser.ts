// Reads an answer into a formula by recursive descent: LaTeX, Unicode and plain text in one grammar. Bounded in length
// and depth; knows nothing of what equals what.
import { rational } from "../rational.js";
import { AtomParser } from "./atom-parser.js";
import {
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
import { tokensOf } from "./lexer.js";
import { PLAIN_NAMES } from "./lexicon.js";
import { NoFormula, RELATIONS, refuse, SEPARATORS } from "./token-cursor.js";

import { isPlainUnit, unitNamed } from "./written-number.js";

/** The formula that a text is; null where it is none, is longer than an answer, or is nested too deeply. */
export function parseFormula(text: string): Formula | null {
  if (WORD.test(text) && !PRODUCT.test(text) && !Object.hasOwn(PLAIN_NAMES, text)) return { kind: "text", text };
  const tokens = tokensOf(text);
  if (tokens === null || tokens.length === 0) return null;
  try {
    return new Parser(tokens).whole();
  } catch (error) {
    if (error instanceof NoFormula) return null;
    throw error;
  }
}

/** A word alone is one, unless it is a product of the usual letters. */
const WORD = /^[A-Za-z]{2,}$/;
const PRODUCT = /^[abckmnxyz]{2,3}$/;
/** Words behind a number that change what it says. */
const NO_UNIT = new Set(
  (
    "hundred thousand million billion trillion dozen dozens score more less else mod modulo base remainder plus minus " +
    "times"
  ).split(" "),
);

class Parser extends AtomParser {
  whole(): Formula {
    const formula = this.list();
    return this.at === this.tokens.length ? formula : refuse();
  }

  /** Items with `,` `;` `and` `or` between; what `;` parts may hold several. */
  protected list(): Formula {
    const groups: Formula[][] = [[]];
    const words = new Set<string>();
    for (;;) {
      groups[groups.length - 1].push(this.relation());
      let separator = "";
      while (this.next?.kind === "sign" && SEPARATORS.has(this.next.text)) {
        if (separator !== ";") separator = this.next.text;
        words.add(this.next.text);
        this.at++;
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

  protected relation(): Formula {
    const parts = [this.setFormula()];
    const signs: RelationSign[] = [];
    while (this.next?.kind === "sign" && RELATIONS.has(this.next.text)) {
      signs.push(this.next.text as RelationSign);
      this.at++;
      parts.push(this.setFormula());
    }
    return signs.length === 0 ? parts[0] : { kind: "relation", parts, signs };
  }

  protected setFormula(): Formula {
    let left = this.ratio();
    for (;;) {
      const kind = this.take("∪") ? "union" : this.take("∩") ? "intersection" : this.take("∖") ? "difference" : null;
      if (kind === null) return left;
      const right = this.ratio();
      const isChain = left.kind === kind && kind !== "difference";
      left = { kind, parts: isChain && "parts" in left ? [...left.parts, right] : [left, right] };
    }
  }

  protected ratio(): Formula {
    const parts = [this.sum()];
    while (this.take(":")) parts.push(this.sum());
    return parts.length === 1 ? parts[0] : { kind: "ratio", parts };
  }

  protected sum(): Formula {
    const words = this.words();
    if (words) return words;
    let terms: Formula[] = [];
    let sign = this.termSign();
    for (;;) {
      const isNegative = terms.length > 0 && this.take("-"); // `14 + -1`
      const term = isNegative ? negated(this.product()) : this.product();
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
      sign = this.termSign();
      if (sign === "") return sum(terms);
    }
  }

  protected termSign(): string {
    const token = this.next;
    if (token?.kind !== "sign" || !/^[+\-±∓]$/.test(token.text)) return "";
    this.at++;
    return token.text;
  }

  /** An item of words alone, or words that an equals sign makes a name. */
  protected words(): Formula | null {
    const first = this.next;
    if (first?.kind !== "text") return null;
    const words: string[] = [];
    for (
      let token = this.next;
      token?.kind === "text" || (token?.kind === "name" && words.length > 0);
      token = this.next
    ) {
      words.push(token.text);
      this.at++;
    }
    if (!this.isEnd()) refuse();
    const text = words.join(" ");
    return this.isSign("=") ? symbol(`"${text.toLowerCase()}"`) : { kind: "text", text };
  }

  protected product(): Formula {
    const factors = [this.factor()];
    for (;;) {
      if (this.take("*")) factors.push(this.signedFactor());
      else if (this.take("/")) factors.push(inverse(this.signedFactor()));
      else if (this.isUnit()) return this.measure(product(factors));
      else if (this.startsFactor()) this.multiply(factors);
      else break;
    }
    return product(factors.length > 1 ? factors.map(ungrouped) : factors);
  }

  /** What stands beside another factor: a product, or the fraction of a mixed number. */
  protected multiply(factors: Formula[]): void {
    const [first] = factors;
    const isWhole = factors.length === 1 && first.kind === "number" && first.places === null && first.value.den === 1n;
    const before = this.tokens[this.at - 1];
    if (this.next?.kind === "number") {
      if (before?.kind === "sign" && /^[!)]$/.test(before.text)) {
        factors.push(this.factor());
        return;
      }
      if (!isWhole || before?.kind !== "number") refuse();
      const part = this.fractionOfNumbers();
      factors[0] = mixed(first, part);
      return;
    }
    const isFraction =
      isWhole && before?.kind === "number" && this.next?.kind === "command" && this.next.text === "frac";
    const factor = this.factor();
    const value = isFraction ? literalFraction(factor) : null;
    if (value) factors[0] = mixed(first, value);
    else factors.push(factor);
  }

  /** The `1/2` of `1 1/2`. */
  protected fractionOfNumbers(): Formula {
    const [above, , below] = this.tokens.slice(this.at, this.at + 3);
    if (above?.kind !== "number" || below?.kind !== "number" || !this.isSign("/", this.at + 1)) return refuse();
    if (above.isTight || above.value.den !== 1n || below.value.den !== 1n || below.value.num === 0n) refuse();
    this.at += 3;
    return { kind: "number", value: rational(above.value.num, below.value.num), places: null };
  }

  protected isUnit(): boolean {
    const token = this.next;
    if (token?.kind === "sign") return token.text === "%" && this.isEnd(this.at + 1);
    if (token?.kind === "text")
      return !token.isPlain || token.text === "°" || (token.text.length > 3 && !NO_UNIT.has(token.text.toLowerCase()));
    if (token?.kind !== "name" || token.text.length === 1 || !isPlainUnit(token.text)) return false;
    return this.isEnd(this.at + 1) || this.isSign("^", this.at + 1);
  }

  protected measure(amount: Formula): Formula {
    let unit = "";
    while (!this.isEnd()) {
      const token = this.tokens[this.at++];
      if (token.kind === "text" || token.kind === "name") unit += ` ${token.text}`;
      else if (token.kind === "number" && unit.endsWith("^")) unit += token.digits;
      else if (token.kind === "sign" && /^[%^{}/]$/.test(token.text)) unit += token.text;
      else refuse();
    }
    return { kind: "measure", amount, unit: unitNamed(unit.replace(/[{}]/g, "").trim().toLowerCase()) };
  }

  protected signedFactor(): Formula {
    if (this.take("-")) return negated(this.factor());
    this.take("+");
    return this.factor();
  }

  /** An atom and what stands behind or above it. */
  protected factor(): Formula {
    let formula = this.nested(() => this.atom());
    for (;;) {
      if (this.take("!")) formula = call("factorial", formula);
      else if (this.isSign("^") && !this.isDegree()) {
        this.at++;
        formula = power(formula, this.exponent());
      } else if (this.take("'")) formula = formula.kind === "symbol" ? symbol(`${formula.name}'`) : refuse();
      else if (this.isSign("^")) return this.degrees(formula);
      else return formula;
    }
  }

  /** `^\circ` and `^{\circ}`. */
  protected isDegree(): boolean {
    const at = this.at + (this.isSign("{", this.at + 1) ? 2 : 1);
    const token = this.tokens[at];
    return token?.kind === "text" && token.text === "°";
  }

  protected degrees(amount: Formula): Formula {
    this.at += this.isSign("{", this.at + 1) ? 4 : 2;
    return { kind: "measure", amount, unit: "degree" };
  }
}

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
