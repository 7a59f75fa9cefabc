// How much memory a phase of a run will need, found by running it once on shapes alone; and whether that fits into this
// machine. Knows no options of any verb: the caller names the options to lower.

import { createShapesDevice } from "../backends/shapes.js";
import { BackendError } from "../errors.js";
import { availableBytes } from "../free-memory.js";
import { createModel } from "../models/create.js";
import type { HfConfig } from "../models/hf-config.js";
import type { LanguageModel } from "../models/language-model.js";
import { loadStored, shapesOf, type WeightSource } from "../models/stored-weights.js";
import type { AdapterSpec } from "../nn/lora.js";
import type { Trains } from "../nn/trains.js";
import { formatMemory } from "../number-text.js";
import type { Optimizer } from "../optim/optimizer.js";
import { type Device, defaultDevice } from "../tensor/device.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { TrainSequence } from "./batch.js";
import { createOptimizer, type OptimizerName } from "./create-optimizer.js";
import { type HostNeed, refuseHostNeed, sequenceBytes } from "./host-memory.js";
import type { LoopOptions, TrainingData } from "./loop.js";
import { objectiveOf, type StepOptions, splitBySize, trainStep } from "./step.js";

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
  /** Of the program's own memory, beside the device's: sequences, rollouts. */
  readonly host: number;
  /** Floating-point operations of what was planned: one optimiser step of at most two micro-batches. */
  readonly flops: number;
}

/** What the phase is planned for. */
export interface PlannedModel {
  readonly config: HfConfig;
  readonly compute: ComputeType;
  /** Where it will run; default: the default device. */
  readonly device?: Device;
  /** Which weights train, and where the others come from; default: all train. */
  readonly frozen?: { readonly trains: Trains; readonly source: WeightSource };
  /** Adapters over the model; then nothing else trains. */
  readonly adapters?: readonly AdapterSpec[];
}

/** The parts of a phase that live as long as it does. */
export interface PhaseParts {
  readonly name: string;
  /** The optimiser that keeps its moments meanwhile. */
  readonly optimizer: OptimizerName | null;
  /** Whether a second set of weights is kept. */
  readonly hasReference?: boolean;
  /** What it keeps beside its tensors. */
  readonly host?: HostNeed;
}

/**
 * Plans a phase: `body` runs it on shapes alone and says how large a cache it made and whether it gathered gradients.
 * Throws BackendError when what it keeps on the host will not fit: then it is not run at all.
 */
export async function planPhase(
  { config, compute, device = defaultDevice(), frozen, adapters }: PlannedModel,
  { name, optimizer: optimizerName, hasReference = false, host }: PhaseParts,
  body: (
    model: LanguageModel,
    optimizer: Optimizer | null,
    reference: LanguageModel | null,
  ) => Promise<{ cache: number; hasGradients: boolean }>,
): Promise<PhaseMemory> {
  if (host) refuseHostNeed(host);
  const shapes = createShapesDevice(device);
  const create = () => createModel(config, { compute, seed: null, trains: frozen?.trains, device: shapes, adapters });
  const model = create();
  if (frozen) await loadStored(model.parameters, shapesOf(frozen.source, shapes));
  const reference = hasReference ? create() : null;
  reference?.parameters.copyFrom(model.parameters);
  const weights = shapes.memory().liveBytes;
  const optimizer = optimizerName && createOptimizer(model.trainable, optimizerName);
  const moments = shapes.memory().liveBytes - weights;
  const { cache, hasGradients } = await body(model, optimizer, reference);
  const { peakLiveBytes: peak } = shapes.memory();
  const gradients = hasGradients ? model.trainable.numTrained * 4 : 0;
  const activations = Math.max(0, peak - weights - moments - cache - gradients);
  return {
    name,
    weights,
    gradients,
    moments,
    cache,
    activations,
    peak,
    host: host?.bytes.all ?? 0,
    flops: shapes.meter.flops,
  };
}

/** A phase during which so many bytes of other weights are there too. */
export const withBeside = (phase: PhaseMemory, bytes: number): PhaseMemory => ({
  ...phase,
  weights: phase.weights + bytes,
  peak: phase.peak + bytes,
});

/** A step's batch as far as a plan needs it. */
export interface BatchToPlan<E = TrainSequence> {
  readonly sequences: readonly E[];
  /** Targets of the whole step. */
  readonly numTargets: number;
  /** What the whole step keeps on the host. */
  readonly host: HostNeed;
}

/** Sequences whose length stands for that of all of a step. */
const SAMPLED_SEQUENCES = 64;

/**
 * The first batch, as far as a plan needs it. Throws BackendError when a step's sequences will not fit into host
 * memory. `option`: the one that sets their number.
 */
