// A terminal for tests: what a person sees after bytes were written to it.

const ESCAPE = "\x1b";
const TERMINAL_PIECES = new RegExp(`${ESCAPE}\\[([?0-9;]*)([A-Za-z])|\n|\r|[^${ESCAPE}\n\r]`, "gu");

/**
 * What a terminal shows after these bytes, as far as this program uses it: cursor up, erase below, colours, cursor
 * visibility.
 */
export function replay(text: string): string[] {
  const lines = [""];
  let row = 0;
  for (const [piece, code, kind] of text.matchAll(TERMINAL_PIECES)) {
    if (kind === "A") row = Math.max(0, row - Number(code));
    else if (kind === "J") lines.length = row + 1;
    if (kind === "J") lines[row] = "";
    else if (piece === "\n" && ++row === lines.length) lines.push("");
    else if (kind === undefined && piece !== "\n" && piece !== "\r") lines[row] += piece;
  }
  return lines.filter((line) => line !== "");
}
