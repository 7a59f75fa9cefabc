// Formulas in Markdown: $…$, $$…$$, \(…\) and \[…\]. They become elements that hold their source; what draws them comes
// later. Knows no drawing.
import type { TokenizerAndRendererExtension, Tokens } from "marked";

interface MathToken extends Tokens.Generic {
  readonly tex: string;
  readonly isDisplayed: boolean;
}

const escapeText = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] as string);

/** A displayed formula on lines of its own. */
const BLOCK = /^ {0,3}(?:\$\$((?:\\[\s\S]|[^\\$])+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/;
/** A dollar that stands before a digit closes nothing: $5 and $6 are prices. */
const INLINE =
  /^(?:\$\$((?:\\[\s\S]|[^\\$])+?)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)|\$(?![\s$])((?:\\[^\n]|[^\\$\n])+?)(?<!\s)\$(?!\d))/;

const render = (token: Tokens.Generic): string => {
  const { tex, isDisplayed } = token as MathToken;
  return isDisplayed
    ? `<div class="math displayed">${escapeText(tex)}</div>`
    : `<span class="math">${escapeText(tex)}</span>`;
};

/** For `marked.use`. */
export const mathExtensions: TokenizerAndRendererExtension[] = [
  {
    name: "mathBlock",
    level: "block",
    start: (text) => /(?:^|\n) {0,3}(?:\$\$|\\\[)/.exec(text)?.index,
    tokenizer(text): MathToken | undefined {
      const found = BLOCK.exec(text);
      if (!found) return undefined;
      return { type: "mathBlock", raw: found[0], tex: (found[1] ?? found[2]).trim(), isDisplayed: true };
    },
    renderer: render,
  },
  {
    name: "mathInline",
    level: "inline",
    start: (text) => /\$|\\[([]/.exec(text)?.index,
    tokenizer(text): MathToken | undefined {
      const found = INLINE.exec(text);
      if (!found) return undefined;
      const [raw, dollars, brackets, parentheses, dollar] = found;
      const isDisplayed = (dollars ?? brackets) !== undefined;
      const tex = (dollars ?? brackets ?? parentheses ?? dollar).trim();
      return tex === "" ? undefined : { type: "mathInline", raw, tex, isDisplayed };
    },
    renderer: render,
  },
];
