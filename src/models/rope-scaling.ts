// Scaling of rotary positions as config.json gives it: checked key by key, brought to one spelling, and in our names.
// Keys, defaults and which value wins: huggingface/transformers v5.23, modeling_rope_utils.py and yarn_apply_mscale of
// deepseek_v3.

import { z } from "zod";
import { log } from "../elementary.js";
import { type RopeScaling, yarnMscale } from "../nn/rope-frequencies.js";

const positive = z.number().positive();
const numPositions = z.int().min(1);
const divisors = z.array(positive).min(1);
/** `transformers` scales DeepSeek's softmax by it under every type; the other families read it with YaRN alone. */
const softmax = { mscale_all_dim: z.number().optional() };

/** `rope_scaling` of a checked configuration: nothing but keys that the type has. */
export const ropeScalingSchema = z.discriminatedUnion("rope_type", [
  z.strictObject({ rope_type: z.literal("linear"), factor: positive, ...softmax }),
  z.strictObject({ rope_type: z.literal("dynamic"), factor: positive, ...softmax }),
  z.strictObject({
    rope_type: z.literal("yarn"),
    factor: positive,
    original_max_position_embeddings: numPositions,
    attention_factor: positive.optional(),
    beta_fast: positive.optional(),
    beta_slow: positive.optional(),
    mscale: z.number().optional(),
    ...softmax,
    truncate: z.boolean().optional(),
    // Read by vLLM alone; `transformers` passes it over, and so do we, and say it. Kept for who reads the file next.
    attn_factor: positive.optional(),
    // Of the first YaRN models, whose own code it told not to scale by length.
    finetuned: z.literal(true).optional(),
  }),
  z.strictObject({
    rope_type: z.literal("llama3"),
    factor: positive,
    low_freq_factor: positive.default(1),
    high_freq_factor: positive.default(4),
    original_max_position_embeddings: numPositions,
  }),
  z.strictObject({
    rope_type: z.literal("longrope"),
    short_factor: divisors,
    long_factor: divisors,
    original_max_position_embeddings: numPositions,
    factor: positive,
    attention_factor: positive.optional(),
  }),
]);

/** Scaling of rotary positions in Hugging Face's names. */
export type HfRopeScaling = z.infer<typeof ropeScalingSchema>;

/** The types of scaling that are supported. */
export const ROPE_TYPES = ropeScalingSchema.options.map((option) => option.shape.rope_type.value);

/** What rotary positions need of a configuration. */
export interface RopeSettings {
  readonly rope_scaling: HfRopeScaling | null;
  readonly max_position_embeddings: number;
}

type Json = Record<string, unknown>;

/**
 * `rope_theta` and `rope_scaling` in one spelling, from the keys of any `transformers` release; still to be checked. As
 * there, a `rope_scaling` that says something wins over `rope_parameters`, a base inside it over one beside it, and a
 * length beside it over one inside.
 */
export function normaliseRope(config: Json): { rope_theta?: unknown; rope_scaling: unknown } {
  const scaling = isFilled(config.rope_scaling)
    ? config.rope_scaling
    : (config.rope_parameters ?? config.rope_scaling ?? null);
  if (!isRecord(scaling)) return { rope_theta: config.rope_theta ?? undefined, rope_scaling: scaling };
  const { type, rope_type, rope_theta, partial_rotary_factor, ...given } = Object.fromEntries(
    Object.entries(scaling).filter(([, value]) => value !== null),
  );
  const partial = partial_rotary_factor === undefined || partial_rotary_factor === 1 ? {} : { partial_rotary_factor };
  const settings = { ...given, ...partial };
  const theta = rope_theta ?? config.rope_theta ?? undefined;
  const ropeType = rope_type ?? type ?? "default";
  if (ropeType === "default" && Object.keys(settings).length === 0) return { rope_theta: theta, rope_scaling: null };
  return {
    rope_theta: theta,
    rope_scaling: { rope_type: ropeType, ...settings, ...lengthsOf(ropeType, settings, config) },
  };
}

