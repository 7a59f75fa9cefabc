// The world of the small reasoning models: documents about every task and about general instructions, and the same
// mixture as a task to learn on. Knows no tokenizer and no model.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { Random } from "../random.js";
import type { Exchange } from "./general/exchange.js";
import { createGeneralTask, type GeneralProblem } from "./general/general.js";
import { drawFlawedAnswer } from "./general/preferences.js";
import { taskNameOf } from "./mix.js";
import { parseOptions, weightsSchema } from "./options.js";
import { createTask } from "./registry.js";
import type { Problem, Split, Task } from "./task.js";
import { type ThoughtOptions, type ThoughtOptionsInput, thinkAbout, thoughtOptions } from "./thoughts/trace.js";
import { writeResponse } from "./written-response.js";

/** Sizes of problems that a model of a few million parameters can learn. */
const SMALL_PROBLEMS = {
  countdown: { numbers: { 3: 1 }, maxNumber: 9, maxTarget: 50 },
  arithmetic: { maxDigits: 2 },
  "linear-equations": { maxCoefficient: 6, maxConstant: 12, maxSolution: 12 },
  "linear-systems": { maxCoefficient: 3, maxSolution: 6 },
  "knights-and-knaves": { people: { 2: 0.5, 3: 0.35, 4: 0.15 } },
  "word-problems": { maxNumber: 12, steps: { 1: 0.3, 2: 0.3, 3: 0.25, 4: 0.15 } },
};

/** The options, as zod checks them. */
export const worldSchema = z.strictObject({
  /** Weights of the tasks, general instructions among them. Tasks that are left out do not occur. */
  weights: weightsSchema.default({
    countdown: 2,
    arithmetic: 1.5,
    "linear-equations": 1,
    "linear-systems": 0.5,
    "knights-and-knaves": 1,
    "word-problems": 3,
    general: 3,
  }),
  /** Options of the tasks by name. The tasks that are not named have small problems. */
  options: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  /** Options of the thoughts about reasoning problems. */
  thoughts: z.record(z.string(), z.unknown()).default({}),
  /** Fraction of the answers to general instructions that come with a thought. */
  generalThoughts: z.number().min(0).max(1).default(0.5),
  /** Fraction of the answers to general instructions that have a flaw: a wrong fact, rudeness, help with harm. */
  flawedAnswers: z.number().min(0).max(1).default(0),
});

/** Knobs of the world; every one has a default. */
export type WorldOptions = z.input<typeof worldSchema>;

/** One document: what is asked and a response, right or wrong. */
export interface WorldDocument {
  /** Name of the task. */
  readonly task: string;
  readonly problem: Problem;
  /** The response with its tags. */
  readonly response: string;
  readonly correct: boolean;
}

/** Other problems are drawn this far apart, where no thought about one keeps its bound. */
const NEXT_DRAW = 2 ** 32;
const MAX_DRAWS = 20;

/** An endless collection of documents, each a pure function of the options, the seed, its index and its split. */
export class World {
  /** The mixture of problems that the documents are about. */
  readonly task: Task<Problem>;
  /** The options with which `createTask("mix", …)` makes it. */
  readonly taskOptions: {
    readonly weights: Readonly<Record<string, number>>;
    readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  private readonly thoughts: ThoughtOptions;
  private readonly generalThoughts: number;
  private readonly flawedAnswers: number;
  private readonly general: Task<GeneralProblem>;
  private readonly stream: Random;

  /** @throws ConfigError on bad options, those of the tasks and thoughts included */
  constructor(
    input: WorldOptions,
    private readonly seed: number,
  ) {
    const { weights, options, thoughts, generalThoughts, flawedAnswers } = parseOptions(worldSchema, input, "world");
    const small = Object.entries(SMALL_PROBLEMS).filter(([name]) => (weights[name] ?? 0) > 0);
    this.taskOptions = { weights, options: { ...Object.fromEntries(small), ...options } };
    this.task = createTask("mix", this.taskOptions);
    this.thoughts = thoughtOptions(thoughts as ThoughtOptionsInput);
    this.generalThoughts = generalThoughts;
    this.flawedAnswers = flawedAnswers;
    this.general = createGeneralTask(this.taskOptions.options.general);
    this.stream = new Random(seed).fork("world");
  }

  /** The document. @throws ConfigError where no thought keeps the bound on its length */
  document(index: number, split: Split): WorldDocument {
    const random = this.stream.fork(split).fork(index);
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const problem = this.task.generate(this.seed, index + draw * NEXT_DRAW, split);
      const task = taskNameOf(problem);
      if (task === "general") return { task, problem, ...this.reply(problem, random) };
      const trace = thinkAbout(task, problem, random, this.thoughts);
      if (trace) return { task, problem, response: trace.text, correct: trace.correct };
    }
    throw new ConfigError(
      `world: no thought within ${this.thoughts.maxCharacters} characters in ${MAX_DRAWS} problems; raise ` +
        "thoughts.maxCharacters",
    );
  }

  /** A document as the prompt that a model sees and the response that it learns, as SFT data have them. */
  row(index: number, split: Split): { readonly prompt: string; readonly completion: string } {
    const { problem, response } = this.document(index, split);
    return { prompt: this.task.renderPrompt(problem, "dialogue"), completion: response };
  }

  /** A good answer, or a flawed one after the same thought. */
  private reply({ fields, split }: Problem, random: Random): { response: string; correct: boolean } {
    const exchange = fields as Exchange;
    const shape = random.float() < this.generalThoughts ? "whole" : "no-thought";
    const correct = this.flawedAnswers === 0 || random.float() >= this.flawedAnswers;
    const answer = correct ? exchange.answer : drawFlawedAnswer(exchange, this.drawOther(split, random), random).answer;
    return { response: writeResponse(exchange.thought, answer, shape), correct };
  }

  /** Any other instruction, from which an answer beside the point is taken. */
  private drawOther(split: Split, random: Random): Exchange {
    return this.general.generate(this.seed, random.below(NEXT_DRAW), split).fields;
  }
}
