// Llama 2/3 and Qwen2/2.5: dense blocks with grouped-query attention; Qwen2 differs by its QKV bias alone.
import { CheckpointError } from "../../errors.js";
import { DecoderLayer } from "../../nn/decoder-layer.js";
import { GqaAttention } from "../../nn/gqa.js";
import { SwigluMlp } from "../../nn/mlp.js";
import type { LlamaHfConfig, Qwen2HfConfig } from "../hf-config.js";
import { LanguageModel, type ModelOptions } from "../language-model.js";
import { ropeScalingOf } from "../rope-scaling.js";

/** A dense model made from its Hugging Face configuration. */
export class DenseModel extends LanguageModel {
  declare readonly config: LlamaHfConfig | Qwen2HfConfig;

  constructor(config: LlamaHfConfig | Qwen2HfConfig, options: ModelOptions = {}) {
    super(config, options);
    if (config.model_type === "llama" && (config.attention_bias || config.mlp_bias))
      throw new CheckpointError("config.json: llama with attention_bias or mlp_bias is not supported; expected both false");
  }

  protected buildLayers(): DecoderLayer[] {
    const { config: c, parameters } = this;
    const init = { std: c.initializer_range };
    const gqa = {
      hidden: c.hidden_size,
      heads: c.num_attention_heads,
      kvHeads: c.num_key_value_heads,
      headDim: c.head_dim,
      qkvBias: c.model_type === "qwen2",
      ropeTheta: c.rope_theta,
      ropeScaling: ropeScalingOf(c),
    };
    return Array.from({ length: c.num_hidden_layers }, (_, i) => {
      const prefix = `model.layers.${i}`;
      const attention = new GqaAttention(parameters, `${prefix}.self_attn`, gqa, init);
      const mlp = new SwigluMlp(parameters, `${prefix}.mlp`, c.hidden_size, c.intermediate_size, init);
      return new DecoderLayer(parameters, prefix, c.hidden_size, c.rms_norm_eps, attention, mlp);
    });
  }

  get numActiveParameters(): number {
    return this.parameters.numTrained;
  }
}
