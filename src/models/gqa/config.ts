// Configurations with grouped-query attention: their shared fields and checks, and their fields as the sizes our layers take.
import type { z } from "zod";
import type { GqaConfig } from "../../nn/gqa.js";
import { type common, count, Demands } from "../config-fields.js";
import type { ModelOptions } from "../language-model.js";
import { contextOf, ropeConflicts, ropeScalingOf } from "../rope-scaling.js";

/** Fields of grouped-query attention. */
export const headCounts = { num_key_value_heads: count.optional(), head_dim: count.optional() };

/** What every configuration with grouped-query attention has, defaults filled in. */
export type GqaFields = z.infer<z.ZodObject<typeof common>> & { num_key_value_heads: number; head_dim: number };

/** Fills in the number of key heads and the head size. */
export function withHeadCounts<C extends GqaFields>(config: C): C {
  const headDim = config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads);
  return { ...config, num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads, head_dim: headDim };
}

/** What cannot be among the sizes of grouped-query attention. */
export function headConflicts(config: GqaFields): string[] {
  const { num_attention_heads: heads, num_key_value_heads: groups, head_dim: headDim } = config;
  const checks = new Demands();
  checks.demand(heads % groups === 0, `num_attention_heads ${heads} must be a multiple of num_key_value_heads ${groups}`);
  checks.demand(headDim % 2 === 0, `the head size ${headDim} must be even for rotary positions`);
  return [...checks.problems, ...ropeConflicts(config, headDim)];
}

/** Sizes of a plain attention layer. */
export function gqaConfigOf(c: GqaFields, { context }: ModelOptions): GqaConfig {
  return {
    qkvBias: false,
    outputBias: false,
    headNormEps: null,
    hidden: c.hidden_size,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads,
    headDim: c.head_dim,
    ropeTheta: c.rope_theta,
    ropeScaling: ropeScalingOf(c, contextOf(c, context)),
  };
}
