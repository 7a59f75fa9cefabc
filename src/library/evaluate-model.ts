// An evaluation of a model that is already there, sampled problem by problem. Knows no flags, and not where the samples
// are kept.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Evaluation } from "../eval/evaluate.js";
import { type EvaluationRunOptions, runEvaluation, type SampledProblem } from "../eval/evaluation-run.js";
import { defaultPromptStyle, PROMPT_STYLES, type PromptStyle } from "../eval/problem-prompt.js";
import { longestPrompt } from "../eval/prompt-check.js";
import type { Policy } from "../eval/rollout.js";
import { unansweredNotice } from "../eval/unanswered.js";
import { availableBytes } from "../free-memory.js";
import { type ModelFacts, openForSampling } from "../inference/opening/open-model.js";
import { samplingDefaults } from "../inference/opening/sampling-defaults.js";
import type { MemberWork } from "../inference/runtime/request.js";
import { completionsHost } from "../rl/memory-plan.js";
import { environmentSchema } from "../tasks/environment.js";
import { heldOutProblems, shortfall } from "../tasks/held-out.js";
import { problemCountSchema } from "../tasks/options.js";
import type { Problem, Task } from "../tasks/task.js";
import { refuseHostNeed } from "../train/host-memory.js";
import { taskFor } from "./find-task.js";

/** Everything that decides an evaluation, as zod checks it. null: as the model's own files say. */
export const evaluationRequestSchema = z.strictObject({
  /** Where the model lies. */
  model: z.string(),
  /** Where an adapter lies that is put over the model. */
  adapter: z.string().optional(),
  /** A task's name or module; null: the task the model was trained for. */
  task: z.string().nullable(),
  /** The files of a data set. */
  data: z.array(z.string()).readonly().optional(),
  /** Options of the task. */
  taskOptions: z.record(z.string(), z.unknown()),
  /** What answers the model's turns; null: nothing, or with the model's own task what did in training. */
  environment: z.string().nullable().default(null),
  /** Limits and options of the environment. */
  environmentOptions: environmentSchema.prefault({}),
  /** Number of distinct held-out problems, or "all". */
  problems: problemCountSchema,
  /** Samples per problem. */
  samplesPerProblem: z.int().min(1),
  /** Maximum number of new tokens. */
  maxNewTokens: z.int().min(1).nullable(),
  /** Sampling temperature. */
  temperature: z.number().min(0).nullable(),
  /** Nucleus sampling. */
  topP: z.number().min(0).max(1).nullable(),
  /** Prompt format. */
  template: z.enum(PROMPT_STYLES).nullable().optional(),
  /** Maximum number of samples generated at the same time. */
  maxSequences: z.int().min(1),
  /** Of problems and samples. */
  seed: z.int().min(0),
});

/** Everything that decides an evaluation. */
export type EvaluationRequest = z.output<typeof evaluationRequestSchema>;

/** What an evaluation came to, and how it was sampled. */
export interface EvaluationResult extends Evaluation {
  readonly task: string;
  readonly template: PromptStyle;
  readonly samplesPerProblem: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly tokensPerSecond: number;
  /** Of a mix: what each member did, and new tokens of all members for one answer, as far as sampled now. */
  readonly members?: readonly MemberWork[];
  readonly tokensPerAnswer?: number | null;
}

