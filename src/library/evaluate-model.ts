// An evaluation of a model that is already there: of suites, or of one task, on one engine. Knows no flags, and not
// where the samples are kept.
import { readRows } from "../data/rows.js";
import { ConfigError } from "../errors.js";
import { ContaminationCheck, type ContaminationReport } from "../eval/contamination.js";
import { evaluationRecord, partRecord, type SamplingRecord } from "../eval/evaluation-record.js";
import { policySampler, runEvaluation, type Sampler } from "../eval/evaluation-run.js";
import { defaultPromptStyle, type PromptStyle } from "../eval/problem-prompt.js";
import { longestPrompt } from "../eval/prompt-check.js";
import { PROTOCOLS, type Protocol } from "../eval/protocol.js";
import type { Policy } from "../eval/rollout.js";
import { unansweredNotice } from "../eval/unanswered.js";
import { availableBytes } from "../free-memory.js";
import { type OpenedModel, openForSampling } from "../inference/opening/open-model.js";
import { samplingDefaults } from "../inference/opening/sampling-defaults.js";
import { packageVersion } from "../package-root.js";
import { type FoundPart, suiteParts, taskPart } from "./evaluation-parts.js";
import type { EvaluationContext, EvaluationRequest, EvaluationResult } from "./evaluation-request.js";

/** The part of the free memory that the cache may take; activations take of the rest. */
const CACHE_SHARE = 0.7;

/**
 * Takes the samples that are missing, and counts all. Suites are checked before the model is opened. Throws Interrupted
 * when the signal fires; what was kept until then counts when the evaluation goes on.
 */
export async function evaluateModel(request: EvaluationRequest, context: EvaluationContext): Promise<EvaluationResult> {
  const ofSuites = await suiteParts(request, context.tell);
  const opened = await openForSampling(request.model, request.adapter);
  const { model, warning } = opened;
  try {
    if (warning) context.tell(`warning: ${warning}`);
    const found = ofSuites ?? [await taskPart(request, opened, context.tell)];
    const { policy, sampling } = samplingOf(request, opened, found);
    const { maxSequences, budgets } = request;
    const maxCacheBytes = CACHE_SHARE * availableBytes();
    const options = { ...sampling, maxSequences, maxCacheBytes, signal: context.signal };
    return await evaluateParts(request, context, { found, sampling, sampler: policySampler(policy, options, budgets) });
  } finally {
    model.dispose();
  }
}

/** What is asked, of whom, and how. */
export interface AskedParts {
  readonly found: readonly FoundPart[];
  readonly sampling: SamplingRecord;
  readonly sampler: Sampler;
}

/** Takes the samples of the parts and records all that was counted. */
export async function evaluateParts(
  request: EvaluationRequest,
  { done, keep, signal, tell }: EvaluationContext,
  { found, sampling, sampler }: AskedParts,
): Promise<EvaluationResult> {
  const contaminations = await contaminationsOf(request, found);
  const parts = found.map(({ part }) => part);
  const answers = done.map(({ answer }) => answer);
  const startedMs = performance.now();
  let numTokens = 0;
  const samples = await runEvaluation(sampler, parts, {
    ...{ done, seed: request.seed, signal },
    onSample(kept) {
      answers.push(kept.answer);
      numTokens += kept.numTokens;
      keep(kept);
    },
  });
  const tokensPerSecond = (1000 * numTokens) / (performance.now() - startedMs);
  const asksForBox = parts.every(({ task }) => !task.answerIn);
  const notice = asksForBox && unansweredNotice(answers, sampling.template);
  if (notice) tell(`note: ${notice}`);
  const named = { luciole: packageVersion(), model: request.model, adapter: request.adapter ?? null };
  const evaluations = found.map(({ part, facts }, i) =>
    partRecord(part, samples[i], { ...facts, contamination: contaminations[i] }),
  );
  return { record: evaluationRecord(named, sampling, evaluations), tokensPerSecond };
}

/** Who is sampled and how: what is asked for, else what the protocol says, else the model's own files. */
function samplingOf(
  request: EvaluationRequest,
  { model, tokenizer, stopIds, generation }: OpenedModel,
  found: readonly FoundPart[],
): { readonly policy: Policy; readonly sampling: SamplingRecord } {
  const protocol: Protocol | null = request.protocol && PROTOCOLS[request.protocol];
  const template: PromptStyle = request.template ?? defaultPromptStyle(tokenizer, generation);
  const forcesThought = protocol?.forcesThought ?? false;
  const policy = { model, tokenizer, template, stopIds, forcesThought };
  const own = protocol ?? samplingDefaults(generation, tokenizer);
  return {
    policy,
    sampling: {
      protocol: request.protocol,
      template,
      temperature: request.temperature ?? own.temperature,
      topP: request.topP ?? own.topP,
      topK: own.topK,
      maxNewTokens: newTokensOf(request, policy, found, generation.max_new_tokens),
      seed: request.seed,
    },
  };
}

/** New tokens where none are asked for and the model's files name no limit: as in R1's evaluations. */
const MAX_NEW_TOKENS = PROTOCOLS.r1.maxNewTokens;

/**
 * New tokens of a sample at most: those asked for or of the protocol, else the limit of training, or what the context
 * leaves. Throws where a prompt and they do not fit into the context.
 */
function newTokensOf(
  { maxNewTokens, protocol }: EvaluationRequest,
  policy: Policy,
  found: readonly FoundPart[],
  trained: unknown,
): number {
  const context = policy.model.maxPositions;
  const limits = { context, newTokens: maxNewTokens ?? 1, option: "--max-tokens " };
  const lengths = found.map(({ part: { task, problems } }) => longestPrompt(problems, { ...policy, task }, limits));
  const room = context - Math.max(...lengths);
  if (maxNewTokens !== null) return maxNewTokens;
  if (protocol === null) return Math.min(room, typeof trained === "number" ? trained : MAX_NEW_TOKENS);
  const wanted = PROTOCOLS[protocol].maxNewTokens;
  if (wanted <= room) return wanted;
  throw new ConfigError(
    `--protocol ${protocol} samples up to ${wanted} new tokens behind prompts of up to ${context - room}, but the ` +
      `model's context is ${context}; set --max-tokens ${room} or less, or take a model with a longer context`,
  );
}

/** What of each part stands in the training data. */
async function contaminationsOf(
  { contamination: files }: EvaluationRequest,
  found: readonly FoundPart[],
): Promise<(ContaminationReport | null)[]> {
  if (!files) return found.map(() => null);
  const checks = found.map(({ part: { task, problems } }) => new ContaminationCheck(task, problems));
  for await (const row of readRows(files)) for (const check of checks) check.look(row);
  return checks.map((check) => check.report());
}
