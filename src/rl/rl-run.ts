// A whole run of reinforcement: evaluate, reinforce, evaluate, sum up. Knows not where policy, task and rewards come
// from.
import type { JsonObject, LoadedCheckpoint } from "../checkpoint/index.js";
import type { Evaluation } from "../eval/evaluate.js";
import type { Policy } from "../eval/rollout.js";
import type { RunSummary } from "../run/records.js";
import type { RewardFunction, WeightedReward } from "../tasks/reward.js";
import type { Task } from "../tasks/task.js";
import {
  noWork,
  type RunSurroundings,
  TrainingSession,
  tokenRate,
  utilisation,
  type WorkCount,
} from "../train/session.js";
import { type EvaluationPlan, evaluateRun, type RlSetting, type RlState, reinforce } from "./reinforce.js";
import type { RlRunOptions } from "./rl-options.js";

/** What a run is made of. The policy's model is disposed at its end. */
export interface RlRequest extends RunSurroundings {
  /** Where the run goes on from. */
  readonly checkpoint?: LoadedCheckpoint;
  readonly policy: Policy;
  readonly generation?: JsonObject;
  readonly task: Task;
  readonly rewards: readonly (RewardFunction | WeightedReward)[];
  readonly options: RlRunOptions;
}

/** A reinforcement run that has not begun. */
export const freshRlState = (): RlState => ({
  step: 0,
  totalSeconds: 0,
  rollout: noWork(),
  train: noWork(),
  nextProblem: 0,
  stepsWithoutSignal: 0,
  numTokens: 0,
  base: null,
});

/**
 * Runs, or goes on from the checkpoint; writes summary and report. Throws Interrupted (state saved) when the signal
 * fires, TrainingError when nothing can be learnt.
 */
export async function reinforceRun(request: RlRequest): Promise<RunSummary> {
  const { policy, options } = request;
  const store = await TrainingSession.openStore(request.run, request.checkpoint);
  const parts = {
    ...request,
    model: policy.model,
    tokenizer: policy.tokenizer,
    checkpointSeconds: options.checkpointSeconds,
  };
  const session = new TrainingSession(parts, store, freshRlState(), request.checkpoint);
  const setting: RlSetting = {
    session,
    policy,
    task: request.task,
    rewards: request.rewards,
    options: options.rl,
    evaluation: options.evaluation,
  };
  try {
    session.state.base ??= await evaluateRun(setting, "base");
    await reinforce(setting);
    return session.finish(summariseRl(session, options.evaluation, await evaluateRun(setting, "final")));
  } finally {
    session.dispose();
  }
}

/** Counts up a finished run. `pretrain` is the work before reinforcement, where the run did any. */
export function summariseRl<S extends RlState>(
  session: TrainingSession<S>,
  plan: EvaluationPlan,
  final: Evaluation,
  pretrain: WorkCount = noWork(),
): RunSummary {
  const { state, parts } = session;
  const { model, peakFlops, run, seed } = parts;
  const [flops, seconds] = [pretrain.flops + state.train.flops, pretrain.seconds + state.train.seconds];
  return {
    base: state.base as Evaluation,
    final,
    problems: final.problems,
    samplesPerProblem: plan.samplesPerProblem,
    seed,
    params: model.parameters.numTrained,
    activeParams: Math.round(model.numActiveParameters),
    pretrainTokens: pretrain.tokens,
    rlSteps: state.step,
    wallSeconds: session.wallSeconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    tokensPerSecond: {
      pretrain: tokenRate(pretrain),
      rollout: tokenRate(state.rollout),
      train: tokenRate(state.train),
    },
    mfu: utilisation(flops, seconds, peakFlops),
    runDir: run.path,
  };
}
