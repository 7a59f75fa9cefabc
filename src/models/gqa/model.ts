// Decoders with grouped-query attention: Llama, Qwen and their like, which differ in their layers' parts alone.
import { DecoderLayer } from "../../nn/decoder-layer.js";
import { GqaAttention, type GqaConfig } from "../../nn/gqa.js";
import { SwigluMlp } from "../../nn/mlp.js";
import { type MoeConfig, MoeLayer } from "../../nn/moe.js";
import type { HfConfig } from "../config-fields.js";
import { LanguageModel, type ModelOptions } from "../language-model.js";

/** What one layer is made of. */
export interface GqaLayer {
  readonly attention: GqaConfig;
  readonly mlpBias?: boolean;
  /** The feed-forward part is a mixture of experts. */
  readonly experts?: MoeConfig;
}

/** A model of layers with grouped-query attention. */
export class GqaModel extends LanguageModel {
  /** `layerOf` says what the layer of that index is made of. */
  constructor(config: HfConfig, options: ModelOptions, layerOf: (index: number) => GqaLayer) {
    const { hidden_size: hidden, rms_norm_eps: eps } = config;
    const init = { std: config.initializer_range };
    super(config, options, (parameters, index) => {
      const prefix = `model.layers.${index}`;
      const layer = layerOf(index);
      const attention = new GqaAttention(parameters, `${prefix}.self_attn`, layer.attention, init);
      const feedForward = layer.experts
        ? new MoeLayer(parameters, `${prefix}.mlp`, layer.experts, init, options.experts)
        : new SwigluMlp(parameters, `${prefix}.mlp`, hidden, config.intermediate_size, init, layer.mlpBias);
      return new DecoderLayer(parameters, prefix, hidden, { eps }, attention, feedForward);
    });
  }
}
