// What a task is: a pure generator of problems, a verifier, prompt wording, and a self-check. And what an environment
// is, in which its problems may take several turns: a tool or a game. Knows no model and no trainer.
import { ConfigError } from "../errors.js";
import { hashString, Random } from "../random.js";
import type { Awaitable } from "./call-limits.js";
import type { ParsedResponse } from "./response.js";

/** Problems of the two splits never share content. Training draws from "train", evaluation from "heldout". */
export type Split = "train" | "heldout";

/** One problem. `fields` are the columns a reward function sees by name; `answer` is a gold answer that scores 1. */
export interface Problem<F extends object = Record<string, unknown>> {
  /** Canonical content key, so equal content has equal ids across seeds and indices. */
  readonly id: string;
  readonly split: Split;
  readonly fields: F;
  readonly answer: string;
  /** The task's own scale, larger is harder (numbers of a countdown, digits of a sum, …). */
  readonly difficulty: number;
  readonly meta: Readonly<Record<string, unknown>>;
  /** Where it stands (`file:line`), for messages; undefined for a generated one. */
  readonly source?: string;
}

/**
 * `compact`: terse, for character models trained from nothing. `dialogue`: the question as a user's turn, for models
 * trained from nothing on words. `r1-zero`: instruction with tags for a base model. `plain`: the question alone.
 */
export type PromptTemplate = "compact" | "dialogue" | "r1-zero" | "plain";

/** What `validate()` counted. `numDistinct` is over both splits together. */
export interface ValidationReport {
  readonly task: string;
  readonly numTrain: number;
  readonly numHeldOut: number;
  readonly numDistinct: number;
  readonly meanDifficulty: number;
}

/** How many of how many: instructions followed, tests passed. */
export interface Share {
  readonly number: number;
  readonly of: number;
}

/** What a grader says of an answer. */
export interface Grade {
  /** 0 … 1; 1 is right. */
  readonly score: number;
  /** What decided: a rung of the math grader (`value`), `letter`, `tests`, …; `no answer` where there was none. */
  readonly decidedBy: string;
  /** What is counted besides, by name. */
  readonly shares?: Readonly<Record<string, Share>>;
}

/** A family of problems with a verifier. */
export interface Task<P extends Problem = Problem> {
  readonly name: string;
  /** How many problems each split holds; undefined where the generator has no fixed list. */
  readonly numProblems?: Readonly<Record<Split, number>>;
  /** What answers the model's turns; without it a problem takes one turn. */
  readonly environment?: TaskEnvironment;
  /** A pure function of its arguments (and the task's options). */
  generate(seed: number, index: number, split: Split): P;
  /**
   * Whether training may go by `verify`; default: yes. Where not, `verify` judges for evaluation only, and rewards for
   * accuracy do not apply.
   */
  hasVerifier?(problem: P): boolean;
  /** Score in 0 … 1 of the text between the answer tags; never throws, whatever the text. */
  verify(problem: P, answerText: string): number;
  /**
   * As `verify`, and says what decided: evaluations go by it. It may take its time, where programs are run: `verify` is
   * then 0 and `hasVerifier` false.
   */
  grade?(problem: P, answer: string): Awaitable<Grade>;
  /** What a chat asks for behind the question, "" for nothing; default: a box around the final answer. */
  readonly instruction?: string;
  /** Where the answer stands in a reply, the thought taken off; default: where the prompt asks for it. */
  answerIn?(problem: P, reply: string): string | null;
  /**
   * Whether two answers are the same to this task, whatever their spelling; cons@k votes by it. Default: equal but for
   * white space.
   */
  sameAnswer?(problem: P, a: string, b: string): boolean;
  renderPrompt(problem: P, template: PromptTemplate): string;
  /**
   * Takes some hundred problems of each split, all of a suite, grades their gold answers, and checks that the splits
   * share nothing. @throws DataError
   */
  validate(): Awaitable<ValidationReport>;
}

/** What one side said in its turn. */
export interface SpokenTurn {
  readonly from: "model" | "environment";
  readonly text: string;
}

/** A turn of the model, which its environment answers. */
export interface ModelTurn {
  /** 0, 1, … */
  readonly index: number;
  /** What the model wrote in this turn, tags included and control tokens left out. */
  readonly text: string;
  /** The one of the environment's `stops` that ended the turn; null where an end token did. */
  readonly stop: string | null;
  /** What the model has written since it was last given a message, taken apart: thought, answer. */
  readonly response: ParsedResponse;
}

/**
 * What an environment says. A text: the model goes on. It goes on behind the text itself where one of the `stops` ended
 * its turn; else the text is a message, put as the question was. null: the episode is over, and the model's own answer
 * is graded. An object: it is over, and this is the answer that is graded; null where there is none.
 */
export type Reply = string | null | { readonly answer: string | null };

/** One course of turns, about one problem. */
export interface Episode {
  /** Answers a turn. */
  reply(turn: ModelTurn): Awaitable<Reply>;
  /** Called once, when the episode is over, whatever ended it. */
  close?(): Awaitable<void>;
}

/** Something that answers turns: the default export of a module given to `--environment`. */
export interface Environment {
  readonly name: string;
  /** Texts with which the model hands over before its end token, such as `</call>`. They remain part of its turn. */
  readonly stops?: readonly string[];
  /** What the model is told of it, with every question; left out under `compact`. */
  readonly instruction?: string;
  /** The problems of a game; where none are named, the environment comes with any task. */
  readonly task?: Task;
  /** Begins an episode. Chance must come from `random` alone, so that a run can be repeated. */
  begin(problem: Problem, random: Random): Awaitable<Episode>;
}

/** An environment and what bounds it. */
export interface TaskEnvironment {
  readonly environment: Environment;
  /** Turns of the model in an episode, at most. */
  readonly maxTurns: number;
  /** Seconds that a reply may take. */
  readonly timeoutSeconds: number;
}

/** The split that a content key belongs to: decided by its hash alone, so it cannot depend on seed or order. */
export function splitOfKey(key: string, heldOutFraction: number): Split {
  return hashString(key) / 4294967296 < heldOutFraction ? "heldout" : "train";
}

/** Whether two answers to a problem are the same, by the task's notion of it. */
export function sameAnswer<P extends Problem>(task: Task<P>, problem: P, a: string, b: string): boolean {
  return a.replaceAll(/\s/g, "") === b.replaceAll(/\s/g, "") || (task.sameAnswer?.(problem, a, b) ?? false);
}

const MAX_DRAWS = 20000;

/**
 * Draws candidates until one falls into `split`. `draw` returns null for a candidate that is no valid problem.
 * @throws ConfigError when the options leave (almost) no problem in that split.
 */
export function drawInSplit<P extends { readonly id: string }>(
  name: string,
  place: { readonly seed: number; readonly index: number; readonly split: Split; readonly heldOutFraction: number },
  draw: (random: Random) => P | null,
): P {
  const random = new Random(place.seed).fork(name).fork(place.split).fork(place.index);
  for (let i = 0; i < MAX_DRAWS; i++) {
    const candidate = draw(random);
    if (candidate !== null && splitOfKey(candidate.id, place.heldOutFraction) === place.split) return candidate;
  }
  throw new ConfigError(
    `task ${name}: no ${place.split} problem in ${MAX_DRAWS} draws; widen its options (larger numbers, ` +
      "other heldOutFraction)",
  );
}
