// The pretraining corpus of the from-scratch recipe: written-out Countdown searches, right or wrong, never filtered by
// outcome. Knows the task's rules and the response tags; knows no tokenizer and no model.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Random } from "../random.js";
import { type CountdownProblem, combineTerms, legalResult, numberTerm, type Term } from "./countdown.js";
import { parseOptions, weightsSchema } from "./options.js";
import { type WeightedDraw, weightedDraw, weightedIntegerDraw } from "./weighted-draw.js";
import { malformedShape, writeResponse } from "./written-response.js";

/**
 * How one trace searches. `random`: any legal step. `greedy-last`: random steps, but the last one lands as near the
 * target as it can.
 */
export type SearchStyle = "random" | "greedy-last";

/** The options, as zod checks them. */
export const traceSchema = z.strictObject({
  /**
   * Weights of the number of attempts after which a trace gives up and answers with its last one. Small values
   * dominate: most traces give up early.
   */
  attempts: weightsSchema.default({ 1: 0.35, 2: 0.2, 3: 0.15, 4: 0.1, 6: 0.08, 8: 0.06, 12: 0.04, 16: 0.02 }),
  /**
   * Weights of the search styles: `random` takes any legal step; `greedy-last` chooses the last step that comes closest
   * to the target.
   */
  styles: z
    .strictObject({ random: z.number().nonnegative().default(0), "greedy-last": z.number().nonnegative().default(0) })
    .refine((weights) => weights.random + weights["greedy-last"] > 0, { message: "needs at least one weight above 0" })
    .default({ random: 0.7, "greedy-last": 0.3 }),
  /** Fraction of traces in a wrong format: a missing tag, an unclosed answer, or no thinking block. */
  sloppyFormat: z.number().min(0).max(1).default(0.1),
});

/** Knobs of the search traces; every one has a default. */
export type TraceOptionsInput = z.input<typeof traceSchema>;

/** Checked options with their distributions prepared; made once by `traceOptions`, passed to every trace. */
export interface TraceOptions {
  readonly attempts: WeightedDraw<number>;
  readonly styles: WeightedDraw<SearchStyle>;
  readonly sloppyFormat: number;
}

/** @throws ConfigError on unknown keys or impossible values */
export function traceOptions(input: TraceOptionsInput = {}): TraceOptions {
  const { attempts, styles, sloppyFormat } = parseOptions(traceSchema, input, "countdown traces");
  for (const key of Object.keys(attempts)) {
    if (!/^[1-9]\d{0,3}$/.test(key))
      throw new ConfigError(`countdown traces: option "attempts": keys must be 1 … 9999, got "${key}"`);
  }
  return {
    attempts: weightedIntegerDraw(attempts),
    /**
     * How traces search, with weights: `random` takes any legal step, `greedy-last` makes the last step land as near as
     * it can.
     */
    styles: weightedDraw([
      ["random", styles.random],
      ["greedy-last", styles["greedy-last"]],
    ]),
    sloppyFormat,
  };
}

/** The response text and how it came about. */
export interface Trace {
  readonly text: string;
  /** Whether the search reached the target; the answer is then right, whatever its format. */
  readonly solved: boolean;
  readonly style: SearchStyle;
  readonly attemptBudget: number;
  readonly numAttempts: number;
  readonly sloppy: boolean;
}

const DEFAULT_OPTIONS = traceOptions();
/** How often an attempt is drawn again when the trace has made it before. */
const MAX_REDRAWS = 24;

/**
 * The response to one problem, to be put right after its prompt; a pure function of the problem, the stream's state and
 * the options.
 */
export function generateTrace(
  problem: CountdownProblem,
  random: Random,
  options: TraceOptions = DEFAULT_OPTIONS,
): string {
  return searchTrace(problem, random, options).text;
}

