// A thought before it is written: lines that can each be said in English or in symbols, and the answer they lead to.
// Knows no task.
import type { Random } from "../../random.js";
import { type ResponseShape, writeResponse } from "../written-response.js";
import type { ThoughtLanguage } from "./languages.js";

/** One line of a thought in both languages. */
export type ThoughtLine = Readonly<Record<ThoughtLanguage, string>>;

/** What was thought, and the answer at the end of it. */
export interface Thought {
  readonly lines: readonly ThoughtLine[];
  readonly answer: string;
  readonly correct: boolean;
}

/** How a task's thought is to go. */
export interface ThoughtPlan {
  /** Whether the answer is to be right. A search that finds no solution within its means stays wrong. */
  readonly correct: boolean;
  /** Whether a slip happens on the way and is noticed. Where a task has search, the attempts take this place. */
  readonly corrected: boolean;
  /** Failed attempts before the last one, where the task has search. */
  readonly numFailures: number;
}

/** A thought in one language, or with the language changing from line to line. */
export type ThoughtStyle = ThoughtLanguage | "mixed";

/** Writes the response: the lines in a language, separated by blanks, then the answer. */
export function writeThought(thought: Thought, style: ThoughtStyle, shape: ResponseShape, random: Random): string {
  return writeResponse(thoughtText(thought.lines, style, random), thought.answer, shape);
}

/** The lines in a language. A mixed thought of two lines or more has at least one of each. */
export function thoughtText(lines: readonly ThoughtLine[], style: ThoughtStyle, random: Random): string {
  if (style !== "mixed") return lines.map((line) => line[style]).join(" ");
  const inEnglish = lines.map(() => random.below(2) === 0);
  if (inEnglish.every((english) => english === inEnglish[0])) {
    const changed = random.below(Math.max(lines.length, 1));
    inEnglish[changed] = !inEnglish[changed];
  }
  return lines.map((line, i) => (inEnglish[i] ? line.english : line.symbols)).join(" ");
}
