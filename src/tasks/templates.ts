// Prompt wording shared by all tasks. A task supplies its question in two lengths; this file knows the frames, not the
// tasks.
import type { PromptTemplate } from "./task.js";

/** A problem put into words. */
export interface Wording {
  /** A few characters, for models trained from nothing on a small alphabet. */
  readonly compact: string;
  /** One or two full sentences. */
  readonly question: string;
  /** What belongs between the answer tags, as the end of "inside the answer tags write …". */
  readonly answerForm: string;
}

/** The ways a question can be put. */
export const PROMPT_TEMPLATES: readonly PromptTemplate[] = ["compact", "dialogue", "r1-zero", "plain"];

/** Every character that a compact prompt of the procedural tasks (not of a data set) can contain. */
export const COMPACT_PROMPT_ALPHABET = "0123456789+-*/()=:; \nxABCDEFGHQ";

/**
 * The prompt text. `r1-zero` follows the structure of DeepSeek-R1 (arXiv 2501.12948) Table 1 in our own words: who
 * talks, that thought comes before the answer, the two tag pairs by example, the question, an open assistant turn.
 */
export function renderWording(wording: Wording, template: PromptTemplate): string {
  if (template === "compact") return `Q:${wording.compact}\nA:`;
  if (template === "plain") return wording.question;
  if (template === "dialogue") return `User: ${wording.question}\nAssistant:`;
  return (
    "What follows is a dialogue in which a User poses a problem and an Assistant solves it. The Assistant " +
    "works the problem out in private first and " +
    "only then replies. Its working stands between <think> and </think>, its final reply between <answer> " +
    "and </answer>, like this: " +
    `<think> working goes here </think> <answer> final reply goes here </answer>.\n` +
    `User: ${wording.question} Inside the answer tags write ${wording.answerForm}.\nAssistant:`
  );
}

/** The question of a prompt that `renderWording` framed; null for any other text. */
export const questionIn = (prompt: string): string | null =>
  (/^Q:(.*)\nA:$/s.exec(prompt) ?? /(?:^|\n)User: (.*)\nAssistant:$/s.exec(prompt))?.[1] ?? null;
