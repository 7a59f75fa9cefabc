// `rope_scaling` of a Hugging Face configuration in our names.
import { CheckpointError } from "../errors.js";
import type { RopeScaling } from "../nn/rope-frequencies.js";
import type { HfConfig } from "./families.js";

/** Translates the configuration's scaling; throws CheckpointError for a kind that is not supported. */
export function ropeScalingOf(config: HfConfig): RopeScaling | null {
  const s = config.rope_scaling;
  if (!s) return null;
  const factor = s.factor;
  const originalMaxPositions = s.original_max_position_embeddings ?? config.max_position_embeddings;
  if (s.rope_type === "yarn")
    return {
      type: "yarn",
      factor,
      originalMaxPositions,
      betaFast: s.beta_fast ?? 32,
      betaSlow: s.beta_slow ?? 1,
      mscale: s.mscale,
      mscaleAllDim: s.mscale_all_dim,
    };
  if (s.rope_type === "llama3")
    return { type: "llama3", factor, originalMaxPositions, lowFreqFactor: s.low_freq_factor ?? 1, highFreqFactor: s.high_freq_factor ?? 4 };
  if (s.rope_type === "linear") return { type: "linear", factor };
  throw new CheckpointError(`config.json: rope_scaling type ${s.rope_type} is not supported; expected yarn, llama3, linear or none`);
}
