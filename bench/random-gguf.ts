// A GGUF file of a released shape with random weights: what ours and llama.cpp are both measured on. Knows nothing of
// clocks.
import { existsSync } from "node:fs";
import { convertToGguf } from "../src/checkpoint/convert-model.js";
import type { GgufSetting } from "../src/checkpoint/gguf-writer.js";
import type { TargetType } from "../src/checkpoint/weight-encoder.js";
import { randomTensorSource } from "../src/inference/opening/random-weights.js";
import { publishedConfig } from "../src/models/published.js";
import { CHARACTER_OF_BYTE } from "../src/tokenizer/byte-alphabet.js";

/** Storage types that are compared. In the 4-bit ones embedding and head are q8_0, as `luciole convert` writes them. */
export type ComparedType = Extract<TargetType, "q8_0" | "q4_0" | "q4_k">;

/** Writes the file unless it is there. */
export async function writeRandomGguf(path: string, shape: string, type: ComparedType): Promise<void> {
  if (existsSync(path)) return;
  const config = publishedConfig(shape);
  const weights = await randomTensorSource(config, type);
  try {
    await convertToGguf(path, { config, weights }, type, [
      ["general.name", "string", shape],
      ...vocabulary(config.vocab_size),
    ]);
  } finally {
    await weights.close();
  }
}

/**
 * Byte-level BPE with one merge: single bytes, "aa", then names that no text gives. Prompts are token ids, so no text
 * is ever encoded.
 */
function vocabulary(size: number): GgufSetting[] {
  const texts = Array.from({ length: size }, (_, i) => CHARACTER_OF_BYTE[i] ?? (i === 256 ? "aa" : `t${i}`));
  return [
    ["tokenizer.ggml.model", "string", "gpt2"],
    ["tokenizer.ggml.pre", "string", "qwen2"],
    ["tokenizer.ggml.tokens", "strings", texts],
    ["tokenizer.ggml.token_type", "i32s", texts.map(() => 1)],
    ["tokenizer.ggml.merges", "strings", ["a a"]],
    ["tokenizer.ggml.eos_token_id", "u32", size - 1],
    ["tokenizer.ggml.bos_token_id", "u32", size - 2],
    ["tokenizer.ggml.add_bos_token", "bool", false],
  ];
}
