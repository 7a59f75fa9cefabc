// Whether rewards tell anything to learn from, and what is said where they do not. Plain numbers.
import { TrainingError } from "../errors.js";
import type { PromptStyle } from "../eval/problem-prompt.js";
import { unansweredNotice } from "../eval/unanswered.js";
import type { RewardTable } from "../tasks/reward.js";
import { meanAndDeviation } from "./advantage.js";
import { type GrpoMetrics, isReservedMetric } from "./metrics.js";

/** Consecutive steps without any reward spread after which training stops: nothing can be learnt. */
const MAX_STEPS_WITHOUT_SIGNAL = 10;

/** Throws TrainingError when no group had reward spread for too many steps. `rewards` and groups are the last step's. */
export function refuseWithoutSignal(
  stepsWithoutSignal: number,
  rewards: readonly (number | null)[],
  numGroups: number,
): void {
  if (stepsWithoutSignal < MAX_STEPS_WITHOUT_SIGNAL) return;
  const { mean } = meanAndDeviation(rewards);
  if (Number.isNaN(mean))
    throw new TrainingError(
      `${unscored(rewards)}, for ${MAX_STEPS_WITHOUT_SIGNAL} steps in a row: nothing can be learnt`,
    );
  throw new TrainingError(
    `all rewards were equal within each of ${numGroups} groups for ${MAX_STEPS_WITHOUT_SIGNAL} steps (mean ` +
      `reward ${mean.toFixed(3)}): the problems are too ${mean > 0.5 ? "easy" : "hard"} for this model, or ` +
      "the reward does not distinguish answers; change the task's difficulty or the reward",
  );
}

/** Throws TrainingError where a reward's own metric would pass for one of the trainer's. */
export function refuseReservedNames({ logged }: RewardTable): void {
  const name = [...logged.keys()].find(isReservedMetric);
  if (name)
    throw new TrainingError(
      `a reward logs "${name}", which is the name of a metric of the trainer; use another name, such as "own/${name}"`,
    );
}

/** What the person at the run should know of a step, a line each. `answers`: what was graded of each completion. */
export function noticesOf(
  answers: readonly (string | null)[],
  template: PromptStyle,
  rewards: readonly (number | null)[],
  metrics: GrpoMetrics,
): string[] {
  const notFinite = Object.entries(metrics).filter(([, value]) => !Number.isFinite(value));
  const unanswered = unansweredNotice(answers, template);
  return [
    ...(unanswered ? [unanswered] : []),
    ...(rewards.every((reward) => reward === null) ? [unscored(rewards)] : []),
    ...notFinite.map(([name, value]) => `metric "${name}" is ${value}: a reward must log finite values`),
  ];
}

const unscored = (rewards: readonly (number | null)[]): string =>
  `no reward applies to any of the ${rewards.length} completions: every reward returned null; check ` +
  "that the data has the columns the rewards need";