/** Who hears of an evaluation, and keeps its samples. */
export interface EvaluationContext {
  /** Problems that are sampled already. */
  readonly done: readonly SampledProblem[];
  readonly keep: (sampled: SampledProblem) => void;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The part of the free memory that the cache may take; activations take of the rest. */
const CACHE_SHARE = 0.7;

/**
 * Samples the problems that are not done yet, and counts all. Throws Interrupted when the signal fires; what was kept
 * until then counts when the evaluation goes on.
 */
export async function evaluateModel(request: EvaluationRequest, context: EvaluationContext): Promise<EvaluationResult> {
  const opened = await openForSampling(request.model, request.adapter);
  const { model, tokenizer, stopIds, generation, warning } = opened;
  try {
    if (warning) context.tell(`warning: ${warning}`);
    const task = await taskOf(request, opened);
    const template = request.template ?? defaultPromptStyle(tokenizer, generation);
    const policy = { model, tokenizer, template, stopIds };
    const problems = problemsOf(request, task, context);
    const { samplesPerProblem, maxSequences, seed } = request;
    const own = samplingDefaults(generation, tokenizer);
    const temperature = request.temperature ?? own.temperature;
    const topP = request.topP ?? own.topP;
    const maxNewTokens = newTokensOf(request, policy, task, problems, generation.max_new_tokens);
    const startedMs = performance.now();
    let numTokens = 0;
    const answers = context.done.flatMap(({ responses }) => responses.map(({ answer }) => answer));
    const onProblem: EvaluationRunOptions["onProblem"] = (sampled, trajectories) => {
      answers.push(...sampled.responses.map(({ answer }) => answer));
      for (const { completionIds } of trajectories) numTokens += completionIds.length;
      context.keep(sampled);
    };
    const maxCacheBytes = CACHE_SHARE * availableBytes();
    const sampling = { samplesPerProblem, temperature, topP, topK: own.topK, maxSequences, seed, maxNewTokens };
    const { done, signal } = context;
    const options = { ...sampling, maxCacheBytes, signal, problems, done, onProblem };
    const evaluation = await runEvaluation(policy, task, options);
    const notice = unansweredNotice(answers, template);
    if (notice) context.tell(`note: ${notice}`);
    const tokensPerSecond = (1000 * numTokens) / (performance.now() - startedMs);
    const asked = { task: task.name, template, samplesPerProblem, temperature, topP, maxNewTokens, seed };
    return { ...asked, ...evaluation, tokensPerSecond };
  } finally {
    model.dispose();
  }
}

async function taskOf(request: EvaluationRequest, opened: Pick<ModelFacts, "generation">): Promise<Task> {
  const { taskOptions, environmentOptions: environment } = request;
  const { task } = await taskFor({ ...request, options: { task: taskOptions, environment } }, opened);
  const { maxTurns, timeoutSeconds, options } = environment;
  const isSet = maxTurns !== null || timeoutSeconds !== null || Object.keys(options).length > 0;
  if (isSet && !task.environment)
    throw new ConfigError("environment has no effect: the evaluation has no --environment; leave it out");
  return task;
}

/** The problems, unless their samples would not fit into host memory. Says so where there are fewer than asked for. */
function problemsOf(request: EvaluationRequest, task: Task, { tell }: EvaluationContext): Problem[] {
  const { problems, samplesPerProblem, maxNewTokens, seed } = request;
  const held = task.numProblems?.heldout;
  const count = problems === "all" ? (held ?? 1) : Math.min(problems, held ?? problems);
  const mend = "lower --problems or --samples";
  refuseHostNeed(completionsHost("the evaluation", count * samplesPerProblem, maxNewTokens ?? 1, mend));
  const found = heldOutProblems(task, seed, problems);
  const notice = shortfall(task, problems, found.length);
  if (notice) tell(`note: ${notice}`);
  return found;
}

/** New tokens where none are asked for and the model's files name no limit: as in R1's evaluations. */
const MAX_NEW_TOKENS = 32768;

/** New tokens of a sample at most: those asked for, else the limit of training, or what the context leaves. */
function newTokensOf(
  { maxNewTokens }: EvaluationRequest,
  policy: Policy,
  task: Task,
  problems: readonly Problem[],
  trained: unknown,
): number {
  const context = policy.model.maxPositions;
  const limits = { context, newTokens: maxNewTokens ?? 1, option: "--max-tokens " };
  const room = context - longestPrompt(problems, { ...policy, task }, limits);
  return maxNewTokens ?? Math.min(room, typeof trained === "number" ? trained : MAX_NEW_TOKENS);
}
