// Which tensors of a Hugging Face model make up each tensor of its GGUF file. Pure names and shapes; what families
// differ in is in their tables.
import type { HfConfig } from "../models/config-fields.js";
import { FAMILIES, familyOf, numMtpOf } from "../models/families.js";
import {
  entry,
  type GgufEntry,
  LayerEntries,
  type LayoutOptions,
  PRE_NORM_NAMES,
  type RowOrder,
} from "../models/gguf-table.js";

/** GGUF's architectures that can be read. */
export const GGUF_ARCHITECTURES: readonly string[] = [...new Set(FAMILIES.map(({ gguf }) => gguf.architecture))];

/**
 * Every tensor of a model's GGUF file, in the order they are written. `rope_freqs` is not among them: it comes from the
 * configuration.
 */
export function ggufLayout(config: HfConfig, options: LayoutOptions = {}): GgufEntry[] {
  const { vocab_size: vocab, hidden_size: hidden, num_hidden_layers: numLayers } = config;
  const entries = [
    entry("token_embd.weight", "model.embed_tokens.weight", [vocab, hidden], "embedding"),
    entry("output_norm.weight", "model.norm.weight", [hidden], "norm"),
    ...(config.tie_word_embeddings ? [] : [entry("output.weight", "lm_head.weight", [vocab, hidden], "head")]),
  ];
  const { gguf } = familyOf(config);
  for (let i = 0; i < numLayers + numMtpOf(config); i++) {
    const layer = new LayerEntries(`blk.${i}.`, `model.layers.${i}.`);
    for (const [name, source] of Object.entries(gguf.layerNorms ?? PRE_NORM_NAMES))
      layer.add(`${name}.weight`, `${source}.weight`, [hidden], "norm");
    gguf.addLayer(layer, config, i, options);
    entries.push(...layer.entries);
  }
  const { normOffset: offset } = gguf;
  return offset ? entries.map((each) => (each.role === "norm" ? { ...each, offset } : each)) : entries;
}

/** For a Hugging Face row, the GGUF row it is. */
export function ggufRow(row: number, numRows: number, { groups, start }: RowOrder): number {
  const groupRows = numRows / groups;
  const within = row % groupRows;
  if (within < start) return row;
  const half = (groupRows - start) / 2;
  const at = within - start;
  return row - within + start + (at < half ? 2 * at : 2 * (at - half) + 1);
}
