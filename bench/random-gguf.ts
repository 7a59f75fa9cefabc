// A GGUF file of a released shape with random weights: what ours and llama.cpp are both measured on. Knows nothing of clocks.
import { existsSync } from "node:fs";
import { ggufSettingsOf } from "../src/checkpoint/gguf-config.js";
import { GGUF_ARCHITECTURES, ggufLayout } from "../src/checkpoint/gguf-layout.js";
import { GGUF_FILE_TYPES } from "../src/checkpoint/gguf-types.js";
import { type GgufSetting, type GgufWritable, writeGguf } from "../src/checkpoint/gguf-writer.js";
import { type TargetType, tensorType } from "../src/checkpoint/weight-encoder.js";
import { randomTile } from "../src/inference/random-weights.js";
import { publishedConfig } from "../src/models/published.js";
import { storageBytes } from "../src/tensor/dtype.js";

/** Storage types that are compared. */
export type ComparedType = Extract<TargetType, "q8_0" | "q4_0" | "q4_k">;

const CHUNK_BYTES = 1 << 22;
/** Least common multiple of the block types' sizes in bytes (18, 34, 144, 210): chunks hold whole blocks. */
const WHOLE_BLOCKS = 85_680;

/** Writes the file unless it is there. Weights repeat a tile of random blocks; norms are one. */
export async function writeRandomGguf(path: string, shape: string, type: ComparedType): Promise<void> {
  if (existsSync(path)) return;
  const config = publishedConfig(shape);
  const settings: GgufSetting[] = [
    ["general.architecture", "string", GGUF_ARCHITECTURES[config.model_type]],
    ["general.name", "string", shape],
    ["general.file_type", "u32", GGUF_FILE_TYPES[type] ?? 0],
    ["general.quantization_version", "u32", 2],
    ...ggufSettingsOf(config),
    ...vocabulary(config.vocab_size),
  ];
  const tiles = new Map<string, Uint8Array>();
  const tensors = ggufLayout(config).map(({ name, shape: dims, role }): GgufWritable => {
    // Embedding and head of the compared type too: a decode step reads the head, so it counts.
    const dtype = role === "embedding" || role === "head" ? type : tensorType(type, role, dims);
    return { name, dtype, shape: dims, chunks: () => (role === "norm" ? ones(dims) : randomBytes(tiles, dtype, dims)) };
  });
  await writeGguf(path, settings, tensors);
}

function* ones(shape: readonly number[]): Generator<Uint8Array> {
  yield new Uint8Array(new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(1).buffer);
}

function* randomBytes(tiles: Map<string, Uint8Array>, dtype: GgufWritable["dtype"], shape: readonly number[]): Generator<Uint8Array> {
  const numBytes = storageBytes(
    dtype as Parameters<typeof storageBytes>[0],
    shape.reduce((n, d) => n * d, 1),
  );
  if (dtype === "f32") return yield new Uint8Array(numBytes);
  let tile = tiles.get(dtype);
  if (!tile) tiles.set(dtype, (tile = randomTile(dtype as Parameters<typeof randomTile>[0])));
  const step = Math.floor(CHUNK_BYTES / WHOLE_BLOCKS) * WHOLE_BLOCKS;
  for (let at = 0; at < numBytes; at += step) yield tile.subarray(0, Math.min(step, numBytes - at));
}

/** Byte-level BPE without merges: single bytes, then names that no text gives. Prompts are token ids, so no text is ever encoded. */
function vocabulary(size: number): GgufSetting[] {
  const texts = Array.from({ length: size }, (_, i) => (i < 256 ? String.fromCodePoint(0x100 + i) : `t${i}`));
  return [
    ["tokenizer.ggml.model", "string", "gpt2"],
    ["tokenizer.ggml.pre", "string", "qwen2"],
    ["tokenizer.ggml.tokens", "strings", texts],
    ["tokenizer.ggml.token_type", "i32s", texts.map(() => 1)],
    ["tokenizer.ggml.merges", "strings", ["t256 t257"]],
    ["tokenizer.ggml.eos_token_id", "u32", size - 1],
    ["tokenizer.ggml.bos_token_id", "u32", size - 2],
    ["tokenizer.ggml.add_bos_token", "bool", false],
  ];
}
