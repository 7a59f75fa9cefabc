// Finds the answer that a text ends in: between answer tags, or in `\boxed{…}`, as reasoning models are asked to write
// it; or the number that a plain reply ends in. Does not judge it.

const OPEN = "<answer>";
const CLOSE = "</answer>";
const BOX = "\\boxed{";

/**
 * What the last `<answer>…</answer>` holds, else the last `\boxed{…}` whose braces balance; null where there is
 * neither.
 */
export function finalAnswer(text: string): string | null {
  const close = text.lastIndexOf(CLOSE);
  const open = close < 0 ? -1 : text.lastIndexOf(OPEN, close);
  if (open >= 0) return text.slice(open + OPEN.length, close);
  for (let at = text.lastIndexOf(BOX); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(BOX, at - 1)) {
    const begin = at + BOX.length;
    const end = closingBrace(text, begin);
    if (end >= 0) return text.slice(begin, end);
  }
  return null;
}

/** A number in running text. A sign counts where no operand stands before it: `5-3` ends in 3. */
const NUMBER = /(?:(?<![\d)\]]\s?)-)?\d+(?:,\d{3})*(?:\.\d+)?/g;

/**
 * The last number of a text, as evaluations of GSM8K read plain replies ("flexible-extract" of lm-evaluation-harness);
 * without a number, all of the text. Null for an empty one.
 */
export function plainAnswer(text: string): string | null {
  return text.match(NUMBER)?.at(-1) ?? (text.trim() || null);
}

/**
 * Where the brace that is open before `from` closes; -1 where it does not. A backslash takes the brace behind it out of
 * the count.
 */
function closingBrace(text: string, from: number): number {
  for (let at = from, depth = 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return -1;
}
