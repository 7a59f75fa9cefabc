// Saving and restoring everything a training run needs to go on bit for bit: weights, moments, counters.
// Knows which tensors belong together; file formats are the checkpoint layer's.
import { type JsonObject, type LoadedCheckpoint, storedValues, type WritableTensor } from "../checkpoint/index.js";
import { CheckpointError } from "../errors.js";
import { adapterConfigJson } from "../models/adapter-config.js";
import { toHfConfigJson } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import { loadWeights } from "../models/weights.js";
import type { Optimizer } from "../optim/optimizer.js";
import { writeTensor } from "../tensor/engine.js";
import type { Tensor } from "../tensor/tensor.js";

/** What a snapshot holds besides the model's weights. */
export interface SnapshotParts {
  readonly model: LanguageModel;
  readonly optimizer: Optimizer;
  /** A second set of weights (the RL reference), saved under `reference.`. */
  readonly reference?: LanguageModel | null;
}

/**
 * What training has moved: the model's weights in the layout that `transformers` reads, or its adapter in PEFT's. Read
 * from the device as they are written, so training waits for the file. Weights frozen in storage types are left out:
 * they stand in the model that training began with.
 */
export function modelFiles(
  model: LanguageModel,
  base: string | null = null,
): { config: JsonObject; weights: Map<string, WritableTensor>; isAdapter?: boolean } {
  const [adapter] = model.parameters.adapters.all;
  if (adapter) return { config: adapterConfigJson(adapter, base), weights: weightsOf(model, ""), isAdapter: true };
  const { quantization_config: _, ...config } = toHfConfigJson(model.config);
  return { config: { ...config, torch_dtype: "float32" } as JsonObject, weights: weightsOf(model, "") };
}

/**
 * What generation_config.json says of a model with frozen weights in storage types, which its files do not hold:
 * `openModelSource` refuses to take them for a whole model.
 */
export const frozenNote = ({ parameters: { numUnwritten, adapters } }: LanguageModel): JsonObject =>
  numUnwritten > 0 && adapters.all.length === 0 ? { frozen_tensors: numUnwritten } : {};

/** Optimiser moments, router loads and reference weights, by name; read as they are written. */
export function trainerTensors({ model, optimizer, reference }: SnapshotParts): Map<string, WritableTensor> {
  const moments = [...resumable(model, optimizer)].map(
    ([name, t]) => [name, { dtype: "f32" as const, shape: t.shape, data: () => t.pieces() }] as const,
  );
  return new Map([...moments, ...(reference ? weightsOf(reference, "reference.") : [])]);
}

function weightsOf({ trainable }: LanguageModel, prefix: string): Map<string, WritableTensor> {
  return new Map([...trainable.readLater()].map(([name, part]) => [`${prefix}${name}`, { dtype: "f32", ...part }]));
}

/** Restores weights, moments and (where given) the reference from a checkpoint. `stepCount` is the optimiser's. */
export async function restoreSnapshot(
  checkpoint: LoadedCheckpoint,
  parts: SnapshotParts,
  stepCount: number,
): Promise<void> {
  await loadWeights(parts.model.trainable, (name) => storedValues(checkpoint.weights, name));
  const { tensors } = checkpoint.trainer;
  for (const [name, target] of resumable(parts.model, parts.optimizer)) {
    const stored = await storedValues(tensors, name);
    if (!stored || stored.values.length !== target.size)
      throw new CheckpointError(`trainer state: ${name} [${target.shape}] is missing or has another size`);
    writeTensor(target, new Uint8Array(stored.values.buffer, stored.values.byteOffset, stored.values.byteLength));
  }
  parts.optimizer.stepCount = stepCount;
  if (parts.reference)
    await loadWeights(parts.reference.parameters, (name) => storedValues(tensors, `reference.${name}`));
}

function resumable(model: LanguageModel, optimizer: Optimizer): Map<string, Tensor> {
  const loads = model.moeLayers.map((moe) => [`${moe.prefix}.load`, moe.load] as const);
  return new Map([...optimizer.state(), ...loads]);
}
