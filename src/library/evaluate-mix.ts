// An evaluation of a mix of models: each sample is an answer of the mix, whatever its members did for it.
import { ConfigError } from "../errors.js";
import { evaluateSamples, type ProblemSamples } from "../eval/evaluate.js";
import { defaultPromptStyle } from "../eval/problem-prompt.js";
import { responseOf } from "../eval/trajectory.js";
import type { MemberWork } from "../inference/runtime/request.js";
import { openMix } from "../mix/open-mix.js";
import { mixRollout } from "../mix/rollout.js";
import { totalWork } from "../mix/tally.js";
import { heldOutProblems } from "../tasks/held-out.js";
import type { EvaluationContext, EvaluationRequest, EvaluationResult } from "./evaluate-model.js";
import { taskFor } from "./find-task.js";
import { ensureMachine } from "./machine.js";

/** New tokens where none are asked for. */
const MAX_NEW_TOKENS = 32768;

/** As `evaluateModel`, of a mix; throws as `openMix` too. */
export async function evaluateMix(request: EvaluationRequest, context: EvaluationContext): Promise<EvaluationResult> {
  if (request.adapter !== undefined)
    throw new ConfigError(`${request.model} is a mix of models: name the adapter of a member in its file`);
  await ensureMachine();
  const { samplesPerProblem, maxSequences, seed } = request;
  const opened = await openMix(request.model, { maxSequences, cacheSequences: [maxSequences, 16, 4, 1] });
  try {
    if (opened.warning) context.tell(`warning: ${opened.warning}`);
    const [lead] = opened.mix.members;
    const { task } = await taskFor(
      { ...request, options: { task: request.taskOptions, environment: request.environmentOptions } },
      lead.parts,
    );
    const problems = heldOutProblems(task, seed, request.problems);
    const rooms = opened.mix.members.map(({ maxContext }) => maxContext - 1);
    const maxNewTokens = request.maxNewTokens ?? Math.min(MAX_NEW_TOKENS, ...rooms);
    const works: (readonly MemberWork[])[] = [];
    const sampled = new Map(context.done.map((each) => [each.index, each]));
    const perPart = Math.max(1, Math.floor(maxSequences / samplesPerProblem));
    const startedMs = performance.now();
    for (let from = 0; from < problems.length; from++) {
      if (sampled.has(from)) continue;
      let to = from;
      while (to < problems.length && to - from < perPart && !sampled.has(to)) to++;
      const trajectories = await mixRollout(opened.mix, task, problems.slice(from, to), {
        ...{ numGenerations: samplesPerProblem, firstProblem: from, seed, maxNewTokens, signal: context.signal },
        ...{ temperature: request.temperature ?? undefined, topP: request.topP ?? undefined },
        template: request.template ?? undefined,
        onWork: (work) => works.push(work),
      });
      for (let index = from; index < to; index++) {
        const own = trajectories.slice((index - from) * samplesPerProblem, (index - from + 1) * samplesPerProblem);
        const each = { index, problem: problems[index].id, responses: own.map(responseOf) };
        sampled.set(index, each);
        context.keep(each);
      }
    }
    const samples = problems.map(
      (problem, i): ProblemSamples => ({ problem, responses: sampled.get(i)?.responses ?? [] }),
    );
    const members = totalWork(works);
    const tokens = members.reduce((sum, work) => sum + work.tokens, 0);
    const { temperature, topP } = lead.defaults;
    return {
      ...{ task: task.name, samplesPerProblem, maxNewTokens, seed, members },
      template: request.template ?? defaultPromptStyle(lead.tokenizer, lead.parts.generation),
      temperature: request.temperature ?? temperature,
      topP: request.topP ?? topP,
      ...(await evaluateSamples(task, samples)),
      tokensPerSecond: (1000 * tokens) / (performance.now() - startedMs),
      tokensPerAnswer: works.length > 0 ? tokens / works.length : null,
    };
  } finally {
    await opened.dispose();
  }
}