/**
 * One search: attempts, each a chain of steps `a∘b=c` that uses every number, joined by `,` and ended by `;` or, at the
 * target, `!`. Example: `<think>3+7=10,10*8=80;8-7=1,1*3=3;8-7=1,…!</think><answer>(8-7)*24</answer>`. After the last
 * attempt that the budget allows the trace answers with that attempt's expression, although it is wrong.
 */
export function searchTrace(problem: CountdownProblem, random: Random, options: TraceOptions = DEFAULT_OPTIONS): Trace {
  const { numbers, target } = problem.fields;
  const attemptBudget = options.attempts.draw(random);
  const style = options.styles.draw(random);
  const start = numbers.map(numberTerm);
  const seen = new Set<string>();
  let thoughts = "";
  let attempt: Attempt;
  let numAttempts = 0;
  let solved: boolean;
  do {
    attempt = makeAttempt(start, target, style, random);
    for (let i = 0; i < MAX_REDRAWS && seen.has(attempt.steps); i++)
      attempt = makeAttempt(start, target, style, random);
    seen.add(attempt.steps);
    solved = attempt.result.value === target;
    thoughts += attempt.steps + (solved ? "!" : ";");
    numAttempts++;
  } while (!solved && numAttempts < attemptBudget);
  const sloppy = random.float() < options.sloppyFormat;
  const text = writeResponse(thoughts, attempt.result.text, sloppy ? malformedShape(random) : "whole");
  return { text, solved, style, attemptBudget, numAttempts, sloppy };
}

/** One chain of steps that uses every number. */
export interface Attempt {
  /** `3+7=10,10*8=80`, without the closing mark. */
  readonly steps: string;
  readonly result: Term;
}

interface Step {
  readonly operator: string;
  readonly a: Term;
  readonly b: Term;
  readonly value: number;
}

/** Merges pairs until one number is left. */
export function makeAttempt(start: readonly Term[], target: number, style: SearchStyle, random: Random): Attempt {
  let terms = start;
  let steps = "";
  while (terms.length > 1) {
    const [i, j] = randomPair(terms.length, random);
    const legal = legalSteps(terms[i], terms[j]);
    const step = style === "greedy-last" && terms.length === 2 ? nearestStep(legal, target) : random.pick(legal);
    steps += `${steps === "" ? "" : ","}${step.a.value}${step.operator}${step.b.value}=${step.value}`;
    // The new number goes first, so that a chain tends to carry on from what it just wrote.
    const rest = terms.filter((_, index) => index !== i && index !== j);
    terms = [substitute(step), ...rest];
  }
  return { steps, result: terms[0] };
}

/**
 * A result stands for its step, always in parentheses: writing the answer is then putting steps in place of numbers,
 * without precedence rules.
 */
function substitute({ operator, a, b, value }: Step): Term {
  const enclosed = (term: Term): string => (/^\d+$/.test(term.text) ? term.text : `(${term.text})`);
  return { ...combineTerms(operator, a, b, value), text: enclosed(a) + operator + enclosed(b) };
}

function randomPair(length: number, random: Random): [number, number] {
  if (length === 2) return [0, 1];
  const i = random.below(length);
  const j = random.below(length - 1);
  return j < i ? [j, i] : [i, j + 1];
}

/**
 * Every step over an unordered pair that stays whole and not negative; + and * keep the order of the pool, so each sum
 * has one spelling.
 */
function legalSteps(p: Term, q: Term): Step[] {
  const steps: Step[] = [
    { operator: "+", a: p, b: q, value: p.value + q.value },
    { operator: "*", a: p, b: q, value: p.value * q.value },
  ];
  const [large, small] = p.value >= q.value ? [p, q] : [q, p];
  for (const operator of ["-", "/"]) {
    const value = legalResult(operator, large.value, small.value);
    if (value >= 0) steps.push({ operator, a: large, b: small, value });
  }
  return steps;
}

function nearestStep(steps: readonly Step[], target: number): Step {
  let best = steps[0];
  for (const step of steps) if (Math.abs(step.value - target) < Math.abs(best.value - target)) best = step;
  return best;
}
