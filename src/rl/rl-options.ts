// The knobs of a reinforcement run on a model that is already there, checked at the boundary.
import { z } from "zod";
import { parseOptions, problemCountSchema } from "../tasks/options.js";
import { type GrpoOptions, parseGrpoOptions } from "./config.js";

/** The options, as zod checks them. */
export const rlRunSchema = z.strictObject({
  /** null: as the model was trained. */
  compute: z.enum(["f32", "bf16"]).nullable().default(null),
  /** How problems are put to the model; null: as in its training, else by its chat template (`chat`), else in r1-zero's wording. */
  template: z.enum(["compact", "r1-zero", "plain", "chat"]).nullable().default(null),
  /** Options of the task. */
  task: z.record(z.string(), z.unknown()).default({}),
  /** Options of GRPO. */
  rl: z.record(z.string(), z.unknown()).default({}),
  /** Options of built-in rewards, by their names. */
  rewards: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  /** Evaluation on held-out problems, before, during and after the run. */
  evaluation: z
    .strictObject({
      /** Distinct held-out problems, or "all". */
      problems: problemCountSchema.default(50),
      /** Samples of each problem. */
      samplesPerProblem: z.int().min(1).default(16),
      /** Sampling temperature; R1's own protocol has 0.6 and a nucleus of 0.95 (arXiv 2501.12948 v1 §3). */
      temperature: z.number().positive().default(0.6),
      /** Nucleus of sampling: the most likely tokens up to this share. */
      topP: z.number().positive().max(1).default(0.95),
      /** Rows sampled at once. */
      slots: z.int().min(1).default(128),
      /** Steps between two quick checks. */
      everySteps: z.int().min(1).default(10),
      /** Problems of a quick check, one sample each. */
      quickProblems: z.int().min(1).default(50),
    })
    .prefault({}),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(60),
});

/** Options of a run, every default filled in. */
export type RlRunOptions = Omit<z.output<typeof rlRunSchema>, "rl"> & { readonly rl: GrpoOptions };

/** Checks options, those of GRPO included, and fills in the defaults. Throws ConfigError naming every problem. */
export function rlRunOptions(input: unknown = {}): RlRunOptions {
  const options = parseOptions(rlRunSchema, input, "rl") as RlRunOptions;
  parseGrpoOptions(options.rl);
  return options;
}
