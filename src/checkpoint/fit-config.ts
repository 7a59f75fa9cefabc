// A configuration as the weights beside it have it. Publishers cut layers or add copies without a word in config.json;
// the tensors decide, as in `transformers`. Knows names of tensors; computes nothing.

import { CheckpointError } from "../errors.js";
import type { HfConfig } from "../models/config-fields.js";
import { numMtpOf, withNumMtp } from "../models/families.js";
import { ggufLayout } from "./gguf-layout.js";
import type { TensorSource } from "./host-tensor.js";
import { WeightReader } from "./weight-reader.js";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

/**
 * The configuration without layers of multi-token prediction that are announced and not there, and untied where a tied
 * head is stored that is another than the embedding. Throws CheckpointError for a tensor that is needed and not where
 * an index says.
 */
export async function fitToWeights(config: HfConfig, weights: TensorSource): Promise<HfConfig> {
  const fitted = withoutAbsentMtp(config, weights);
  refuseAbsent(fitted, weights);
  const isUntied = config.tie_word_embeddings && weights.has(HEAD) && !(await areEqual(weights, HEAD, EMBEDDING));
  return isUntied ? { ...fitted, tie_word_embeddings: false } : fitted;
}

function withoutAbsentMtp(config: HfConfig, weights: TensorSource): HfConfig {
  if (numMtpOf(config) === 0) return config;
  const prefix = `model.layers.${config.num_hidden_layers}.`;
  return weights.names.some((name) => name.startsWith(prefix)) ? config : withNumMtp(config, 0);
}

/** Throws CheckpointError for a tensor that the model needs and that is not where the index says. */
function refuseAbsent(config: HfConfig, { absent }: TensorSource): void {
  if (!absent || absent.size === 0) return;
  const needed = ggufLayout(config).flatMap(({ sources }) => sources.map(({ name }) => name));
  const problems = needed.flatMap((name) => absent.get(name) ?? []);
  if (problems.length > 0)
    throw new CheckpointError(`${problems[0]}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ""}`);
}

/** Whether two tensors are stored alike, byte for byte. */
async function areEqual(weights: TensorSource, a: string, b: string): Promise<boolean> {
  if (!weights.has(a) || !weights.has(b)) return false;
  const [first, second] = [weights.info(a), weights.info(b)];
  if (first.dtype !== second.dtype || first.shape.join() !== second.shape.join()) return false;
  const reader = new WeightReader(weights);
  try {
    const others = reader.bytes(b);
    for await (const bytes of reader.bytes(a)) {
      const { value } = await others.next();
      if (!value || Buffer.compare(bytes, value) !== 0) return false;
    }
    return true;
  } finally {
    await reader.close();
  }
}
