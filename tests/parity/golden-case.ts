// Reads a golden case (tests/golden/README.md) and compares numbers with it. Knows files and tolerances, no
// architecture.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import {
  float32Values,
  type HostTensor,
  openModelDirectory,
  openSafetensors,
  readAllTensors,
} from "../../src/checkpoint/index.js";
import { createModel } from "../../src/models/create.js";
import { type HfConfig, parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel, ModelOptions } from "../../src/models/language-model.js";
import { loadWeights } from "../../src/models/weights.js";
import type { TrainSequence } from "../../src/train/batch.js";

/** What Hugging Face computed for one tiny model. */
export interface GoldenCase {
  readonly config: HfConfig;
  readonly weights: ReadonlyMap<string, HostTensor>;
  /** Inputs, logits and gradients by their names in golden.safetensors. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly record: GoldenRecord;
  /** The batch: each sequence with the token after its last, and where its targets begin. */
  readonly sequences: readonly TrainSequence[];
}

interface GoldenRecord {
  readonly loss: number;
  readonly mainLoss: number;
  readonly mtpLoss?: number;
  readonly adamw: { readonly losses: readonly number[]; readonly finalLoss: number };
}

/** A file or folder under tests/golden. */
export const goldenPath = (path: string): string => fileURLToPath(new URL(`../golden/${path}`, import.meta.url));

export const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8")) as T;

export async function readTensors(path: string): Promise<Map<string, HostTensor>> {
  const source = await openSafetensors(path);
  const tensors = await readAllTensors(source);
  await source.close();
  return tensors;
}

/** The numbers of a stored i32 tensor. */
export const int32Values = (t: HostTensor): Int32Array => new Int32Array(t.data.slice().buffer);

/** A model directory's configuration and weights. */
export async function readModel(directory: string): Promise<Pick<GoldenCase, "config" | "weights">> {
  const model = await openModelDirectory(directory);
  const weights = await readAllTensors(model.weights);
  await model.close();
  return { config: parseHfConfig(model.config, directory), weights };
}

export async function readCase(name: string): Promise<GoldenCase> {
  const folder = goldenPath(`cases/${name}`);
  const tensors = await readTensors(`${folder}/golden.safetensors`);
  return {
    ...(await readModel(folder)),
    tensors,
    record: await readJson(`${folder}/golden.json`),
    sequences: sequencesOf(tensors),
  };
}

/**
 * Targets are the next tokens; a masked stretch (−100) is always a sequence's beginning, which its token ids then fill.
 */
function sequencesOf(tensors: ReadonlyMap<string, HostTensor>): TrainSequence[] {
  const [ids, targets, cu] = ["input_ids", "targets", "cu_seqlens"].map((name) =>
    int32Values(tensors.get(name) as HostTensor),
  );
  return Array.from({ length: cu.length - 1 }, (_, s) => {
    const [begin, end] = [cu[s], cu[s + 1]];
    const learnFrom = 1 + targets.subarray(begin, end).filter((t) => t < 0).length;
    return { ids: [...ids.subarray(begin, end), targets[end - 1]], learnFrom };
  });
}

/** A model of this configuration holding these weights. */
export async function loadModel(
  { config, weights }: Pick<GoldenCase, "config" | "weights">,
  options: ModelOptions = {},
): Promise<LanguageModel> {
  const model = createModel(config, options);
  await fillModel(model, weights);
  return model;
}

/** Loads every stored tensor; one too many is an error too. */
export async function fillModel(model: LanguageModel, weights: GoldenCase["weights"]): Promise<void> {
  const fetch = async (name: string) => {
    const stored = weights.get(name);
    return stored && { shape: stored.shape, values: float32Values(stored) };
  };
  await loadWeights(model.parameters, fetch, weights.keys());
}

/** The largest difference of two arrays, as a part of the larger of `expected`'s largest magnitude and `floor`. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>, floor = 0): number {
  expect(actual.length).toBe(expected.length);
  let [difference, largest] = [0, floor];
  for (let i = 0; i < expected.length; i++) {
    // Math.max hands a NaN on, so that none slips through a comparison.
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference === 0 ? 0 : difference / largest;
}

/** Stored bytes as f32 numbers. */
export const asFloats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);

/**
 * The mean distance of two arrays: a token near a routing tie may take another expert in bf16, so single logits are no
 * measure there.
 */
export function meanDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let sum = 0;
  for (let i = 0; i < expected.length; i++) sum += Math.abs(actual[i] - expected[i]);
  return sum / expected.length;
}
