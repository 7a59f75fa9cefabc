// Reads a model's response: where it thought, what it answered, whether the tags were used as asked. Does not judge the answer.

/** Opens the thinking block. */
export const THINK_OPEN = "<think>";
/** Closes the thinking block. */
export const THINK_CLOSE = "</think>";
/** Opens the answer. */
export const ANSWER_OPEN = "<answer>";
/** Closes the answer. */
export const ANSWER_CLOSE = "</answer>";
/** The four tags in the order of a well-formed response; each is one token in the character tokenizer. */
export const RESPONSE_TAGS = [THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE] as const;

/** What a response holds. */
export interface ParsedResponse {
  /** Text of the thinking block, to its close, else to the answer or the end; null when it was never opened. */
  readonly think: string | null;
  /** Text of the last closed answer block; null when there is none. */
  readonly answer: string | null;
  /** `<think>…</think><answer>…</answer>`, each tag once, in this order, nothing but white space around and between. */
  readonly wellFormed: boolean;
}

/**
 * Parses a completion. With `prefilled` the prompt already ended in `<think>`, so the completion must not open it again.
 * The answer is read leniently (also from malformed responses) so that accuracy and format stay two separate measurements.
 */
export function parseResponse(text: string, options: { readonly prefilled?: boolean } = {}): ParsedResponse {
  const prefilled = options.prefilled ?? false;
  return { think: readThink(text, prefilled), answer: readAnswer(text), wellFormed: isWellFormed(prefilled ? THINK_OPEN + text : text) };
}

function readThink(text: string, prefilled: boolean): string | null {
  const open = text.indexOf(THINK_OPEN);
  if (open < 0 && !prefilled) return null;
  const start = prefilled ? 0 : open + THINK_OPEN.length;
  const close = text.indexOf(THINK_CLOSE, start);
  if (close >= 0) return text.slice(start, close);
  const answer = text.indexOf(ANSWER_OPEN, start);
  return text.slice(start, answer >= 0 ? answer : text.length);
}

function readAnswer(text: string): string | null {
  const close = text.lastIndexOf(ANSWER_CLOSE);
  const open = close < 0 ? -1 : text.lastIndexOf(ANSWER_OPEN, close);
  return open < 0 ? null : text.slice(open + ANSWER_OPEN.length, close);
}

function isWellFormed(text: string): boolean {
  const at = RESPONSE_TAGS.map((tag) => text.indexOf(tag));
  if (at.some((position, i) => position < 0 || text.indexOf(RESPONSE_TAGS[i], position + 1) >= 0)) return false;
  if (!(at[0] < at[1] && at[1] < at[2] && at[2] < at[3])) return false;
  const outside = text.slice(0, at[0]) + text.slice(at[1] + THINK_CLOSE.length, at[2]) + text.slice(at[3] + ANSWER_CLOSE.length);
  return outside.trim() === "";
}
