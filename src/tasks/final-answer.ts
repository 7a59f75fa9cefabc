// Finds the answer that a text ends in where no tags mark it: `\boxed{…}`, as reasoning models are asked to write it. Does not judge it.

const BOX = "\\boxed{";

/** The content of the last `\boxed{…}` whose braces balance; null where there is none. */
export function finalAnswer(text: string): string | null {
  for (let at = text.lastIndexOf(BOX); at >= 0; at = at === 0 ? -1 : text.lastIndexOf(BOX, at - 1)) {
    const begin = at + BOX.length;
    const end = closingBrace(text, begin);
    if (end >= 0) return text.slice(begin, end);
  }
  return null;
}

/** Where the brace that is open before `from` closes; -1 where it does not. A backslash takes the brace behind it out of the count. */
function closingBrace(text: string, from: number): number {
  for (let at = from, depth = 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return -1;
}
