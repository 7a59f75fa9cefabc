// Text of a model made fit for a terminal: nothing that would steer it, and lines of the width they take. Knows no
// stream.

/** Marks that take no room of their own. */
const ZERO_WIDTH = /^(?:\p{M}|[\u200B-\u200F\u2060])$/u;
const DOUBLE_WIDTH =
  /^[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFF}]|^\p{Emoji_Presentation}/u;

/** Columns that a character takes. */
export function characterWidth(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  return DOUBLE_WIDTH.test(character) ? 2 : 1;
}

/** The last `maxLines` lines that the text fills at this width. */
export function lastLines(text: string, width: number, maxLines: number): string[] {
  const lines: string[] = [];
  // What is far above is never shown: a line has at least one character a column.
  for (const paragraph of text
    .replaceAll("\t", "    ")
    .slice(-2 * width * (maxLines + 1))
    .split("\n"))
    lines.push(...wrap(paragraph, width));
  return lines.slice(-maxLines);
}

/** A paragraph as lines, broken between words; a word longer than a line is cut. */
export function wrap(paragraph: string, width: number): string[] {
  const wrapper = new WordWrap(() => width);
  return `${wrapper.push(paragraph)}${wrapper.flush()}`.split("\n");
}

/**
 * Breaks text that comes in pieces into lines between words. The last word of a piece is held back, for it may go on in
 * the next.
 */
export class WordWrap {
  private column = 0;
  private word = "";
  private blanks = "";

  constructor(private readonly width: () => number) {}

  push(text: string): string {
    let out = "";
    for (const character of text.replaceAll("\t", "    ")) {
      if (character === "\n") {
        out += `${this.flush()}\n`;
        this.column = 0;
      } else if (character === " ") {
        out += this.flush();
        this.blanks += " ";
      } else this.word += character;
    }
    return out;
  }

  /** What was held back. */
  flush(): string {
    const { blanks, word } = this;
    if (word === "") return "";
    [this.blanks, this.word] = ["", ""];
    const taken = widthOf(word);
    const breaks = this.column > 0 && this.column + blanks.length + taken > this.width();
    if (breaks) this.column = 0;
    const shown = breaks ? "" : blanks;
    this.column += shown.length;
    return `${breaks ? "\n" : ""}${shown}${this.cut(word)}`;
  }

  /** A word, cut where it fills the line. */
  private cut(word: string): string {
    let out = "";
    for (const character of word) {
      const more = characterWidth(character);
      if (this.column + more > this.width()) {
        out += "\n";
        this.column = 0;
      }
      out += character;
      this.column += more;
    }
    return out;
  }
}

const widthOf = (text: string): number => [...text].reduce((sum, character) => sum + characterWidth(character), 0);

/** A terminal's columns, or what is usual where it does not tell (some say 0). */
export const columnsOf = (stream: { readonly columns?: number }): number => Math.max(20, stream.columns || 80);

/** Lines fit for a terminal's width, their continuations indented as they begin; as they are on any other stream. */
export function fitted(
  lines: readonly string[],
  stream: { readonly isTTY?: boolean; readonly columns?: number },
): string[] {
  if (!stream.isTTY) return [...lines];
  return lines.flatMap((line) => {
    const indent = /^ */.exec(line)?.[0] ?? "";
    return wrap(line.slice(indent.length), columnsOf(stream) - indent.length).map((part) => indent + part);
  });
}
