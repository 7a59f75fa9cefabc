// Decoders with grouped-query attention: Llama, Qwen and their like, which differ in their layers' parts alone.
import { type BlockNorms, DecoderLayer } from "../../nn/decoder-layer.js";
import { GqaAttention, type GqaConfig } from "../../nn/gqa.js";
import { GatedMlp, type MlpOptions } from "../../nn/mlp.js";
import { type MoeConfig, MoeLayer } from "../../nn/moe.js";
import type { ParameterSet } from "../../nn/parameters.js";
import type { HfConfig } from "../config-fields.js";
import { LanguageModel, type ModelEnds, type ModelOptions } from "../language-model.js";

/** What one layer is made of. */
export interface GqaLayer {
  readonly attention: GqaConfig;
  /** Where it normalises; default: before attention and before the feed-forward part. */
  readonly norms?: BlockNorms;
  readonly mlp?: MlpOptions;
  /** The feed-forward part is a mixture of experts, in place of `mlp`. */
  readonly experts?: MoeConfig;
}

/** A model of layers with grouped-query attention. */
export class GqaModel extends LanguageModel {
  /** `layerOf` says what the layer of that index is made of; all norms are like that of `ends`. */
  constructor(config: HfConfig, options: ModelOptions, layerOf: (index: number) => GqaLayer, ends: ModelEnds = {}) {
    const { hidden_size: hidden, rms_norm_eps: eps } = config;
    const init = { std: config.initializer_range };
    const buildLayer = (parameters: ParameterSet, index: number) => {
      const prefix = `model.layers.${index}`;
      const layer = layerOf(index);
      const attention = new GqaAttention(parameters, `${prefix}.self_attn`, layer.attention, init);
      const feedForward = layer.experts
        ? new MoeLayer(parameters, `${prefix}.mlp`, layer.experts, init, options.experts)
        : new GatedMlp(parameters, `${prefix}.mlp`, hidden, config.intermediate_size, init, layer.mlp);
      const norm = ends.norm ?? { eps };
      return new DecoderLayer(parameters, prefix, hidden, norm, attention, feedForward, layer.norms);
    };
    super(config, options, buildLayer, ends);
  }
}
