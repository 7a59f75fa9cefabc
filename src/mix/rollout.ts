// A mix as an evaluation sees a model: answers to problems of a task, as trajectories of the members that gave them.
import { ConfigError } from "../errors.js";
import { eachOf, uninterrupted } from "../eval/each-of.js";
import { defaultPromptStyle, isChat, type PromptStyle, prompterOf } from "../eval/problem-prompt.js";
import { answered } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { framePrompt } from "../inference/conversation/prompt.js";
import type { MemberWork } from "../inference/runtime/request.js";
import { hashString } from "../random.js";
import { type Problem, sameAnswer, type Task } from "../tasks/task.js";
import type { Member, MemberPrompt } from "./member.js";
import type { Mix } from "./mix.js";
import type { Question } from "./question.js";

/** How a mix answers problems. */
export interface MixAnswerOptions {
  readonly maxNewTokens?: number;
  /** Default: each member's own. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  /** How problems are put; default: each member's own way. */
  readonly template?: PromptStyle;
  /** Receives the members' work for each answer, in no certain order. */
  readonly onWork?: (work: readonly MemberWork[]) => void;
}

/** How a mix is sampled for problems. */
export interface MixRolloutOptions extends MixAnswerOptions {
  /** Answers to each problem. */
  readonly numGenerations: number;
  /** Answers made at the same time, at most. */
  readonly maxSequences: number;
  /** Answer g of the n-th problem draws from the seed (seed, n, g). */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/**
 * Answers each problem `numGenerations` times; groups are consecutive. Throws Interrupted when the signal fires, and
 * ConfigError for a task with an environment.
 */
export async function mixRollout(
  mix: Mix,
  task: Task,
  problems: readonly Problem[],
  { numGenerations, maxSequences, seed, signal, ...options }: MixRolloutOptions,
): Promise<Trajectory[]> {
  const starts = problems.flatMap((problem, p) =>
    Array.from({ length: numGenerations }, (_, g) => ({ task, problem, seed: `${seed}/${p}/${g}` })),
  );
  const trajectories: Trajectory[] = new Array(starts.length);
  await uninterrupted(signal, () =>
    eachOf(starts, maxSequences, signal, (all) =>
      all(async (start, index, own) => {
        trajectories[index] = await answerProblem(mix, start, options, own);
      }),
    ),
  );
  return trajectories;
}

/** One answer to a problem of a task, as a trajectory. Throws ConfigError for a task with an environment. */
export async function answerProblem(
  mix: Mix,
  { task, problem, seed }: { readonly task: Task; readonly problem: Problem; readonly seed: string },
  { temperature, topP, topK, maxNewTokens, onWork, template }: MixAnswerOptions,
  signal: AbortSignal,
): Promise<Trajectory> {
  if (task.environment) throw new ConfigError("a mix of models answers in one turn; leave out --environment");
  const sampling = { temperature, topP, topK, seed: hashString(seed) };
  const asking = { sampling, maxNewTokens, loop: false, events: false } as const;
  const reply = mix.answer(problemQuestion(task, problem, template), asking, signal);
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
