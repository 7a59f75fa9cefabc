// Text of a model made fit for a terminal: nothing that would steer it, and lines of the width they take. Knows no stream.

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

function wrap(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let taken = 0;
  for (const character of paragraph) {
    const more = characterWidth(character);
    if (taken + more > width) {
      lines.push(line);
      [line, taken] = ["", 0];
    }
    line += character;
    taken += more;
  }
  return [...lines, line];
}