/** The lengths that may be left out, or stand beside the scaling. */
function lengthsOf(ropeType: unknown, settings: Json, config: Json): Json {
  if (ropeType !== "yarn" && ropeType !== "llama3" && ropeType !== "longrope") return {};
  const longest = config.max_position_embeddings;
  const original = config.original_max_position_embeddings ?? settings.original_max_position_embeddings ?? longest;
  const ratio =
    typeof longest === "number" && typeof original === "number" && original > 0 ? longest / original : undefined;
  return {
    original_max_position_embeddings: original,
    factor: settings.factor ?? (ropeType === "llama3" ? undefined : ratio),
  };
}

/** What contradicts the width of the rotated part of a head. */
export function ropeConflicts({ rope_scaling: scaling }: RopeSettings, rotary: number): string[] {
  if (scaling?.rope_type !== "longrope") return [];
  return (["short_factor", "long_factor"] as const)
    .filter((key) => scaling[key].length !== rotary / 2)
    .map(
      (key) =>
        `rope_scaling.${key} must hold ${rotary / 2} numbers, half of the ${rotary} that are rotated, got ` +
        `${scaling[key].length}`,
    );
}

/**
 * The longest sequence a model takes. Under LongRoPE that is `asked`, by default the original length: there the short
 * factors hold, beyond it the long ones, and a cache whose keys are rotated already cannot go from one to the other.
 */
export function contextOf(
  { rope_scaling: scaling, max_position_embeddings: longest }: RopeSettings,
  asked?: number,
): number {
  return scaling?.rope_type === "longrope"
    ? Math.min(asked ?? scaling.original_max_position_embeddings, longest)
    : longest;
}

/** The scaling in our names, for contexts of up to `context` tokens. */
export function ropeScalingOf({ rope_scaling: s }: RopeSettings, context: number): RopeScaling | null {
  // Dynamic scaling changes nothing up to max_position_embeddings, and longer contexts are refused.
  if (s === null || s.rope_type === "dynamic") return null;
  if (s.rope_type === "linear") return { type: "linear", factor: s.factor };
  const originalMaxPositions = s.original_max_position_embeddings;
  if (s.rope_type === "llama3")
    return {
      type: "llama3",
      factor: s.factor,
      originalMaxPositions,
      lowFreqFactor: s.low_freq_factor,
      highFreqFactor: s.high_freq_factor,
    };
  const attentionFactor = attentionFactorOf(s);
  if (s.rope_type === "longrope")
    return {
      type: "divided",
      divisors: context > originalMaxPositions ? s.long_factor : s.short_factor,
      attentionFactor,
    };
  const { factor, beta_fast: betaFast = 32, beta_slow: betaSlow = 1, truncate = true } = s;
  return { type: "yarn", factor, originalMaxPositions, betaFast, betaSlow, truncate, attentionFactor };
}

/** What cos and sin are multiplied by under YaRN and LongRoPE. */
export function attentionFactorOf(s: Extract<HfRopeScaling, { rope_type: "yarn" | "longrope" }>): number {
  if (s.attention_factor !== undefined) return s.attention_factor;
  if (s.rope_type === "longrope")
    return s.factor <= 1 ? 1 : Math.sqrt(1 + log(s.factor) / log(s.original_max_position_embeddings));
  return s.mscale && s.mscale_all_dim
    ? yarnMscale(s.factor, s.mscale) / yarnMscale(s.factor, s.mscale_all_dim)
    : yarnMscale(s.factor);
}

/** What of the scaling is passed over although other programs read it, in words. */
export function passedOverScaling({ rope_scaling: s }: Pick<RopeSettings, "rope_scaling">): string | undefined {
  if (s?.rope_type !== "yarn" || s.attn_factor === undefined || s.attention_factor !== undefined) return undefined;
  const meant = Number((s.attn_factor * attentionFactorOf(s)).toPrecision(6));
  return (
    `rope_scaling.attn_factor ${Number(s.attn_factor.toPrecision(6))} in config.json is ignored, as in transformers; ` +
    `to get the results of llama.cpp and vLLM, add "attention_factor": ${meant}`
  );
}

/** What DeepSeek's softmax scale is multiplied by; the other families' is never scaled. */
export function softmaxScaleOf({ rope_scaling: s }: Pick<RopeSettings, "rope_scaling">): number {
  return s !== null && "mscale_all_dim" in s && s.mscale_all_dim ? yarnMscale(s.factor, s.mscale_all_dim) ** 2 : 1;
}

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isFilled = (value: unknown): boolean => isRecord(value) && Object.keys(value).length > 0;
