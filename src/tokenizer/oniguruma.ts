// The regular expressions of tokenizer.json, written for Oniguruma, as JavaScript's. A subset: what published
// pre-tokenisers use. Where the two differ: white space, digits, line ends, inline case folding.

/** Of numbers that are no digits there are only those of Latin-1, and what counts as a letter. */
const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\u00B2\u00B3\u00B9\u00BC-\u00BE]";
/** Escapes that mean one thing there and another, or nothing, here. */
const ESCAPES: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  r: "\\r",
  n: "\\n",
  t: "\\t",
  w: WORD,
  W: `[^${WORD.slice(1)}`,
  b: `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`,
};
/** Escapes that are more than a member of a class. */
const OUTSIDE_CLASSES = "bwW";
/** Letters that some other character than the two cases of ASCII folds to: long s, Kelvin sign. */
const FURTHER_CASES: Readonly<Record<string, string>> = { s: "\u017F", k: "\u212A" };
const SYNTAX = /[$^\\.*+?()[\]{}|/]/;

/**
 * The expression for JavaScript (global, by code points), or undefined where it uses what this subset does not hold.
 */
export function javaScriptPattern(oniguruma: string): RegExp | undefined {
  try {
    const source = new Translation(oniguruma).run();
    return source === undefined ? undefined : new RegExp(source, "gu");
  } catch {
    // What JavaScript refuses is outside the subset.
    return undefined;
  }
}

class Translation {
  private at = 0;
  private inClass = false;
  /** For each open group, whether it folds case. */
  private readonly folds: boolean[] = [false];

  constructor(private readonly source: string) {}

  run(): string | undefined {
    let out = "";
    while (this.at < this.source.length) {
      const piece = this.next();
      if (piece === undefined) return undefined;
      out += piece;
    }
    return out;
  }

  /** The translation of the next element; undefined ends the attempt. */
  private next(): string | undefined {
    const character = String.fromCodePoint(this.source.codePointAt(this.at) as number);
    this.at += character.length;
    if (character === "\\") return this.escape();
    if (this.inClass) return this.classMember(character);
    switch (character) {
      case "[":
        this.inClass = true;
        return "[";
      case "(":
        return this.group();
      case ")":
        this.folds.pop();
        return ")";
      case "*":
      case "+":
      case "?":
      case "}":
        // A second + is possessive there, and means nothing here.
        return this.source[this.at] === "+" ? undefined : character;
      case "^":
        return undefined;
      case "$":
        return "(?=\\n|$)";
      case ".":
        return "[^\\n]";
      default:
        return this.folds.at(-1) ? folded(character) : character;
    }
  }

  private classMember(character: string): string | undefined {
    if (character === "]") this.inClass = false;
    const isNested = character === "[" || (character === "&" && this.source[this.at] === "&");
    if (isNested) return undefined;
    if (!this.folds.at(-1) || !/[a-z]/i.test(character)) return character;
    // A range of letters would need to be folded as a whole.
    const isRange = this.source[this.at] === "-" || this.source[this.at - 2] === "-";
    return isRange ? undefined : cases(character);
  }

  private escape(): string | undefined {
    const property = /^[pP]\{\^?\w+\}/.exec(this.source.slice(this.at, this.at + 40))?.[0];
    if (property !== undefined) {
      this.at += property.length;
      return property.includes("^") ? undefined : inJavaScript(property);
    }
    const character = this.source[this.at++];
    if (character === undefined) return undefined;
    if (/[a-z0-9]/i.test(character))
      return this.inClass && OUTSIDE_CLASSES.includes(character) ? undefined : ESCAPES[character];
    return SYNTAX.test(character) || (character === "-" && this.inClass) ? `\\${character}` : character;
  }

  private group(): string | undefined {
    const opening = ["?:", "?=", "?!", "?i:"].find((each) => this.source.startsWith(each, this.at)) ?? "";
    if (opening === "" && this.source[this.at] === "?") return undefined;
    this.at += opening.length;
    this.folds.push(opening === "?i:" || this.folds.at(-1) === true);
    // Nothing refers back to what a group found.
    return opening === "" || opening === "?i:" ? "(?:" : `(${opening}`;
  }
}

const folded = (character: string): string => (/^[a-z]$/i.test(character) ? `[${cases(character)}]` : character);

/** A letter of ASCII in all its cases. */
function cases(letter: string): string {
  const lower = letter.toLowerCase();
  return `${lower}${lower.toUpperCase()}${FURTHER_CASES[lower] ?? ""}`;
}

/** Scripts have their property named here: `\\p{Han}` is `\\p{Script=Han}`. */
function inJavaScript(property: string): string {
  const isKnown = (source: string) => {
    try {
      return new RegExp(source, "u") !== undefined;
    } catch {
      return false;
    }
  };
  const asScript = `\\${property.replace("{", "{Script=")}`;
  return !isKnown(`\\${property}`) && isKnown(asScript) ? asScript : `\\${property}`;
}
