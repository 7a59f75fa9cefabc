// Configurations with grouped-query attention: their shared fields and checks, and their fields as the sizes our layers
// take.
import { z } from "zod";
import type { GqaConfig } from "../../nn/gqa.js";
import { type CommonFields, count, countOrZero, Demands } from "../config-fields.js";
import type { ModelOptions } from "../language-model.js";
import { contextOf, ropeConflicts, ropeScalingOf } from "../rope-scaling.js";

/** Fields of grouped-query attention. */
export const headCounts = { num_key_value_heads: count.optional(), head_dim: count.optional() };

/** What every configuration with grouped-query attention has, defaults filled in. */
export type GqaFields = CommonFields & {
  num_key_value_heads: number;
  head_dim: number;
};

/** Of each layer, whether it slides. */
export const layerTypes = z.array(z.enum(["full_attention", "sliding_attention"])).nullish();

/** Fields of sliding windows as Qwen's configurations have them. */
export const windowFields = {
  use_sliding_window: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: countOrZero.default(28),
  layer_types: layerTypes,
};

/** Sliding windows as Qwen has them, defaults filled in. */
export type WindowFields = z.infer<z.ZodObject<typeof windowFields>>;

/** Which layers slide, and how many keys they see then. */
export type LayerWindows = Pick<WindowFields, "sliding_window" | "layer_types">;

/** The window of layer `index` in keys, or null. */
export const layerWindow = (config: LayerWindows, index: number): number | null =>
  config.layer_types?.[index] === "sliding_attention" ? config.sliding_window : null;

/** The window of every layer. */
export const layerWindows = (config: GqaFields & LayerWindows): (number | null)[] =>
  Array.from({ length: config.num_hidden_layers }, (_, i) => layerWindow(config, i));

/**
 * Says of each layer whether it slides, as `transformers` does: by `layer_types`, else from `max_window_layers` on.
 * Without windows nothing is left of them.
 */
export function withLayerTypes<C extends GqaFields & WindowFields>({ layer_types: given, ...config }: C): C {
  const { use_sliding_window, sliding_window, max_window_layers, num_hidden_layers: length } = config;
  const size = use_sliding_window ? sliding_window : null;
  const types = Array.from({ length }, (_, i) => (i >= max_window_layers ? "sliding_attention" : "full_attention"));
  const kept = given?.includes("sliding_attention") || size !== null ? { layer_types: given ?? types } : {};
  return { ...config, sliding_window: size, ...kept } as C;
}

/** What cannot be among the fields of sliding windows. */
export function windowConflicts({
  layer_types: types,
  sliding_window,
  num_hidden_layers: layers,
}: GqaFields & LayerWindows): string[] {
  const checks = new Demands();
  checks.demand(
    !types || types.length === layers,
    `layer_types names ${types?.length} layers, expected the ${layers} of num_hidden_layers`,
  );
  checks.demand(
    sliding_window !== null || !types?.includes("sliding_attention"),
    "layer_types has sliding_attention, which requires use_sliding_window and sliding_window",
  );
  return checks.problems;
}

/** Fills in the number of key heads and the head size. */
export function withHeadCounts<C extends GqaFields>(
  config: C,
  defaultHeadDim = Math.floor(config.hidden_size / config.num_attention_heads),
): C {
  const headDim = config.head_dim ?? defaultHeadDim;
  return {
    ...config,
    num_key_value_heads: config.num_key_value_heads ?? config.num_attention_heads,
    head_dim: headDim,
  };
}

/** What cannot be among the sizes of grouped-query attention. */
export function headConflicts(config: GqaFields): string[] {
  const { num_attention_heads: heads, num_key_value_heads: groups, head_dim: headDim } = config;
  const checks = new Demands();
  checks.demand(
    heads % groups === 0,
    `num_attention_heads ${heads} must be a multiple of num_key_value_heads ${groups}`,
  );
  checks.demand(headDim % 2 === 0, `the head size ${headDim} must be even for rotary position embeddings`);
  return [...checks.problems, ...ropeConflicts(config, headDim)];
}

/** Sizes of a plain attention layer. */
export function gqaConfigOf(c: GqaFields, { context }: ModelOptions): GqaConfig {
  return {
    qkvBias: false,
    outputBias: false,
    headNorm: null,
    window: null,
    scale: c.head_dim ** -0.5,
    softCap: null,
    hidden: c.hidden_size,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads,
    headDim: c.head_dim,
    rope: { theta: c.rope_theta, scaling: ropeScalingOf(c, contextOf(c, context)) },
  };
}
