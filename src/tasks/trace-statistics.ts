// Measures a corpus of Countdown traces before any training: how often it is right, how long it is. Used to tune the
// corpus options.
import { Random } from "../random.js";
import { type CountdownOptions, createCountdownTask } from "./countdown.js";
import { searchTrace, type Trace, type TraceOptionsInput, traceOptions } from "./countdown-traces.js";
import { parseResponse, RESPONSE_TAGS } from "./response.js";

/**
 * Means over one group of traces. Lengths are in character-tokenizer tokens: a tag counts as one, the end token is not
 * counted.
 */
export interface TraceGroupStatistics {
  readonly numTraces: number;
  /** Graded as a model's response would be: parsed, then verified. */
  readonly fractionCorrect: number;
  readonly formatRate: number;
  readonly meanAttempts: number;
  readonly meanTokens: number;
  readonly maxTokens: number;
}

/** Figures of a sample of traces. */
export interface TraceStatistics extends TraceGroupStatistics {
  readonly byStyle: Readonly<Record<string, TraceGroupStatistics>>;
  readonly byAttemptBudget: Readonly<Record<string, TraceGroupStatistics>>;
}

/** Whose traces are looked at, and how many. */
export interface TraceStatisticsOptions {
  readonly task?: CountdownOptions;
  readonly traces?: TraceOptionsInput;
  readonly numTraces?: number;
  readonly seed?: number;
}

interface GradedTrace {
  readonly trace: Trace;
  readonly correct: number;
  readonly wellFormed: boolean;
  readonly numTokens: number;
}

const TAG_PATTERN = new RegExp(RESPONSE_TAGS.join("|"), "g");

/** Length of a response in character-tokenizer tokens, each response tag counted as one. */
export function countResponseTokens(text: string): number {
  return text.replace(TAG_PATTERN, "#").length;
}

/**
 * Generates `numTraces` traces (default 2000) of train problems and summarises them, as a whole and by style and
 * attempt budget.
 */
export function traceStatistics(options: TraceStatisticsOptions = {}): TraceStatistics {
  const task = createCountdownTask(options.task);
  const resolved = traceOptions(options.traces);
  const seed = options.seed ?? 0;
  const random = new Random(seed).fork("trace statistics");
  const graded: GradedTrace[] = [];
  for (let index = 0; index < (options.numTraces ?? 2000); index++) {
    const problem = task.generate(seed, index, "train");
    const trace = searchTrace(problem, random, resolved);
    const { answer, wellFormed } = parseResponse(trace.text);
    graded.push({
      trace,
      correct: answer === null ? 0 : task.verify(problem, answer),
      wellFormed,
      numTokens: countResponseTokens(trace.text),
    });
  }
  return {
    ...summarise(graded),
    byStyle: summariseBy(graded, (g) => g.trace.style),
    byAttemptBudget: summariseBy(graded, (g) => `${g.trace.attemptBudget}`),
  };
}

function summariseBy(
  graded: readonly GradedTrace[],
  keyOf: (g: GradedTrace) => string,
): Record<string, TraceGroupStatistics> {
  const keys = [...new Set(graded.map(keyOf))].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
  return Object.fromEntries(keys.map((key) => [key, summarise(graded.filter((g) => keyOf(g) === key))]));
}

function summarise(graded: readonly GradedTrace[]): TraceGroupStatistics {
  const mean = (read: (g: GradedTrace) => number): number =>
    graded.reduce((sum, g) => sum + read(g), 0) / graded.length;
  return {
    numTraces: graded.length,
    fractionCorrect: mean((g) => g.correct),
    formatRate: mean((g) => Number(g.wellFormed)),
    meanAttempts: mean((g) => g.trace.numAttempts),
    meanTokens: mean((g) => g.numTokens),
    maxTokens: graded.reduce((max, g) => Math.max(max, g.numTokens), 0),
  };
}
