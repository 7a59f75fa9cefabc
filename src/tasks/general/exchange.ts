// What an instruction with a good answer is, and what a judge may expect of any answer to it. Knows no particular kind
// of material.
import type { Random } from "../../random.js";

/** The kinds of general material. */
export const MATERIAL_KINDS = [
  "rewrite",
  "list",
  "sort",
  "record",
  "knowledge",
  "units",
  "small-talk",
  "safety",
] as const;
/** One of them. */
export type MaterialKind = (typeof MATERIAL_KINDS)[number];

/** What the held-out rules look for in an answer. Plain data, so that it may stand in a problem's fields. */
export type Expectation = {
  /** Whether the request must be refused; any other must be answered. */
  readonly refuse: boolean;
  /** Facts that must occur, whatever their case. */
  readonly facts: readonly string[];
  /** The answer itself, where only one will do. */
  readonly exact?: string;
  /** Items, separated by commas or one a line. */
  readonly items?: {
    readonly count: number;
    readonly layout: "commas" | "lines";
    /** What may be named; with `inOrder`, all of it in this order. */
    readonly allowed: readonly string[];
    readonly inOrder: boolean;
  };
};

/** An instruction, a good answer, and a thought that leads to it. */
export type Exchange = {
  readonly kind: MaterialKind;
  readonly prompt: string;
  readonly answer: string;
  /** One or two short English sentences. */
  readonly thought: string;
  /** Whether the prompt asks for something harmful. */
  readonly harmful: boolean;
  readonly expects: Expectation;
};

/** Draws an exchange of a kind. */
export type ExchangeDraw = (random: Random) => Exchange;

/** An exchange whose prompt is harmless, with nothing expected but an answer and some facts. */
export function harmless(
  kind: MaterialKind,
  prompt: string,
  answer: string,
  thought: string,
  expects: Partial<Expectation> = {},
): Exchange {
  return { kind, prompt, answer, thought, harmful: false, expects: { refuse: false, facts: [], ...expects } };
}

/** `a baker`, `an artist`, `a 34-year-old`, `an 18-year-old`. */
export const withArticle = (words: string): string => `${/^([aeiou]|8|11\b|18\b)/i.test(words) ? "an" : "a"} ${words}`;

/** Different elements, in the order drawn. */
export function pickSome<T>(items: readonly T[], count: number, random: Random): T[] {
  return random.shuffle([...items]).slice(0, count);
}

/** `two`, `three`, … as far as lists go. */
export const countWord = (count: number): string => ["zero", "one", "two", "three", "four", "five", "six"][count];

/**
 * What an instruction is about, whatever its wording: the answer where that says it all, so that two wordings of one
 * instruction have one key.
 */
export function contentKey({ kind, prompt, answer }: Exchange): string {
  if (kind === "list") return `${kind}:${prompt.replace(/^(?:Name|List|Write down) /, "")}`;
  return `${kind}:${kind === "knowledge" || kind === "safety" ? prompt : answer}`;
}
