// The options of a reinforcement run on a model that is already there, checked at the boundary.
import { z } from "zod";
import { PROMPT_STYLES } from "../eval/problem-prompt.js";
import { environmentSchema } from "../tasks/environment.js";
import { parseOptions } from "../tasks/options.js";
import { loraSchema } from "../train/lora-options.js";
import { grpoSchema } from "./config.js";
import { evaluationSchema } from "./evaluation-plan.js";

/** The options, as zod checks them. */
export const rlRunSchema = z.strictObject({
  /** Data type of matrix products; null uses the one the model was trained with. */
  compute: z.enum(["f32", "bf16"]).nullable().default(null),
  /** Train a low-rank adapter and leave the model as it is; null trains the model. The model is the reference then. */
  lora: loraSchema
    .refine(({ dropout }) => dropout === 0, {
      path: ["dropout"],
      error: "reinforcement learns from the probabilities that were sampled, without dropout; set it to 0",
    })
    .nullable()
    .default(null),
  /**
   * Prompt format; null uses the one from training, else the model's chat template (`chat`), else `r1-zero`. `chat`
   * asks for the answer in a box; with `chat-plain` the last number of the reply counts.
   */
  template: z.enum(PROMPT_STYLES).nullable().default(null),
  /** Options of the task. */
  task: z.record(z.string(), z.unknown()).default({}),
  /** Limits and options of the environment. */
  environment: environmentSchema.prefault({}),
  /** Options of GRPO. */
  rl: grpoSchema.prefault({}),
  /** Options of built-in rewards, by their names. */
  rewards: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  /** Evaluation on held-out problems, before, during and after the run. */
  evaluation: evaluationSchema.prefault({}),
  /** Seconds between checkpoints. */
  checkpointSeconds: z.number().positive().default(60),
});

/** Options as given. */
export type RlRunInput = z.input<typeof rlRunSchema>;
/** Options of a run, every default filled in. */
export type RlRunOptions = z.output<typeof rlRunSchema>;

/** Checks options and fills in the defaults. Throws ConfigError naming every problem. */
export const rlRunOptions = (input: unknown = {}): RlRunOptions => parseOptions(rlRunSchema, input, "rl");
