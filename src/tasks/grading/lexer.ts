// Cuts an answer in LaTeX, Unicode or plain text into tokens, in one pass. Knows no grammar.
import { type Rational, rational } from "../rational.js";
import * as lexicon from "./lexicon.js";
import { isPlainUnit } from "./written-number.js";

/** A piece of an answer. `isTight`: nothing stands between it and the one before. */
export type Token = { readonly isTight: boolean } & (
  | { readonly kind: "number"; readonly value: Rational; readonly places: number | null; readonly digits: string }
  /** A variable or a constant; a run of capitals is one. */
  | { readonly kind: "name"; readonly text: string }
  | { readonly kind: "function"; readonly text: string }
  /** A command that takes arguments, such as `frac`. */
  | { readonly kind: "command"; readonly text: string }
  /** `\text{…}`, or a word of plain text. */
  | { readonly kind: "text"; readonly text: string; readonly isPlain: boolean }
  | { readonly kind: "sign"; readonly text: string }
);

type TokenBody = Token extends infer T ? (T extends Token ? Omit<T, "isTight"> : never) : never;

/** Longer answers are not read as formulas. */
export const MAX_ANSWER_LENGTH = 1000;
const MAX_DIGITS = 400;

/** The tokens of an answer; null where it is too long or holds what no formula does. */
export function tokensOf(text: string): Token[] | null {
  return text.length > MAX_ANSWER_LENGTH ? null : new Lexer(text).read();
}

/** Commas that group thousands need brackets around none of them, or a comma with a space to tell them from. */
const GROUPED = /[1-9]\d{0,2}(?:,\d{3})+(?![\d]|,\d)/y;
const NUMBER = /\d+(?:\.\d*)?|\.\d+/y;
const RUN = /[A-Za-z]+/y;
const HALF_OF_DAY = /[ap]\.? ?m(?![A-Za-z])\.?/iy;
const halfOfDay = (text: string): string => text.toLowerCase().replace(/[. ]/g, "");
const COMMAND = /\\(?:[A-Za-z]+|.)/sy;
const REPEATING = /\\overline\s*(?:\{\s*(\d{1,40})\s*\}|(\d))|\((\d{1,40})\)(?=\s*$)/y;
const SIGNS = new Set("+-*/^_=<>!()[]{}|,;:&%'".split(""));

/** Words too short to be told from products by their length. */
const SMALL_WORD = /^(?:is|are|the|of|to|for|if|not|no|yes|by|we|so|all|per|a[nst]|on|it|be|[A-Z][a-z]+)$/;
const DOUBLE_SIGNS: Readonly<Record<string, string>> = { "<=": "<=", ">=": ">=", "!=": "!=", "**": "^", "==": "=" };

class Lexer {
  #at = 0;
  #depth = 0;
  readonly #tokens: Token[] = [];
  readonly #hasSpacedComma: boolean;

  constructor(readonly text: string) {
    this.#hasSpacedComma = /,\s/.test(text);
  }

