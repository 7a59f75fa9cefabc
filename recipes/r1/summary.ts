// What a finished run of the R1 recipe counts about itself: what any reinforcement does, and every stage's figures.
import type { Evaluation } from "../../src/eval/evaluate.js";
import type { EvaluationPlan } from "../../src/rl/evaluation-plan.js";
import type { EvaluationStage } from "../../src/rl/evaluation-stage.js";
import type { ReinforcementStage } from "../../src/rl/reinforcement-stage.js";
import type { RunSummary } from "../../src/run/records.js";
import type { TrainingSession } from "../../src/train/session.js";
import type { Stage } from "../../src/train/stage.js";
import { addWork, noWork, tokenRate, utilisation, type WorkCount } from "../../src/train/work-count.js";
import type { StudentStage, StudentSummary } from "./students.js";

/** One stage's evaluation and further figures. */
export interface StageSummary {
  readonly name: string;
  readonly evaluation: Evaluation;
  readonly figures: Readonly<Record<string, number>>;
}

/** summary.json of a run: `base` is the pretrained model, `final` the last one. */
export interface R1Summary extends RunSummary {
  readonly stages: readonly StageSummary[];
  readonly students: readonly StudentSummary[];
}

/** Counts up a finished run. */
export function summariseR1(
  session: TrainingSession,
  stages: readonly Stage[],
  { samplesPerProblem }: EvaluationPlan,
  pretraining: WorkCount,
): R1Summary {
  const { model, peakFlops, run, seed } = session.parts;
  const evaluated = stages.filter(isEvaluation).map(
    ({ name, state }): StageSummary => ({
      name: name.replace(/^evaluate /, ""),
      evaluation: state.evaluation as Evaluation,
      figures: state.figures,
    }),
  );
  const reinforced = stages.filter(isReinforcement);
  const students = stages.filter(isStudent).flatMap(({ state }) => state.student ?? []);
  const [rollout, train] = [noWork(), noWork()];
  for (const { state } of reinforced) {
    addWork(rollout, state.rollout);
    addWork(train, state.train);
  }
  const [flops, seconds] = [pretraining.flops + train.flops, pretraining.seconds + train.seconds];
  const [base, final] = [evaluated[0].evaluation, evaluated[evaluated.length - 1].evaluation];
  return {
    ...{ base, final, stages: evaluated, students, problems: final.problems, samplesPerProblem, seed },
    params: model.parameters.numTrained,
    activeParams: Math.round(model.numActiveParameters),
    pretrainTokens: pretraining.tokens,
    rlSteps: reinforced.reduce((sum, { state }) => sum + state.step, 0),
    wallSeconds: session.wallSeconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    tokensPerSecond: { pretrain: tokenRate(pretraining), rollout: tokenRate(rollout), train: tokenRate(train) },
    mfu: utilisation(flops, seconds, peakFlops),
    runDir: run.path,
  };
}

const isEvaluation = (stage: Stage): stage is EvaluationStage => "evaluation" in stage.state;
const isStudent = (stage: Stage): stage is StudentStage => "student" in stage.state;
const isReinforcement = (stage: Stage): stage is ReinforcementStage => "rollout" in stage.state;
