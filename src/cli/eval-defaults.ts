// What an evaluation takes over from the run whose model it evaluates, so that it counts what the run's own report
// counted.
import { z } from "zod";
import { isRunDirectory } from "../inference/opening/model-source.js";
import { grpoSchema } from "../rl/config.js";
import { evaluationSchema } from "../rl/evaluation-plan.js";
import { readRunConfig } from "../run/run-directory.js";
import type { ProblemCount } from "../tasks/held-out.js";
import { withCurrentNames } from "../tasks/options.js";

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
  readonly data?: readonly string[];
  /** What answered the model's turns, where the run was told. */
  readonly environment?: string | null;
}

/** What a run with reinforcement records. */
const recordedSchema = z.object({
  evaluation: evaluationSchema,
  rl: grpoSchema,
  source: z
    .object({ task: z.string().nullish(), data: z.array(z.string()).optional(), environment: z.string().nullish() })
    .optional(),
});

/**
 * How the run in a directory evaluated itself; null for a model directory and for a run without reinforcement, which
 * has no such report.
 */
export function evaluationOfRun(path: string): RunEvaluation | null {
  if (!isRunDirectory(path)) return null;
  const { options, seed } = readRunConfig(path);
  const parsed = recordedSchema.safeParse(withCurrentNames(options));
  if (!parsed.success) return null;
  const { evaluation, rl, source } = parsed.data;
  const { problems, samplesPerProblem, temperature, topP } = evaluation;
  const { maxCompletionLength: maxNewTokens } = rl;
  const { task, data, environment } = source ?? {};
  return { problems, samplesPerProblem, temperature, topP, maxNewTokens, seed, task, data, environment };
}
