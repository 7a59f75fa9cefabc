// A tiny model with a tokenizer on disk, and preferences that it learns within seconds: answers of As are better than
// those of Qs, whatever their length.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, writeModelDirectory } from "../checkpoint/index.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import { Random } from "../random.js";
import { Progress } from "../terminal/progress.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { tokenizerFiles } from "../tokenizer/tokenizer-files.js";
import type { RunContext } from "../train/run-context.js";
import { modelFiles } from "../train/snapshot.js";

/** Few characters, with a begin and an end token. */
export const tokenizer = createCharTokenizer("0123456789+-=:; \nQAUseratin", { bos: "<bos>", eos: "<eos>" });

/** A llama of one layer. */
export const config = parseHfConfig({
  model_type: "llama",
  ...{ hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1 },
  ...{ head_dim: 8, max_position_embeddings: 32, vocab_size: tokenizer.vocabSize, eos_token_id: tokenizer.eosId },
});

/** Writes the model, or that of another configuration, as a directory. */
export async function writeTinyModel(directory: string, of = config): Promise<string> {
  const model = createModel(of, { seed: 5 });
  const generationConfig: JsonObject = { eos_token_id: tokenizer.eosId as number, compute_type: "f32" };
  await writeModelDirectory(directory, { ...modelFiles(model), generationConfig, files: tokenizerFiles(tokenizer) });
  model.dispose();
  return directory;
}

/** Rows about different prompts. */
export function tinyPairs(count: number): { prompt: string; chosen: string; rejected: string }[] {
  const random = new Random(3);
  const answer = (letter: string) => letter.repeat(1 + random.below(4));
  return Array.from({ length: count }, (_, i) => ({
    prompt: `${i}=`,
    chosen: answer("A"),
    rejected: answer("Q"),
  }));
}

/** Writes rows as a JSONL file. */
export function writeRows(folder: string, name: string, rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** The context of a run without a terminal. */
export const contextOf = (path: string, more: Partial<RunContext> = {}): RunContext => ({
  path,
  resumes: false,
  progress: new Progress({ mode: "silent" }),
  signal: new AbortController().signal,
  machine: { isa: "reference", threads: 1, peakFlops: () => 0 },
  notice: () => {},
  acceptChanges: false,
  ...more,
});
