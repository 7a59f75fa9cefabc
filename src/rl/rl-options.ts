// The knobs of a reinforcement run on a model that is already there, checked at the boundary.
import { z } from "zod";
import { parseOptions, problemCountSchema } from "../tasks/options.js";
import { type GrpoOptions, parseGrpoOptions } from "./config.js";

const schema = z.strictObject({
  /** null: as the model was trained. */
  compute: z.enum(["f32", "bf16"]).nullable().default(null),
  /** How problems are put to the model; null: as it was trained, else r1-zero. */
  template: z.enum(["compact", "r1-zero", "plain"]).nullable().default(null),
  /** Options of the task. */
  task: z.record(z.string(), z.unknown()).default({}),
  /** Options of GRPO. */
  rl: z.record(z.string(), z.unknown()).default({}),
  evaluation: z
    .strictObject({
      problems: problemCountSchema.default(50),
      samplesPerProblem: z.int().min(1).default(16),
      // R1's own protocol (arXiv 2501.12948 v1 §3).
      temperature: z.number().positive().default(0.6),
      topP: z.number().positive().max(1).default(0.95),
      slots: z.int().min(1).default(128),
      everySteps: z.int().min(1).default(10),
      quickProblems: z.int().min(1).default(50),
    })
    .prefault({}),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(60),
});

/** Options of a run, every default filled in. */
export type RlRunOptions = Omit<z.output<typeof schema>, "rl"> & { readonly rl: GrpoOptions };

/** Checks options, those of GRPO included, and fills in the defaults. Throws ConfigError naming every problem. */
export function rlRunOptions(input: unknown = {}): RlRunOptions {
  const options = parseOptions(schema, input, "rl") as RlRunOptions;
  parseGrpoOptions(options.rl);
  return options;
}
