// Memory of reinforcement's phases, sampling and updating, found by running each once on shapes alone.
import type { PromptStyle } from "../eval/problem-prompt.js";
import { longestPrompt, problemsToCheck } from "../eval/prompt-check.js";
import { availableBytes } from "../free-memory.js";
import { generate, samplingCacheTokens } from "../inference/runtime/generate.js";
import { contextOf } from "../models/rope-scaling.js";
import type { Optimizer } from "../optim/optimizer.js";
import { parseResponse } from "../tasks/response.js";
import type { Task } from "../tasks/task.js";
import { BLOCK_TOKENS } from "../tensor/ops/paged-layout.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { completionBytes, type HostNeed } from "../train/host-memory.js";
import {
  type MemoryRemedies,
  type PhaseMemory,
  type PlannedModel,
  planPhase,
  type StageMemory,
} from "../train/memory-plan.js";
import { count, type PlanRow } from "../train/plan-lines.js";
import type { GrpoConfig } from "./config.js";
import type { EvaluationPlan } from "./evaluation-plan.js";
import { scoreLogProbs, updatePolicy } from "./update.js";

/** Tokens sampled while planning: the first pass fills the prompts in, the others decode. */
const PLANNED_TOKENS = 3;

/**
 * Plans sampling `maxSequences` completions at once, each of at most so many prompt and new tokens. `trains`: an
 * optimiser keeps its moments meanwhile.
 */
export function planSampling(
  model: PlannedModel,
  name: string,
  sizes: {
    readonly maxSequences: number;
    readonly promptTokens: number;
    readonly maxNewTokens: number;
    readonly trains: boolean;
    readonly hasReference?: boolean;
    readonly host?: HostNeed;
  },
): Promise<PhaseMemory> {
  const { maxSequences, promptTokens, maxNewTokens, hasReference, host } = sizes;
  return planPhase(model, { name, optimizer: sizes.trains ? "adamw" : null, hasReference, host }, async (shapes) => {
    const cacheTokens = samplingCacheTokens(maxSequences, promptTokens + maxNewTokens);
    const probe = shapes.createPagedCache({ numBlocks: cacheTokens / BLOCK_TOKENS });
    const cache = probe.sizeBytes;
    probe.dispose();
    if (cache > availableBytes()) return { cache, hasGradients: false }; // refused by this alone: no need to run it
    const controller = new AbortController();
    let tokens = 0;
    const onToken = () => {
      if (++tokens > PLANNED_TOKENS * maxSequences) controller.abort();
    };
    const prompt = new Int32Array(promptTokens);
    const requests = Array.from({ length: maxSequences }, (_, seed) => ({ prompt, seed, maxNewTokens }));
    await generate(shapes, requests, { maxSequences, stopIds: [], onToken, signal: controller.signal });
    return { cache, hasGradients: false };
  });
}

/** Plans one round of updates on full-length completions. */
export function planUpdates(
  model: PlannedModel,
  name: string,
  config: GrpoConfig,
  promptTokens: number,
): Promise<PhaseMemory> {
  return planPhase(
    model,
    { name, optimizer: "adamw", hasReference: keepsReference(model, config) },
    async (shapes, optimizer, reference) => {
      const perCompletion = promptTokens + config.maxCompletionLength;
      const all = config.numPrompts * config.numGenerations;
      const count = Math.min(all, 2 * Math.max(1, Math.floor(config.microBatchTokens / perCompletion)));
      const scored = Array.from({ length: count }, (_, i) => ({
        trajectory: plannedTrajectory(promptTokens, config.maxCompletionLength, i),
        advantages: new Float32Array(config.maxCompletionLength).fill(1),
        refLogProbs: null,
      }));
      const planned = { ...config, numIterations: 1, numMinibatches: 1 };
      const trajectories = scored.map(({ trajectory }) => trajectory);
      if (reference) await scoreLogProbs(reference, trajectories, planned);
      await updatePolicy(shapes, optimizer as Optimizer, scored, planned, 0);
      return { cache: 0, hasGradients: true };
    },
  );
}

/** Plans taking the log-probabilities of full-length completions. */
export function planScoring(
  model: PlannedModel,
  name: string,
  config: GrpoConfig,
  promptTokens: number,
): Promise<PhaseMemory> {
  return planPhase(model, { name, optimizer: null }, async (shapes) => {
    const perCompletion = promptTokens + config.maxCompletionLength;
    const count = Math.max(1, Math.floor(config.microBatchTokens / perCompletion));
    const trajectories = Array.from({ length: count }, (_, index) =>
      plannedTrajectory(promptTokens, config.maxCompletionLength, index),
    );
    await scoreLogProbs(shapes, trajectories, config);
    return { cache: 0, hasGradients: false };
  });
}

/** Whether a second model is kept for the KL penalty: under an adapter, the model itself is the reference. */
const keepsReference = ({ adapters = [] }: PlannedModel, { beta }: GrpoConfig): boolean =>
  beta > 0 && adapters.length === 0;

