// Samples a policy on held-out problems and counts. The problems depend on the seed alone, so two models meet the same
// ones.
import { heldOutProblems, type ProblemCount } from "../tasks/held-out.js";
import type { Problem, Task } from "../tasks/task.js";
import { type Evaluation, evaluateSamples } from "./evaluate.js";
import { type Policy, rollout } from "./rollout.js";
import { responseOf, type Trajectory } from "./trajectory.js";

/** How samples of an evaluation are drawn. */
export interface SamplingPlan {
  readonly samplesPerProblem: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  /** Samples generated at the same time. */
  readonly maxSequences: number;
  readonly seed: number;
  /** Memory for the cache at most; default: no bound. */
  readonly maxCacheBytes?: number;
  readonly signal?: AbortSignal;
}

/** How an evaluation samples. */
export interface EvaluateOptions extends SamplingPlan {
  /** Distinct held-out problems; fewer are counted where the task has fewer. */
  readonly problems: ProblemCount;
}

/** The counts and what they were counted from. */
export interface PolicyEvaluation {
  readonly evaluation: Evaluation;
  readonly problems: readonly Problem[];
  readonly trajectories: readonly Trajectory[];
  readonly tokensPerSecond: number;
}

/** Evaluates on the task's first distinct held-out problems. */
export async function evaluatePolicy(policy: Policy, task: Task, options: EvaluateOptions): Promise<PolicyEvaluation> {
  const { samplesPerProblem, seed } = options;
  const problems = heldOutProblems(task, seed, options.problems);
  const started = performance.now();
  const trajectories = await rollout(policy, task, problems, { ...options, numGenerations: samplesPerProblem });
  const seconds = (performance.now() - started) / 1000;
  const samples = problems.map((problem, i) => ({
    problem,
    responses: trajectories.slice(i * samplesPerProblem, (i + 1) * samplesPerProblem).map(responseOf),
  }));
  const evaluation = await evaluateSamples(task, samples);
  return {
    evaluation,
    problems,
    trajectories,
    tokensPerSecond: trajectories.reduce((n, t) => n + t.completionIds.length, 0) / seconds,
  };
}
