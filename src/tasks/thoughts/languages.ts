// Which languages a thought is written in: English words, terse symbols, or something else. Counts words and signs;
// does not judge what they say.

/** A language that a thought of the generated corpus is written in. */
export type ThoughtLanguage = "english" | "symbols";

/** Shares of a text's words and signs, which add up to 1; all are 0 where a text has neither. */
export interface LanguageShares {
  /** Words of Latin letters without accents. */
  readonly english: number;
  /** Signs of formulas (`+ - * / = < >` and their like), each counted as a word. */
  readonly symbols: number;
  /** Words of other letters; where words are not spaced (Han, kana), every character. */
  readonly other: number;
}

/**
 * Words that belong to no language here: numbers with their sign, single letters (names of unknowns and people),
 * hyphens and slashes between letters (`well-known`, `km/h`), punctuation.
 */
const PIECES = new RegExp(
  [
    "(?<neutral>(?<![\\p{L}\\d)])[-+](?=\\d)|(?<=[\\p{L}\\d])-(?=\\p{L}{2})|(?<=\\p{L})/(?=\\p{L}))",
    "(?<unspaced>[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}])",
    "(?<word>(?:(?![\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}])[\\p{L}\\p{M}]){2,}|\\bI\\b|\\ba\\b)",
    "(?<sign>[+*/=<>^\u00D7\u00F7\u2212\u221A\u2260\u2264\u2265\u2248-])",
  ].join("|"),
  "gu",
);

/**
 * How much of a text is in which language. A text of English words with numbers, such as "3 times 4 is 12", is all
 * English; `3*4=12` is all symbols.
 */
export function languageShares(text: string): LanguageShares {
  const counts = { english: 0, symbols: 0, other: 0 };
  for (const { groups = {} } of text.matchAll(PIECES)) {
    if (groups.sign !== undefined) counts.symbols++;
    else if (groups.unspaced !== undefined) counts.other++;
    else if (groups.word !== undefined) counts[/^[A-Za-z]+$/.test(groups.word) ? "english" : "other"]++;
  }
  const total = counts.english + counts.symbols + counts.other;
  if (total === 0) return counts;
  return { english: counts.english / total, symbols: counts.symbols / total, other: counts.other / total };
}
