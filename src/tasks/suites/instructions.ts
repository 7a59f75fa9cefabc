// The instructions of IFEval and how each is checked, as in google-research (instruction_following_eval, after the
// published code). Sentences and words are told apart here by rules, where the original asks nltk; languages are told
// by franc, where it asks langdetect.
import { isLanguage } from "./language.js";

/** The arguments of an instruction, by the names in the data set. */
export type InstructionArguments = Readonly<Record<string, unknown>>;

/** How an instruction is checked. */
export interface InstructionCheck {
  /** The arguments it needs. */
  readonly needs: readonly string[];
  isFollowed(text: string, args: InstructionArguments): boolean;
}

const check = (needs: readonly string[], isFollowed: InstructionCheck["isFollowed"]): InstructionCheck => ({
  needs,
  isFollowed,
});

/** Every instruction by its id. */
export const INSTRUCTIONS: Readonly<Record<string, InstructionCheck>> = {
  "keywords:existence": check(["keywords"], (text, { keywords }) =>
    textsOf(keywords).every((word) => occurrences(text, word) > 0),
  ),
  "keywords:frequency": check(["keyword", "frequency", "relation"], (text, { keyword, frequency, relation }) =>
    compares(occurrences(text, `${keyword}`), relation, frequency),
  ),
  "keywords:forbidden_words": check(
    ["forbidden_words"],
    (text, { forbidden_words: words }) => !textsOf(words).some((word) => hasWord(text, word)),
  ),
  "keywords:letter_frequency": check(
    ["letter", "let_frequency", "let_relation"],
    (text, { letter, let_frequency: frequency, let_relation: relation }) =>
      compares(occurrences(text, `${letter}`), relation, frequency),
  ),
  "language:response_language": check(["language"], (text, { language }) => isLanguage(text, `${language}`)),
  "length_constraints:number_sentences": check(["num_sentences", "relation"], (text, { num_sentences, relation }) =>
    compares(countSentences(text), relation, num_sentences),
  ),
  "length_constraints:number_paragraphs": check(["num_paragraphs"], (text, { num_paragraphs: count }) => {
    const paragraphs = text.split(/\s?\*\*\*\s?/).map((paragraph) => paragraph.trim());
    return withoutBlankEnds(paragraphs)?.length === Number(count);
  }),
  "length_constraints:number_words": check(["num_words", "relation"], (text, { num_words: count, relation }) =>
    compares((text.match(/[\p{L}\p{N}_]+/gu) ?? []).length, relation, count),
  ),
  "length_constraints:nth_paragraph_first_word": check(
    ["num_paragraphs", "nth_paragraph", "first_word"],
    (text, { num_paragraphs: count, nth_paragraph: n, first_word: word }) => {
      const paragraphs = text.split("\n\n");
      const first = paragraphs[Number(n) - 1]?.trim().split(/\s+/)[0] ?? "";
      const bare = /^[^.,?!'"]*/.exec(first.replace(/^'+/, "").replace(/^"+/, ""))?.[0].toLowerCase();
      const numFilled = paragraphs.filter((paragraph) => paragraph.trim() !== "").length;
      return numFilled === Number(count) && Number(n) <= numFilled && first !== "" && bare === `${word}`.toLowerCase();
    },
  ),
  "detectable_content:number_placeholders": check(
    ["num_placeholders"],
    (text, { num_placeholders: count }) => (text.match(/\[.*?\]/g) ?? []).length >= Number(count),
  ),
  "detectable_content:postscript": check(["postscript_marker"], (text, { postscript_marker: marker }) =>
    postscriptPattern(`${marker}`).test(text),
  ),
  "detectable_format:number_bullet_lists": check(["num_bullets"], (text, { num_bullets: count }) => {
    const [stars, dashes] = [/^\s*\*[^*].*$/gm, /^\s*-.*$/gm].map((pattern) => text.match(pattern)?.length ?? 0);
    return stars + dashes === Number(count);
  }),
  "detectable_format:constrained_response": check([], (text) =>
    ["My answer is yes.", "My answer is no.", "My answer is maybe."].some((option) => text.includes(option)),
  ),
  "detectable_format:number_highlighted_sections": check(["num_highlights"], (text, { num_highlights: count }) => {
    const found = [...text.matchAll(/\*[^\n*]*\*/g), ...text.matchAll(/\*\*[^\n*]*\*\*/g)];
    return found.filter(([each]) => each.replaceAll("*", "").trim() !== "").length >= Number(count);
  }),
  "detectable_format:multiple_sections": check(
    ["section_spliter", "num_sections"],
    (text, { section_spliter: splitter, num_sections: count }) =>
      text.split(new RegExp(`\\s?${literal(`${splitter}`)}\\s?\\d+\\s?`)).length - 1 >= Number(count),
  ),
  "detectable_format:json_format": check([], (text) => isJson(unfenced(text))),
  "detectable_format:title": check([], (text) =>
    [...text.matchAll(/<<[^\n]+>>/g)].some(([title]) => title.replace(/^<+/, "").replace(/>+$/, "").trim() !== ""),
  ),
  "combination:two_responses": check([], (text) => {
    const responses = withoutBlankEnds(text.split("******").map((response) => response.trim()));
    return responses?.length === 2 && responses[0] !== responses[1];
  }),
  "combination:repeat_prompt": check(["prompt_to_repeat"], (text, { prompt_to_repeat: prompt }) =>
    text.trim().toLowerCase().startsWith(`${prompt}`.trim().toLowerCase()),
  ),
  "startend:end_checker": check(["end_phrase"], (text, { end_phrase: phrase }) =>
    text
      .trim()
      .replace(/^"+|"+$/g, "")
      .toLowerCase()
      .endsWith(`${phrase}`.trim().toLowerCase()),
  ),
  "startend:quotation": check([], (text) => /^".*"$/s.test(text.trim())),
  "change_case:capital_word_frequency": check(
    ["capital_frequency", "capital_relation"],
    (text, { capital_frequency: frequency, capital_relation: relation }) =>
      compares(countCapitalWords(text), relation, frequency),
  ),
  "change_case:english_capital": check([], (text) => isUpperCase(text) && isLanguage(text, "en")),
  "change_case:english_lowercase": check([], (text) => isLowerCase(text) && isLanguage(text, "en")),
  "punctuation:no_comma": check([], (text) => !text.includes(",")),
};

/** "at least" or "less than". */
const compares = (count: number, relation: unknown, limit: unknown): boolean =>
  relation === "less than" ? count < Number(limit) : count >= Number(limit);

const textsOf = (list: unknown): string[] => (Array.isArray(list) ? list.map(String) : []);

/** The text as a part of a regular expression. */
const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** How often a text holds another, whatever the case; occurrences do not overlap. */
const occurrences = (text: string, part: string): number =>
  part === "" ? 0 : text.toLowerCase().split(part.toLowerCase()).length - 1;

const hasWord = (text: string, word: string): boolean =>
  new RegExp(`(?<![\\p{L}\\p{N}_])${literal(word)}(?![\\p{L}\\p{N}_])`, "iu").test(text);

/** Without an empty first or last one; null where one between is empty. */
function withoutBlankEnds(parts: readonly string[]): string[] | null {
  const isBlankInside = parts.slice(1, -1).some((part) => part === "");
  return isBlankInside ? null : parts.filter((part) => part !== "");
}

function postscriptPattern(marker: string): RegExp {
  if (marker === "P.P.S") return /p\.\s?p\.\s?s/i;
  return marker === "P.S." ? /p\.\s?s\./i : new RegExp(literal(marker), "i");
}

const unfenced = (text: string): string =>
  text
    .trim()
    .replace(/^```(?:json|Json|JSON)?/, "")
    .replace(/```$/, "")
    .trim();

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** As Python's `isupper`: some letter has case, and none is small. */
const isUpperCase = (text: string): boolean => text === text.toUpperCase() && text !== text.toLowerCase();
const isLowerCase = (text: string): boolean => text === text.toLowerCase() && text !== text.toUpperCase();

/** Words in capitals; hyphens and apostrophes do not part words. */
const countCapitalWords = (text: string): number =>
  (text.match(/[\p{L}\p{N}][\p{L}\p{N}'’-]*/gu) ?? []).filter(isUpperCase).length;

/** A point behind these, or behind a single letter, ends no sentence. */
const ABBREVIATION = /(?:^|[\s("])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|e\.g|i\.e|inc|ltd|co|no|fig|[a-z])\.$/i;

/** Sentences: up to a point, question or exclamation mark before white space, quotes and brackets between allowed. */
function countSentences(text: string): number {
  let count = 0;
  let from = 0;
  for (const { index, 0: end } of text.matchAll(/[.!?]+["'”’)\]*_]*(?=\s|$)/g)) {
    const to = index + end.length;
    const behind = text.slice(to);
    const goesOn = /^\s+\p{Ll}/u.test(behind) || (ABBREVIATION.test(text.slice(from, to)) && /^\s+\S/.test(behind));
    const isAbbreviation = end === "." && goesOn;
    const isListNumber = end === "." && /(?:^|\n)\s*\d+\.$/.test(text.slice(from, to));
    if (isAbbreviation || isListNumber) continue;
    count++;
    from = to;
  }
  return /[\p{L}\p{N}]/u.test(text.slice(from)) ? count + 1 : count;
}
