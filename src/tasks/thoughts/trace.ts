// Responses of the pretraining corpus to the problems of every procedural task: right and wrong, in English, in symbols
// or mixed, sometimes in a wrong format. Knows the tasks; knows no tokenizer and no model.
import { z } from "zod";
import { ConfigError } from "../../errors.js";
import type { Random } from "../../random.js";
import type { ArithmeticFields } from "../arithmetic.js";
import type { CountdownFields } from "../countdown.js";
import type { KnightsAndKnavesFields } from "../knights-and-knaves.js";
import type { LinearEquationsFields } from "../linear-equations.js";
import type { LinearSystemsFields } from "../linear-systems.js";
import { parseOptions, weightsSchema } from "../options.js";
import type { Problem } from "../task.js";
import { type WeightedDraw, weightedDraw, weightedIntegerDraw } from "../weighted-draw.js";
import type { WordProblemFields } from "../word-problems/story.js";
import { malformedShape } from "../written-response.js";
import { thinkArithmetic } from "./arithmetic-thought.js";
import { thinkCountdown } from "./countdown-thought.js";
import { thinkInSteps } from "./derivation.js";
import { thinkEquation, thinkSystem } from "./equation-thought.js";
import { thinkKnights } from "./knights-thought.js";
import { type Thought, type ThoughtPlan, type ThoughtStyle, writeThought } from "./thought.js";

const share = z.number().min(0).max(1);

/** The options, as zod checks them. */
export const thoughtSchema = z.strictObject({
  /** Weights of the languages of thought: `english` words, terse `symbols`, or `mixed` from line to line. */
  languages: z
    .strictObject({
      english: z.number().nonnegative().default(0),
      symbols: z.number().nonnegative().default(0),
      mixed: z.number().nonnegative().default(0),
    })
    .refine((weights) => Object.values(weights).some((w) => w > 0), { message: "needs at least one weight above 0" })
    .default({ english: 0.45, symbols: 0.35, mixed: 0.2 }),
  /** Fraction of traces that end in a wrong answer. */
  wrong: share.default(0.3),
  /** Fraction of the traces of tasks without search that contain a slip which is noticed and mended. */
  corrected: share.default(0.2),
  /** Weights of the number of failed attempts before the last one, for tasks with search. */
  failures: weightsSchema.default({ 0: 0.3, 1: 0.25, 2: 0.2, 3: 0.15, 4: 0.1 }),
  /** Fraction of traces in a wrong format: a missing tag, an unclosed answer, or no thinking block. */
  sloppyFormat: share.default(0.05),
  /** Maximum number of characters of a response; longer ones are drawn again. */
  maxCharacters: z.number().int().min(20).default(1000),
});

/** Knobs of the traces; every one has a default. */
export type ThoughtOptionsInput = z.input<typeof thoughtSchema>;

/** Checked options with their distributions prepared; made once by `thoughtOptions`. */
export interface ThoughtOptions extends Omit<z.output<typeof thoughtSchema>, "languages" | "failures"> {
  readonly languages: WeightedDraw<ThoughtStyle>;
  readonly failures: WeightedDraw<number>;
}

/** @throws ConfigError on unknown keys or impossible values */
export function thoughtOptions(input: ThoughtOptionsInput = {}): ThoughtOptions {
  const options = parseOptions(thoughtSchema, input, "thoughts");
  for (const key of Object.keys(options.failures)) {
    if (!/^\d{1,3}$/.test(key))
      throw new ConfigError(`thoughts: option "failures": keys must be 0 … 999, got "${key}"`);
  }
  const languages = weightedDraw(Object.entries(options.languages) as [ThoughtStyle, number][]);
  return { ...options, languages, failures: weightedIntegerDraw(options.failures) };
}

type Thinker = (fields: never, plan: ThoughtPlan, random: Random) => Thought;

const THINKERS: Readonly<Record<string, Thinker>> = {
  countdown: (fields: CountdownFields, plan, random) => thinkCountdown(fields, plan, random),
  arithmetic: (fields: ArithmeticFields, plan, random) => thinkArithmetic(fields, plan, random),
  "linear-equations": (fields: LinearEquationsFields, plan, random) => thinkEquation(fields, plan, random),
  "linear-systems": (fields: LinearSystemsFields, plan, random) => thinkSystem(fields, plan, random),
  "knights-and-knaves": (fields: KnightsAndKnavesFields, plan, random) => thinkKnights(fields, plan, random),
  "word-problems": ({ steps }: WordProblemFields, plan, random) => thinkInSteps(steps, plan, random),
};

/** Tasks whose problems `thinkAbout` can think about. */
export const THINKING_TASKS: readonly string[] = Object.keys(THINKERS);

/** A response to a problem and how it came about. */
export interface WrittenTrace {
  readonly text: string;
  readonly correct: boolean;
  readonly style: ThoughtStyle;
  readonly sloppy: boolean;
}

const MAX_DRAWS = 50;

/**
 * A response to a problem of the named task, to be put right after its prompt: a pure function of the problem, the
 * stream's state and the options. Null where no response within `maxCharacters` is found.
 */
export function thinkAbout(
  task: string,
  problem: Problem<object>,
  random: Random,
  options: ThoughtOptions,
): WrittenTrace | null {
  if (!Object.hasOwn(THINKERS, task))
    throw new ConfigError(`no thoughts are known for task ${task}; known tasks: ${THINKING_TASKS.join(", ")}`);
  const correct = random.float() >= options.wrong;
  const style = options.languages.draw(random);
  const sloppy = random.float() < options.sloppyFormat;
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const plan = {
      correct,
      corrected: random.float() < options.corrected,
      numFailures: options.failures.draw(random),
    };
    const thought = THINKERS[task](problem.fields as never, plan, random);
    const text = writeThought(thought, style, sloppy ? malformedShape(random) : "whole", random);
    if (text.length <= options.maxCharacters) return { text, correct: thought.correct, style, sloppy };
  }
  return null;
}