  read(): Token[] | null {
    while (this.#at < this.text.length) if (!this.#next()) return null;
    return this.#tokens;
  }

  /** Reads one token; false where there is none. */
  #next(): boolean {
    const { text } = this;
    const char = text[this.#at];
    if (/[\s$~\u200B]/.test(char)) return this.#skip(1);
    if (/[\d.]/.test(char) && this.#number()) return true;
    if (char === "\\") return this.#command();
    if (/[A-Za-z]/.test(char)) return this.#letters();
    if (char in lexicon.CHARACTER_NAMES) return this.#push({ kind: "name", text: lexicon.CHARACTER_NAMES[char] }, 1);
    const two = DOUBLE_SIGNS[text.slice(this.#at, this.#at + 2)];
    if (two !== undefined) return this.#sign(two, 2);
    if (text.startsWith("...", this.#at)) return this.#push({ kind: "name", text: "dots" }, 3);
    if (SIGNS.has(char)) return this.#sign(char, 1);
    if (char in lexicon.CHARACTER_SIGNS) return this.#sign(lexicon.CHARACTER_SIGNS[char], 1);
    if (char === "√") return this.#push({ kind: "command", text: "sqrt" }, 1);
    if (char === "°") return this.#push({ kind: "text", text: "°", isPlain: true }, 1);
    if (char === "…") return this.#push({ kind: "name", text: "dots" }, 1);
    if (/[€£¥]/.test(char)) return this.#push({ kind: "text", text: char, isPlain: true }, 1);
    if (char === "." || char === "。") return this.#skip(1, this.#at === text.length - 1);
    return false;
  }

  #skip(length: number, isAllowed = true): boolean {
    this.#at += length;
    return isAllowed;
  }

  #push(token: TokenBody, length: number): true {
    const before = this.text[this.#at - 1];
    const isTight = before !== undefined && !/\s/.test(before);
    this.#tokens.push({ ...token, isTight } as Token);
    this.#at += length;
    return true;
  }

  #sign(text: string, length: number): true {
    if ("([⟨".includes(text) || text === "\\{") this.#depth++;
    if (")]⟩".includes(text) || text === "\\}") this.#depth--;
    return this.#push({ kind: "sign", text }, length);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.text);
  }

  #number(): boolean {
    const groups =
      (this.#depth === 0 || this.#hasSpacedComma) && !/[\d,]/.test(this.text[this.#at - 1] ?? "")
        ? this.#match(GROUPED)?.[0]
        : undefined;
    const whole = groups ?? this.#match(NUMBER)?.[0];
    if (whole === undefined) return false;
    const start = this.#at;
    this.#at += whole.length;
    let fraction = "";
    if (groups && this.text[this.#at] === ".") {
      fraction = /^\.\d*/.exec(this.text.slice(this.#at))?.[0] ?? "";
      this.#at += fraction.length;
    }
    const digits = whole.replaceAll(",", "") + fraction;
    if (digits.length > MAX_DIGITS) return false;
    const [before, after = ""] = digits.split(".");
    const isDecimal = after !== "";
    let value = rational(BigInt(before + after || "0"), 10n ** BigInt(after.length));
    const repeating = isDecimal || digits.endsWith(".") ? this.#match(REPEATING) : null;
    if (repeating) {
      const block = repeating[1] ?? repeating[2] ?? repeating[3];
      const den = (10n ** BigInt(block.length) - 1n) * 10n ** BigInt(after.length);
      value = rational(value.num * den + BigInt(block) * value.den, value.den * den);
      this.#at += repeating[0].length;
    }
    const length = this.#at - start;
    this.#at = start;
    return this.#push({ kind: "number", value, places: isDecimal && !repeating ? after.length : null, digits }, length);
  }

  #command(): boolean {
    const [whole] = this.#match(COMMAND) ?? ["\\"];
    const name = whole.slice(1);
    if (/^[,;:! ]?$/.test(name)) return this.#skip(whole.length);
    if (name === "\\") return this.#sign("\\\\", 2);
    if (name === "{" || name === "}") return this.#sign(whole, 2);
    if (name === "%") return this.#sign("%", 2);
    if (name === "$") return this.#skip(2);
    if (name === "|") return this.#sign("‖", 2);
    if (!/[A-Za-z]/.test(name)) return false;
    return this.#named(name);
  }

  #named(name: string): boolean {
    const length = name.length + 1;
    if (name === "left" || name === "right")
      return this.#skip(length + (/^\s*\./.exec(this.text.slice(this.#at + length))?.[0].length ?? 0));
    if (lexicon.SILENT.has(name)) return this.#skip(length);
    if (lexicon.TEXTUAL.has(name)) return this.#text(length);
    if (Object.hasOwn(lexicon.COMMAND_SIGNS, name)) return this.#sign(lexicon.COMMAND_SIGNS[name], length);
    if (Object.hasOwn(lexicon.FUNCTIONS, name))
      return this.#push({ kind: "function", text: lexicon.FUNCTIONS[name] }, length);
    if (Object.hasOwn(lexicon.LETTERS, name)) return this.#push({ kind: "name", text: lexicon.LETTERS[name] }, length);
    if (/^[lcdv]?dots[cm]?$/.test(name)) return this.#push({ kind: "name", text: "dots" }, length);
    if (name === "circ" || name === "degree") return this.#push({ kind: "text", text: "°", isPlain: true }, length);
    if (name === "mathbb") return this.#blackboard(length);
    if (/^[dct]frac$/.test(name)) return this.#push({ kind: "command", text: "frac" }, length);
    if (name === "begin" || name === "end") return this.#environment(name, length);
    const glued = /^(?:quad|qquad)(?=[a-zA-Z])|^(?:pi|cdot|times|pm|ln)(?=[a-zA-Z]$)/.exec(name)?.[0];
    if (glued) return this.#named(glued);
    return this.#push({ kind: "command", text: name }, length);
  }

  /** `\text{…}`; what is a name, a number or a sign in it counts as such. */
  #text(length: number): boolean {
    const [whole = "", braced, single] =
      /^\s*(?:\{([^{}]*)\}|([A-Za-z]))/.exec(this.text.slice(this.#at + length)) ?? [];
    const content = (braced ?? single)?.trim();
    if (content === undefined) return false;
    const size = length + whole.length;
    if (content === "") return this.#skip(size);
    if (/^[,;]?\s*(?:and|or)\s*,?$|^[,;]$/.test(content))
      return this.#sign(/and|or/.exec(content)?.[0] ?? content, size);
    if (Object.hasOwn(lexicon.FUNCTIONS, content))
      return this.#push({ kind: "function", text: lexicon.FUNCTIONS[content] }, size);
    if (/^\d{1,9}$/.test(content))
      return this.#push({ kind: "number", value: rational(BigInt(content)), places: null, digits: content }, size);
    if (/^[A-Za-z]$/.test(content)) return this.#push({ kind: "name", text: content }, size);
    const text = /^[ap]\.? ?m\.?$/i.test(content) ? halfOfDay(content) : content;
    return this.#push({ kind: "text", text, isPlain: false }, size);
  }

  #blackboard(length: number): boolean {
    const [whole = "", letter] = /^\s*\{?\s*([RZNQC])\s*\}?/.exec(this.text.slice(this.#at + length)) ?? [];
    return (
      letter !== undefined && this.#push({ kind: "name", text: lexicon.BLACKBOARD[letter] }, length + whole.length)
    );
  }

  #environment(name: string, length: number): boolean {
    const [whole = "", kind] =
      /^\s*\{([a-zA-Z]+)\*?\}(?:\{[clr|\s]*\})?/.exec(this.text.slice(this.#at + length)) ?? [];
    return kind !== undefined && this.#push({ kind: "command", text: `${name} ${kind}` }, length + whole.length);
  }

  /** A run of letters: a word that is known, a word that is not, or variables beside each other. */
  #letters(): boolean {
    const half = this.#tokens.at(-1)?.kind === "number" ? this.#match(HALF_OF_DAY) : null;
    if (half) return this.#push({ kind: "text", text: halfOfDay(half[0]), isPlain: false }, half[0].length);
    const [run] = this.#match(RUN) ?? [""];
    const lower = run.toLowerCase();
    if (lower === "and" || lower === "or") return this.#sign(lower, run.length);
    if (run === "in" || run === "mod") return this.#sign(run, run.length);
    if (run === "U" && this.#isBetweenBrackets(run)) return this.#sign("∪", 1);
    if (lower === "union") return this.#sign("∪", run.length);
    if (run === "sqrt") return this.#push({ kind: "command", text: "sqrt" }, 4);
    if (Object.hasOwn(lexicon.FUNCTIONS, run))
      return this.#push({ kind: "function", text: lexicon.FUNCTIONS[run] }, run.length);
    if (Object.hasOwn(lexicon.PLAIN_NAMES, run) || lower === "infinity")
      return this.#push({ kind: "name", text: lexicon.PLAIN_NAMES[run] ?? "infinity" }, run.length);
    if (/^[A-Z]{2,5}$/.test(run)) return this.#push({ kind: "name", text: run }, run.length);
    const joint = /^(?:or|and)(?=[A-Z]$)/.exec(run)?.[0];
    if (joint) return this.#sign(joint, joint.length);
    if (SMALL_WORD.test(run)) return this.#push({ kind: "text", text: run, isPlain: true }, run.length);
    const glued = /^(?:sin|cos|tan|ln|log|exp|sqrt|pi)(?=[a-z]$)/.exec(run)?.[0];
    if (glued) return this.#glued(glued);
    if (/^[a-z]{2,3}$/.test(run) && !isPlainUnit(run)) return this.#push({ kind: "name", text: run[0] }, 1);
    // A short run that may be a unit (`cm`) stays whole: the parser decides, by what stands before it.
    return this.#push(
      run.length >= 4 ? { kind: "text", text: run, isPlain: true } : { kind: "name", text: run },
      run.length,
    );
  }

  #glued(name: string): true {
    if (name === "sqrt") return this.#push({ kind: "command", text: name }, 4);
    if (name === "pi") return this.#push({ kind: "name", text: name }, 2);
    return this.#push({ kind: "function", text: lexicon.FUNCTIONS[name] }, name.length);
  }

  #isBetweenBrackets(run: string): boolean {
    const before = this.text.slice(0, this.#at).trimEnd().at(-1) ?? "";
    const after = this.text.slice(this.#at + run.length).trimStart()[0] ?? "";
    return /[)\]}]/.test(before) && /[([{\\]/.test(after);
  }
}