export function batchToPlan<E = TrainSequence>(
  data: TrainingData<E>,
  {
    batchSequences,
    microBatchTokens,
    ...options
  }: Pick<LoopOptions<E>, "batchSequences" | "microBatchTokens" | "objective">,
  option = "batchSequences",
): BatchToPlan<E> {
  const { numTokens, numTrained } = objectiveOf(options);
  const sample = data.sequences(0, Math.min(batchSequences, SAMPLED_SEQUENCES));
  const tokens = sample.reduce((sum, example) => sum + numTokens(example), 0) / sample.length;
  const numSequences = batchSequences.toLocaleString("en-US");
  const what = `${numSequences} sequences of about ${Math.round(tokens)} tokens for each step`;
  const host: HostNeed = {
    name: "training",
    what,
    bytes: sequenceBytes(batchSequences, tokens),
    mend: `lower ${option} (now ${batchSequences})`,
  };
  refuseHostNeed(host);
  // Two micro-batches of the shortest sequences there are: a plan looks no further.
  const sequences = data.sequences(0, Math.min(batchSequences, 2 * microBatchTokens));
  return { sequences, numTargets: Math.round((numTrained(sequences) * batchSequences) / sequences.length), host };
}

/** Plans optimiser steps over batches like `sequences`; micro-batches as `options` splits them. */
export function planTraining<E = TrainSequence>(
  model: PlannedModel,
  name: string,
  { sequences, host }: Pick<BatchToPlan<E>, "sequences"> & Partial<BatchToPlan<E>>,
  {
    optimizer: optimizerName = "adamw",
    ...options
  }: Omit<StepOptions<E>, "lr"> & { readonly optimizer?: OptimizerName },
): Promise<PhaseMemory> {
  return planPhase(model, { name, optimizer: optimizerName, host }, async (shapes, optimizer) => {
    // The second micro-batch meets the first one's gradients; further ones are no fuller.
    const { numTokens } = objectiveOf(options);
    const fullest = splitBySize(sequences, options.microBatchTokens, numTokens).slice(0, 2).flat();
    await trainStep(shapes, optimizer as Optimizer, fullest, { ...options, lr: 0 });
    return { cache: 0, hasGradients: true };
  });
}

/**
 * Memory of the program besides tensors: Node, code, data, buffers of the kernels' threads, the piece of a checkpoint
 * that is being written.
 */
const PROGRAM_BYTES = 160 * 2 ** 20;
/** The caching pool holds freed buffers of other sizes besides the live ones. */
const POOL_OVERHEAD = 1.1;

/** Phases that take turns; the pool keeps the buffers of all of them. Between stages it is emptied (`Device.trim`). */
export type StageMemory = readonly PhaseMemory[];

/**
 * Bytes the whole process will take in its fullest stage: weights and moments once, the rest of each phase beside that
 * of the others.
 */
export function expectedBytes(stages: readonly StageMemory[]): number {
  const lasting = (p: PhaseMemory) => p.weights + p.moments;
  const stageBytes = (phases: StageMemory) =>
    Math.max(...phases.map(lasting)) + phases.reduce((sum, p) => sum + p.peak - lasting(p), 0);
  const host = Math.max(...stages.flat().map((phase) => phase.host));
  return PROGRAM_BYTES + POOL_OVERHEAD * Math.max(...stages.map(stageBytes)) + host;
}

/** One line for a phase: its peak and what it is made of. */
export function describePhase(phase: PhaseMemory): string {
  const parts = (["weights", "gradients", "moments", "cache", "activations", "host"] as const).filter(
    (part) => phase[part] > 0,
  );
  return (
    `${phase.name}: ${formatMemory(phase.peak + phase.host)} ` +
    `(${parts.map((part) => `${part} ${formatMemory(phase[part])}`).join(", ")})`
  );
}

/** What to turn down when a part of the memory is too large, by its name. */
export type MemoryRemedies = Readonly<Record<"model" | "activations" | "cache", string>>;

/**
 * Throws BackendError, with figures and the option to lower for the largest part, when the fullest stage will not fit
 * into `available` bytes.
 */
export function refuseIfTooLarge(
  stages: readonly StageMemory[],
  remedies: (phase: PhaseMemory) => MemoryRemedies,
  available = availableBytes(),
): void {
  const needed = expectedBytes(stages);
  if (needed <= available) return;
  const fullest = stages.flat().reduce((a, b) => (b.peak > a.peak ? b : a));
  const model = fullest.weights + fullest.gradients + fullest.moments;
  const part =
    model >= fullest.activations && model >= fullest.cache
      ? "model"
      : fullest.activations >= fullest.cache
        ? "activations"
        : "cache";
  throw new BackendError(
    `not enough memory: about ${formatMemory(needed)} is needed, but only ${formatMemory(available)} is ` +
      `free; ${describePhase(fullest)}; ${remedies(fullest)[part]}`,
  );
}

/** What a model would be, found without making it. */
export interface ModelOutline {
  /** Numbers it trains, in all and per token. */
  readonly total: number;
  readonly active: number;
  readonly hasExperts: boolean;
  /** Experts are balanced by a bias of the router. */
  readonly hasRouterBias: boolean;
  readonly hasMtp: boolean;
}

/** The outline of a model. */
export function outlineOf({ config, compute }: PlannedModel): ModelOutline {
  const model = createModel(config, { compute, seed: null, device: createShapesDevice() });
  const { moeLayers, numMtp, parameters, numActiveParameters } = model;
  const hasRouterBias = moeLayers.some((moe) => moe.bias !== null);
  return {
    total: parameters.numTrained,
    active: numActiveParameters,
    hasExperts: moeLayers.length > 0,
    hasRouterBias,
    hasMtp: numMtp > 0,
  };
}