/** Neighbours have different prompts: none is computed once for both. */
function plannedTrajectory(promptTokens: number, completionTokens: number, index: number) {
  const problem = { id: "", split: "train", fields: {}, answer: "", difficulty: 0, meta: {} } as const;
  const [promptIds, completionIds] = [new Int32Array(promptTokens).fill(index % 2), new Int32Array(completionTokens)];
  const read = { completion: "", response: parseResponse(""), numThinking: 0 };
  return {
    problem,
    prompt: "",
    promptIds,
    completionIds,
    ...read,
    logProbs: new Float32Array(completionTokens),
    finishReason: "stop" as const,
  };
}

/** What reinforcement will run on. */
export interface PlannedReinforcement {
  readonly tokenizer: Tokenizer;
  readonly template: PromptStyle;
  readonly task: Task;
  readonly seed: number;
  readonly grpo: GrpoConfig;
  readonly evaluation: EvaluationPlan;
}

/**
 * Plans evaluation, rollouts and updates. Throws DataError or ConfigError naming a problem whose prompt cannot be
 * encoded or leaves no room.
 */
export async function planReinforcement(model: PlannedModel, planned: PlannedReinforcement): Promise<StageMemory[]> {
  const { grpo, evaluation } = planned;
  const room = {
    context: contextOf(model.config),
    newTokens: grpo.maxCompletionLength,
    option: "rl.maxCompletionLength=",
  };
  const promptTokens = longestPrompt(problemsToCheck(planned.task, planned.seed), planned, room);
  const sizes = { promptTokens, maxNewTokens: grpo.maxCompletionLength };
  const evaluated = evaluationHost(planned.task, evaluation, grpo.maxCompletionLength);
  const sampled = rolloutHost(grpo);
  return [
    [
      await planSampling(model, "evaluation", {
        ...sizes,
        maxSequences: Math.min(evaluation.maxSequences, evaluated.count),
        trains: false,
        host: evaluated.host,
      }),
    ],
    [
      await planSampling(model, "rollouts", {
        ...sizes,
        maxSequences: Math.min(grpo.maxSequences, grpo.numPrompts * grpo.numGenerations),
        trains: true,
        hasReference: keepsReference(model, grpo),
        host: sampled,
      }),
      await planUpdates(model, "updates", grpo, promptTokens),
    ],
  ];
}

/** What an evaluation keeps: all its samples, or those of a quick check where they are more. */
function evaluationHost(
  task: Task,
  { problems, samplesPerProblem, quickProblems }: EvaluationPlan,
  tokens: number,
): { host: HostNeed; count: number } {
  const held = task.numProblems?.heldout;
  const atMost = (count: number) => Math.min(count, held ?? count);
  const whole = (problems === "all" ? (held ?? 1) : atMost(problems)) * samplesPerProblem;
  const quick = atMost(quickProblems);
  const count = Math.max(whole, quick);
  const mend =
    whole >= quick
      ? "lower evaluation.problems or evaluation.samplesPerProblem"
      : `lower evaluation.quickProblems (now ${quickProblems})`;
  return { host: completionsHost("evaluation", count, tokens, mend), count };
}

/** What a plan tells of reinforcement. */
export const reinforcementRow = ({ steps, numPrompts, numGenerations, maxCompletionLength }: GrpoConfig): PlanRow => [
  "reinforce",
  `${count(steps)} steps of ${numPrompts} problems x ${numGenerations} completions of up to ` +
    `${maxCompletionLength} tokens`,
];

/** What a round keeps: all its rollouts, those of further draws included. */
function rolloutHost({ numPrompts, numGenerations, dynamicSamplingRounds, maxCompletionLength }: GrpoConfig): HostNeed {
  const count = numPrompts * numGenerations * (1 + dynamicSamplingRounds);
  return completionsHost(
    "rollouts",
    count,
    maxCompletionLength,
    `lower rl.numPrompts (now ${numPrompts}) or rl.numGenerations (now ${numGenerations})`,
  );
}

/** The need of so many completions. */
export function completionsHost(name: string, count: number, tokens: number, mend: string): HostNeed {
  const what = `${count.toLocaleString("en-US")} completions of up to ${tokens} tokens`;
  return { name, what, bytes: completionBytes(count, tokens), mend };
}

/** What to turn down when a phase of reinforcement will not fit. */
export function reinforcementRemedies(
  { name }: PhaseMemory,
  { maxSequences, microBatchTokens }: GrpoConfig,
  evaluation: EvaluationPlan,
): MemoryRemedies {
  const sequences =
    name === "evaluation"
      ? `lower evaluation.maxSequences (now ${evaluation.maxSequences})`
      : `lower rl.maxSequences (now ${maxSequences})`;
  return {
    model: "choose a smaller model",
    activations:
      name === "updates"
        ? `lower rl.microBatchTokens (now ${microBatchTokens}) or set rl.recomputeLayers=true`
        : sequences,
    cache: sequences,
  };
}
