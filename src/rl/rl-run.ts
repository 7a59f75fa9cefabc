// Evaluate, reinforce, evaluate: the stages of every run that reinforces, and the summary at its end.

import type { LoadedCheckpoint } from "../checkpoint/index.js";
import type { Evaluation } from "../eval/evaluate.js";
import type { RunSummary } from "../run/records.js";
import type { SessionParts, TrainingSession } from "../train/session.js";
import { performStages } from "../train/stage.js";
import { noWork, tokenRate, utilisation, type WorkCount } from "../train/work-count.js";
import type { EvaluationPlan } from "./evaluation-plan.js";
import { type EvaluationStage, evaluationStage } from "./evaluation-stage.js";
import { type Reinforcement, type ReinforcementStage, reinforcementStage } from "./reinforcement-stage.js";

/** The three stages, in their order. */
export interface EvaluatedReinforcement {
  readonly base: EvaluationStage;
  readonly reinforce: ReinforcementStage;
  readonly final: EvaluationStage;
}

/** The stages of a reinforcement that is measured before and after. */
export function evaluatedReinforcement(reinforcement: Reinforcement): EvaluatedReinforcement {
  const reinforce = reinforcementStage("reinforce", reinforcement);
  const base = evaluationStage("base", reinforcement, { step: 0 });
  return { base, reinforce, final: evaluationStage("final", reinforcement, reinforce.state) };
}

/** What a run is made of. The policy's model is disposed at its end. */
export interface RlRunRequest extends Reinforcement, Omit<SessionParts, "model" | "tokenizer"> {
  /** Where the run goes on from. */
  readonly checkpoint?: LoadedCheckpoint;
}

/**
 * Runs, or goes on from the checkpoint; writes summary and report. Throws Interrupted (state saved) when the signal
 * fires, TrainingError when nothing can be learnt.
 */
export function reinforceRun({ checkpoint, ...request }: RlRunRequest): Promise<RunSummary> {
  const { model, tokenizer } = request.policy;
  const stages = evaluatedReinforcement(request);
  const { base, reinforce, final } = stages;
  return performStages({ ...request, model, tokenizer }, [base, reinforce, final], checkpoint, (session) =>
    summariseReinforcement(session, stages, request.evaluation),
  );
}

/** Counts up a finished run. `pretraining` is the work before reinforcement, where the run did any. */
export function summariseReinforcement(
  session: TrainingSession,
  { base, reinforce, final }: EvaluatedReinforcement,
  { samplesPerProblem }: EvaluationPlan,
  pretraining: WorkCount = noWork(),
): RunSummary {
  const { model, peakFlops, run, seed } = session.parts;
  const { rollout, train, step } = reinforce.state;
  const [before, after] = [base, final].map(({ state }) => state.evaluation as Evaluation);
  const [flops, seconds] = [pretraining.flops + train.flops, pretraining.seconds + train.seconds];
  return {
    base: before,
    final: after,
    problems: after.problems,
    samplesPerProblem,
    seed,
    params: model.trainable.numTrained,
    activeParams: Math.round(model.numActiveParameters),
    pretrainTokens: pretraining.tokens,
    rlSteps: step,
    wallSeconds: session.wallSeconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    tokensPerSecond: { pretrain: tokenRate(pretraining), rollout: tokenRate(rollout), train: tokenRate(train) },
    mfu: utilisation(flops, seconds, peakFlops),
    runDir: run.path,
  };
}
