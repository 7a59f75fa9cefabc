// The knobs of a reinforcement run on a model that is already there, checked at the boundary.
import { z } from "zod";
import { parseOptions, problemCountSchema } from "../tasks/options.js";
import { type GrpoOptions, parseGrpoOptions } from "./config.js";

/** The options, as zod checks them. */
export const rlRunSchema = z.strictObject({
  /** Data type of matrix products; null uses the one the model was trained with. */
  compute: z.enum(["f32", "bf16"]).nullable().default(null),
  /** Prompt format; null uses the one from training, else the model's chat template (`chat`), else `r1-zero`. */
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
      /** Number of distinct held-out problems, or "all". */
      problems: problemCountSchema.default(50),
      /** Samples per problem. */
      samplesPerProblem: z.int().min(1).default(16),
      /** Sampling temperature. R1 was evaluated at 0.6 with top-p 0.95 (arXiv 2501.12948 v1 §3). */
      temperature: z.number().positive().default(0.6),
      /** Nucleus sampling: sample from the most likely tokens that together reach this probability. */
      topP: z.number().positive().max(1).default(0.95),
      /** Samples generated at the same time. */
      slots: z.int().min(1).default(128),
      /** Number of steps between two quick evaluations. */
      everySteps: z.int().min(1).default(10),
      /** Problems in a quick evaluation, one sample each. */
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
