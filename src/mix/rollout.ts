// A mix as an evaluation sees a model: answers to problems of a task, as trajectories of the members that gave them.
import { ConfigError } from "../errors.js";
import { defaultPromptStyle, isChat, type PromptStyle, prompterOf } from "../eval/problem-prompt.js";
import { answered } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { framePrompt } from "../inference/conversation/prompt.js";
import type { MemberWork } from "../inference/runtime/request.js";
import { hashString } from "../random.js";
import { type Problem, sameAnswer, type Task } from "../tasks/task.js";
import { Interrupted } from "../train/interrupted.js";
import type { Member, MemberPrompt } from "./member.js";
import type { Mix } from "./mix.js";
import type { Question } from "./question.js";

/** How a mix is sampled for problems. */
export interface MixRolloutOptions {
  /** Answers to each problem. */
  readonly numGenerations: number;
  readonly maxNewTokens?: number;
  /** Default: each member's own. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  /** Answer g of the n-th problem draws from the seed (seed, n, g). */
  readonly seed: number;
  /** n of the first problem; default 0. So that problems sampled in several calls are sampled as in one. */
  readonly firstProblem?: number;
  readonly signal?: AbortSignal;
  /** How problems are put; default: each member's own way. */
  readonly template?: PromptStyle;
  /** Receives the members' work for each answer, in no certain order. */
  readonly onWork?: (work: readonly MemberWork[]) => void;
}

/**
 * Answers each problem `numGenerations` times; groups are consecutive. Throws Interrupted when the signal fires, and
 * ConfigError for a task with an environment.
 */
export async function mixRollout(
  mix: Mix,
  task: Task,
  problems: readonly Problem[],
  options: MixRolloutOptions,
): Promise<Trajectory[]> {
  if (task.environment) throw withoutEnvironment();
  const { numGenerations, seed, firstProblem = 0, signal } = options;
  const questions = problems.map((problem) => problemQuestion(task, problem, options.template));
  const starts = problems.flatMap((problem, p) =>
    Array.from({ length: numGenerations }, (_, g) => ({
      task,
      problem,
      question: questions[p],
      seed: hashString(`${seed}/${firstProblem + p}/${g}`),
    })),
  );
  const cancelled = new AbortController();
  const stop = signal ? AbortSignal.any([signal, cancelled.signal]) : cancelled.signal;
  try {
    const answers = starts.map((start) => answerOne(mix, start, options, stop));
    const trajectories = await Promise.all(answers);
    if (!signal?.aborted) return trajectories;
  } catch (error) {
    cancelled.abort();
    if (!signal?.aborted) throw error;
  }
  throw new Interrupted(); // half-finished answers would be counted as wrong ones
}

/** One answer to a problem of a task, as a trajectory. Throws as `mixRollout`. */
export function answerProblem(
  mix: Mix,
  { task, problem, seed }: { readonly task: Task; readonly problem: Problem; readonly seed: string },
  options: Omit<MixRolloutOptions, "numGenerations" | "seed" | "firstProblem" | "signal">,
  signal: AbortSignal,
): Promise<Trajectory> {
  if (task.environment) throw withoutEnvironment();
  const question = problemQuestion(task, problem, options.template);
  return answerOne(mix, { task, problem, question, seed: hashString(seed) }, options, signal);
}

const withoutEnvironment = (): ConfigError =>
  new ConfigError("a mix of models answers in one turn; leave out --environment");

/** A problem on its way. */
interface AnswerStart {
  readonly task: Task;
  readonly problem: Problem;
  readonly question: Question;
  readonly seed: number;
}

async function answerOne(
  mix: Mix,
  { task, problem, question, seed }: AnswerStart,
  { temperature, topP, topK, maxNewTokens, onWork }: Omit<MixRolloutOptions, "numGenerations" | "seed">,
  signal: AbortSignal,
): Promise<Trajectory> {
  const asking = { sampling: { temperature, topP, topK, seed }, maxNewTokens, loop: false, events: false } as const;
  const reply = mix.answer(question, asking, signal);
  const [{ members = [], ...completion }, author] = await Promise.all([reply.result, reply.author]);
  onWork?.(members);
  const { ids: completionIds, text, response, logProbs, numThinking, finishReason } = completion;
  const { text: prompt = "", ids: promptIds = new Int32Array(0) } = author?.prompt ?? {};
  const read = { completionIds, completion: text, response, numThinking, logProbs, finishReason };
  return answered(
    { task, problem, prompt: author?.prompt ?? { form: "chat" } },
    { problem, prompt, promptIds, ...read },
  );
}

/** A problem as a question. Each member gets it as it was trained to, or by its chat template. */
export function problemQuestion(task: Task, problem: Problem, template?: PromptStyle): Question {
  return {
    text: task.renderPrompt(problem, "plain"),
    prompt: (member, change) => problemPrompt(member, task, problem, { template, change }),
    answerOf: ({ response }) => (task.answerIn ? task.answerIn(problem, response.reply) : response.answer),
    isSame: (a, b) => sameAnswer(task, problem, a, b),
    verify: (answer) => task.verify(problem, answer),
  };
}

function problemPrompt(
  { parts: { tokenizer, generation } }: Member,
  task: Task,
  problem: Problem,
  { template, change }: { readonly template?: PromptStyle; readonly change?: (text: string) => string },
): MemberPrompt {
  const style = template ?? defaultPromptStyle(tokenizer, generation);
  return prompterOf({ tokenizer, template: style })(change ? reworded(task, change) : task, problem);
}

/** The task with other words around its questions. */
const reworded = (task: Task, change: (text: string) => string): Task => ({
  ...task,
  renderPrompt: (problem, template) =>
    template === "plain" || isChat(template)
      ? change(task.renderPrompt(problem, "plain"))
      : framePrompt(change(task.renderPrompt(problem, "plain")), template),
});
