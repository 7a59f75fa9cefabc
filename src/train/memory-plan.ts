// How much memory a phase of a run will need, found by running it once on shapes alone; and whether that fits into this machine.
// Knows no options of any verb: the caller names the knobs.
import { BackendError } from "../errors.js";
import { createModel } from "../models/create.js";
import type { HfConfig } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import type { ComputeType } from "../nn/parameters.js";
import type { Optimizer } from "../optim/optimizer.js";
import { availableBytes, formatMemory } from "../run/memory-text.js";
import { createShapesDevice } from "../tensor/backends/shapes.js";
import { type Device, defaultDevice } from "../tensor/device.js";
import type { TrainSequence } from "./batch.js";
import { createOptimizer, type OptimizerName } from "./create-optimizer.js";
import { type StepOptions, splitMicroBatches, trainStep } from "./step.js";

/** Device memory of one phase, in bytes, by what it is for. `peak` is the largest sum at any moment. */
export interface PhaseMemory {
  readonly name: string;
  /** f32 masters and, for bf16, their copies; a reference model's included. */
  readonly weights: number;
  readonly gradients: number;
  readonly moments: number;
  readonly cache: number;
  /** Everything else at the fullest moment: activations of the largest micro-batch and their gradients. */
  readonly activations: number;
  readonly peak: number;
  /** Floating-point operations of what was planned: one optimiser step of at most two micro-batches. */
  readonly flops: number;
}

/** What the phase is planned for. */
export interface PlannedModel {
  readonly config: HfConfig;
  readonly compute: ComputeType;
  /** Where it will run; default: the default device. */
  readonly device?: Device;
}

/** The parts of a phase that live as long as it does. */
export interface PhaseParts {
  readonly name: string;
  /** The optimiser that keeps its moments meanwhile. */
  readonly optimizer: OptimizerName | null;
  /** Whether a second set of weights is kept. */
  readonly hasReference?: boolean;
}

/** Plans a phase: `body` runs it on shapes alone and says how large a cache it made and whether it gathered gradients. */
export async function planPhase(
  { config, compute, device = defaultDevice() }: PlannedModel,
  { name, optimizer: optimizerName, hasReference = false }: PhaseParts,
  body: (model: LanguageModel, optimizer: Optimizer | null, reference: LanguageModel | null) => Promise<{ cache: number; hasGradients: boolean }>,
): Promise<PhaseMemory> {
  const shapes = createShapesDevice(device);
  const model = createModel(config, { compute, seed: null, device: shapes });
  const reference = hasReference ? createModel(config, { compute, seed: null, device: shapes }) : null;
  const weights = shapes.memory().liveBytes;
  const optimizer = optimizerName && createOptimizer(model.parameters, optimizerName);
  const moments = shapes.memory().liveBytes - weights;
  const { cache, hasGradients } = await body(model, optimizer, reference);
  const { peakLiveBytes: peak } = shapes.memory();
  const gradients = hasGradients ? model.parameters.numTrained * 4 : 0;
  const activations = Math.max(0, peak - weights - moments - cache - gradients);
  return { name, weights, gradients, moments, cache, activations, peak, flops: shapes.meter.flops };
}

/** Plans optimiser steps over batches like `sequences`; micro-batches as `options` splits them. */
export function planTraining(
  model: PlannedModel,
  name: string,
  sequences: readonly TrainSequence[],
  { optimizer: optimizerName = "adamw", ...options }: Omit<StepOptions, "lr"> & { readonly optimizer?: OptimizerName },
): Promise<PhaseMemory> {
  return planPhase(model, { name, optimizer: optimizerName }, async (shapes, optimizer) => {
    // The second micro-batch meets the first one's gradients; further ones are no fuller.
    const fullest = splitMicroBatches(sequences, options.microBatchTokens).slice(0, 2).flat();
    await trainStep(shapes, optimizer as Optimizer, fullest, { ...options, lr: 0 });
    return { cache: 0, hasGradients: true };
  });
}

/** Memory of the program besides tensors: Node, code, data, buffers of the kernels' threads, the piece of a checkpoint that is being written. */
const PROGRAM_BYTES = 160 * 2 ** 20;
/** The caching pool holds freed buffers of other sizes besides the live ones. */
const POOL_OVERHEAD = 1.1;

/** Phases that take turns; the pool keeps the buffers of all of them. Between stages it is emptied (`Device.trim`). */
export type StageMemory = readonly PhaseMemory[];

/** Bytes the whole process will take in its fullest stage: weights and moments once, the rest of each phase beside that of the others. */
export function expectedBytes(stages: readonly StageMemory[]): number {
  const lasting = (p: PhaseMemory) => p.weights + p.moments;
  const stageBytes = (phases: StageMemory) => Math.max(...phases.map(lasting)) + phases.reduce((sum, p) => sum + p.peak - lasting(p), 0);
  return PROGRAM_BYTES + POOL_OVERHEAD * Math.max(...stages.map(stageBytes));
}

/** One line for a phase: its peak and what it is made of. */
export function describePhase(phase: PhaseMemory): string {
  const parts = (["weights", "gradients", "moments", "cache", "activations"] as const).filter((part) => phase[part] > 0);
  return `${phase.name}: ${formatMemory(phase.peak)} (${parts.map((part) => `${part} ${formatMemory(phase[part])}`).join(", ")})`;
}

/** What to turn down when a part of the memory is too large, by its name. */
export type MemoryKnobs = Readonly<Record<"model" | "activations" | "cache", string>>;

/** Throws BackendError, with figures and the knob of the largest part, when the fullest stage will not fit into `available` bytes. */
export function refuseIfTooLarge(stages: readonly StageMemory[], knobs: (phase: PhaseMemory) => MemoryKnobs, available = availableBytes()): void {
  const needed = expectedBytes(stages);
  if (needed <= available) return;
  const fullest = stages.flat().reduce((a, b) => (b.peak > a.peak ? b : a));
  const model = fullest.weights + fullest.gradients + fullest.moments;
  const part = model >= fullest.activations && model >= fullest.cache ? "model" : fullest.activations >= fullest.cache ? "activations" : "cache";
  throw new BackendError(
    `out of memory foreseen: about ${formatMemory(needed)} are needed and ${formatMemory(available)} are free; ${describePhase(fullest)}; ${knobs(fullest)[part]}`,
  );
}

/** Numbers a model trains, in all and per token, counted without making them. */
export function countParameters({ config, compute }: PlannedModel): { total: number; active: number } {
  const model = createModel(config, { compute, seed: null, device: createShapesDevice() });
  return { total: model.parameters.numTrained, active: model.numActiveParameters };
}

/** A plan as lines of `label  text`: the rows given, then the memory of each phase against what is free. */
export function planLines(rows: readonly (readonly [string, string])[], stages: readonly StageMemory[]): string[] {
  const memory = `about ${formatMemory(expectedBytes(stages))} of ${formatMemory(availableBytes())} free`;
  const lines = [...rows, ["memory", memory] as const, ...stages.flat().map((phase) => ["", describePhase(phase)] as const)];
  return lines.map(([label, text]) => `  ${label.padEnd(11)}${text}`);
}
