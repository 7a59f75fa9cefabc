// The options of low-rank adapters, the same for every verb that tunes a model. Their checks at the boundary.
import { z } from "zod";
import type { AdapterSpec } from "../nn/lora.js";

/** The options, as zod checks them. */
export const loraSchema = z.strictObject({
  /** Rank r of the pairs A [r,K] and B [N,r]. */
  rank: z.int().min(1).default(16),
  /** The product B·A is multiplied by alpha/rank. */
  alpha: z.number().positive().default(32),
  /** Multiply by alpha/√rank (rsLoRA), which keeps large ranks stable. */
  rsLora: z.boolean().default(false),
  /**
   * Matrices that get a pair: `all-linear`, a list of names such as `["q_proj","v_proj"]`, or a regular expression for
   * whole names, as in PEFT.
   */
  targets: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).default("all-linear"),
  /** Share of the pairs' input that training drops, from 0 to below 1. In reinforcement only 0 is possible. */
  dropout: z.number().min(0).lt(1).default(0),
});

/** Options with every default filled in. */
export type LoraOptions = z.output<typeof loraSchema>;

/** What a model is made with to train an adapter; nothing for null. */
export function trainedAdapters(options: LoraOptions | null, seed: number): AdapterSpec[] {
  if (!options) return [];
  return [{ name: "default", lora: options, seed }];
}
