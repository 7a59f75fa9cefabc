// An evaluation of a mix of models: each sample is an answer of the mix, whatever its members did for it.
import { ConfigError } from "../errors.js";
import { eachOf, uninterrupted } from "../eval/each-of.js";
import type { Sampler } from "../eval/evaluation-run.js";
import { defaultPromptStyle } from "../eval/problem-prompt.js";
import { PROTOCOLS, type Protocol } from "../eval/protocol.js";
import type { MemberWork } from "../inference/runtime/request.js";
import { openMix } from "../mix/open-mix.js";
import { answerProblem } from "../mix/rollout.js";
import { totalWork } from "../mix/tally.js";
import { evaluateParts } from "./evaluate-model.js";
import { suiteParts, taskPart } from "./evaluation-parts.js";
import type { EvaluationContext, EvaluationRequest, EvaluationResult } from "./evaluation-request.js";
import { ensureMachine } from "./machine.js";

/** New tokens where none are asked for. */
const MAX_NEW_TOKENS = PROTOCOLS.r1.maxNewTokens;

/** As `evaluateModel`, of a mix; throws as `openMix` too. */
export async function evaluateMix(request: EvaluationRequest, context: EvaluationContext): Promise<EvaluationResult> {
  if (request.adapter !== undefined)
    throw new ConfigError(`${request.model} is a mix of models: name the adapter of a member in its file`);
  if (request.budgets.length > 0)
    throw new ConfigError(`${request.model} is a mix of models, which has no thought to cut; leave out --budgets`);
  const ofSuites = await suiteParts(request, context.tell);
  await ensureMachine();
  const { maxSequences, seed } = request;
  const opened = await openMix(request.model, { maxSequences, cacheSequences: [maxSequences, 16, 4, 1] });
  try {
    if (opened.warning) context.tell(`warning: ${opened.warning}`);
    const [lead] = opened.mix.members;
    const found = ofSuites ?? [await taskPart(request, lead.parts, context.tell)];
    const protocol: Protocol | null = request.protocol && PROTOCOLS[request.protocol];
    const rooms = opened.mix.members.map(({ maxContext }) => maxContext - 1);
    const asked = {
      temperature: request.temperature ?? protocol?.temperature,
      topP: request.topP ?? protocol?.topP,
      topK: protocol?.topK,
      maxNewTokens: request.maxNewTokens ?? Math.min(MAX_NEW_TOKENS, ...rooms),
    };
    const own = lead.defaults;
    const sampling = {
      protocol: request.protocol,
      template: request.template ?? defaultPromptStyle(lead.tokenizer, lead.parts.generation),
      temperature: asked.temperature ?? own.temperature,
      topP: asked.topP ?? own.topP,
      topK: asked.topK ?? own.topK,
      ...{ maxNewTokens: asked.maxNewTokens, seed },
    };
    const works: (readonly MemberWork[])[] = [];
    const options = {
      ...asked,
      template: request.template ?? undefined,
      onWork: (work: readonly MemberWork[]) => works.push(work),
    };
    const sampler: Sampler = (missing, take) =>
      uninterrupted(context.signal, () =>
        eachOf(missing, maxSequences, context.signal, (all) =>
          all(async (each, _, signal) => take(each, await answerProblem(opened.mix, each, options, signal))),
        ),
      );
    const startedMs = performance.now();
    const { record } = await evaluateParts(request, context, { found, sampling, sampler });
    const members = totalWork(works);
    const tokens = members.reduce((sum, work) => sum + work.tokens, 0);
    return {
      record,
      tokensPerSecond: (1000 * tokens) / (performance.now() - startedMs),
      ...{ members, tokensPerAnswer: works.length > 0 ? tokens / works.length : null },
    };
  } finally {
    await opened.dispose();
  }
}
