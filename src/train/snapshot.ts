// Saving and restoring everything a training run needs to go on bit for bit: weights, moments, counters.
// Knows which tensors belong together; file formats are the checkpoint layer's.
import { type HostTensor, type JsonObject, type LoadedCheckpoint, storedValues, type WritableTensor } from "../checkpoint/index.js";
import { CheckpointError } from "../errors.js";
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

const hostTensor = (shape: readonly number[], data: Uint8Array): HostTensor => ({ dtype: "f32", shape: [...shape], data });

/** The model's weights in the layout that `transformers` reads. */
export async function modelFiles(model: LanguageModel): Promise<{ config: JsonObject; weights: Map<string, WritableTensor> }> {
  const weights = new Map<string, WritableTensor>();
  for (const [name, { shape, data }] of await model.parameters.read()) weights.set(name, hostTensor(shape, data));
  return { config: toHfConfigJson(model.config) as JsonObject, weights };
}

/** Optimiser moments, router loads and reference weights, by name. */
export async function trainerTensors({ model, optimizer, reference }: SnapshotParts): Promise<Map<string, WritableTensor>> {
  const tensors = new Map<string, WritableTensor>();
  for (const [name, t] of resumable(model, optimizer)) tensors.set(name, hostTensor(t.shape, await t.bytes()));
  if (reference) for (const [name, { shape, data }] of await reference.parameters.read()) tensors.set(`reference.${name}`, hostTensor(shape, data));
  return tensors;
}

/** Restores weights, moments and (where given) the reference from a checkpoint. `stepCount` is the optimiser's. */
export async function restoreSnapshot(checkpoint: LoadedCheckpoint, parts: SnapshotParts, stepCount: number): Promise<void> {
  await loadWeights(parts.model.parameters, (name) => storedValues(checkpoint.weights, name));
  const { tensors } = checkpoint.trainer;
  for (const [name, target] of resumable(parts.model, parts.optimizer)) {
    const stored = await storedValues(tensors, name);
    if (!stored || stored.values.length !== target.size) throw new CheckpointError(`trainer state: ${name} [${target.shape}] is missing or has another size`);
    writeTensor(target, new Uint8Array(stored.values.buffer, stored.values.byteOffset, stored.values.byteLength));
  }
  parts.optimizer.stepCount = stepCount;
  if (parts.reference) await loadWeights(parts.reference.parameters, (name) => storedValues(tensors, `reference.${name}`));
}

function resumable(model: LanguageModel, optimizer: Optimizer): Map<string, Tensor> {
  const loads = model.moeLayers.map((moe) => [`${moe.prefix}.load`, moe.load] as const);
  return new Map([...optimizer.state(), ...loads]);
}
