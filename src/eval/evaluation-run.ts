// An evaluation in parts, each kept as soon as it is sampled, so that one that was cut short goes on where it stopped.
// Knows not where the parts are kept.
import { DataError } from "../errors.js";
import type { Problem, Task } from "../tasks/task.js";
import { type Evaluation, evaluateSamples, type ProblemSamples, type SampledResponse } from "./evaluate.js";
import type { SamplingPlan } from "./evaluate-policy.js";
import { type Policy, rollout } from "./rollout.js";
import { responseOf, type Trajectory } from "./trajectory.js";

/** One problem's responses, as kept. */
export interface SampledProblem {
  /** Which held-out problem: 0, 1, … */
  readonly index: number;
  readonly problem: string;
  readonly responses: readonly SampledResponse[];
}

/** How to take parts. */
export interface EvaluationRunOptions extends SamplingPlan {
  readonly problems: readonly Problem[];
  /** Problems that are sampled already. */
  readonly done: readonly SampledProblem[];
  /** Receives every newly sampled problem, in order, with its trajectories. */
  readonly onProblem: (sampled: SampledProblem, trajectories: readonly Trajectory[]) => void;
}

/**
 * The counts over all problems, those done before included: the same as of an evaluation in one go. Throws Interrupted
 * when the signal fires.
 */
export async function runEvaluation(policy: Policy, task: Task, options: EvaluationRunOptions): Promise<Evaluation> {
  const { problems, samplesPerProblem } = options;
  const count = problems.length;
  refuseOthers(options);
  const sampled = new Map(options.done.map((each) => [each.index, each]));
  const perPart = Math.max(1, Math.floor(options.maxSequences / samplesPerProblem));
  for (let from = 0; from < count; from++) {
    if (sampled.has(from)) continue;
    let to = from;
    while (to < count && to - from < perPart && !sampled.has(to)) to++;
    const trajectories = await rollout(policy, task, problems.slice(from, to), {
      ...options,
      numGenerations: samplesPerProblem,
      firstProblem: from,
    });
    for (let index = from; index < to; index++) {
      const own = trajectories.slice((index - from) * samplesPerProblem, (index - from + 1) * samplesPerProblem);
      const each = { index, problem: problems[index].id, responses: own.map(responseOf) };
      sampled.set(index, each);
      options.onProblem(each, own);
    }
  }
  const all = problems.map(
    (problem, i): ProblemSamples => ({ problem, responses: (sampled.get(i) as SampledProblem).responses }),
  );
  return evaluateSamples(task, all);
}

/** Kept samples count only for the problem they were made for. */
function refuseOthers({ done, problems }: EvaluationRunOptions): void {
  const other = done.find(({ index, problem }) => problems[index]?.id !== problem);
  if (!other) return;
  throw new DataError(
    `problem ${other.index} was "${other.problem}" when it was sampled and is ` +
      `"${problems[other.index]?.id ?? "none"}" now: the task or the data has changed; start a new ` +
      "evaluation with another --out",
  );
}
