// Gemma 2 and 3: norms before and after both parts of a block, weights of norms as their distance from 1, GELU gates, a
// scaled embedding. Source: Gemma Team 2024 and 2025, "Gemma 2" and "Gemma 3 Technical Report".
import type { BlockNorms } from "../../nn/decoder-layer.js";
import type { GqaConfig } from "../../nn/gqa.js";
import type { NormConfig } from "../../nn/norm.js";
import type { HfConfig } from "../config-fields.js";
import { gqaConfigOf, layerWindow } from "../gqa/config.js";
import { GqaModel } from "../gqa/model.js";
import type { ModelOptions } from "../language-model.js";
import type { GemmaFields } from "./config.js";

const NORMS: BlockNorms = {
  attention: { before: "input_layernorm", after: "post_attention_layernorm" },
  feedForward: { before: "pre_feedforward_layernorm", after: "post_feedforward_layernorm" },
};

/** How its norms read their weights. */
export const gemmaNorm = ({ rms_norm_eps: eps }: GemmaFields): NormConfig => ({ eps, weightOffset: 1 });

/** The model of a configuration; `particular` is what one generation has of its own in the attention of a layer. */
export function gemmaModel(
  config: GemmaFields & HfConfig,
  options: ModelOptions,
  particular: (index: number, attention: GqaConfig) => Partial<GqaConfig>,
): GqaModel {
  const { attention_bias: hasBias, query_pre_attn_scalar: scalar, final_logit_softcapping: logitCap } = config;
  const base = { ...gqaConfigOf(config, options), qkvBias: hasBias, outputBias: hasBias, scale: scalar ** -0.5 };
  return new GqaModel(
    config,
    options,
    (i) => {
      const attention = { ...base, window: layerWindow(config, i) };
      return {
        attention: { ...attention, ...particular(i, attention) },
        norms: NORMS,
        mlp: { activation: "gelu_tanh" },
      };
    },
    { norm: gemmaNorm(config), embeddingScale: Math.sqrt(config.hidden_size), logitCap: logitCap ?? undefined },
  );
}
