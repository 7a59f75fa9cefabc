// What an evaluation takes over from the run whose model it evaluates, so that it counts what the run's own report
// counted.
import { isRunDirectory } from "../inference/opening/model-source.js";
import { type GrpoOptions, parseGrpoOptions } from "../rl/config.js";
import type { EvaluationPlan } from "../rl/reinforce.js";
import { readRunConfig } from "../run/run-directory.js";
import type { ProblemCount } from "../tasks/held-out.js";

/** An evaluation as a run made it: which problems, and how they were sampled. */
export interface RunEvaluation {
  readonly problems: ProblemCount;
  readonly samplesPerProblem: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Task and data set, where the run was given them. */
  readonly task?: string | null;
  readonly data?: string;
}

/**
 * How the run in a directory evaluated itself; null for a model directory and for a run without reinforcement, which
 * has no such report.
 */
export function evaluationOfRun(path: string): RunEvaluation | null {
  if (!isRunDirectory(path)) return null;
  const { options, seed } = readRunConfig(path);
  const { evaluation, rl, source } = options as {
    evaluation?: EvaluationPlan;
    rl?: GrpoOptions;
    source?: { task?: string | null; data?: string };
  };
  if (!evaluation || !rl) return null;
  const { problems, samplesPerProblem, temperature, topP } = evaluation;
  const { maxCompletionLength: maxNewTokens } = parseGrpoOptions(rl);
  return { problems, samplesPerProblem, temperature, topP, maxNewTokens, seed, task: source?.task, data: source?.data };
}
