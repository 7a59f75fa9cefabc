// How much memory a model opened for inference takes, found before anything is loaded; a model that will not fit is
// refused with the figures. Weights are summed from what is stored, activations from a step run on shapes alone.

import { createShapesDevice } from "../../backends/shapes.js";
import { BackendError } from "../../errors.js";
import { availableBytes } from "../../free-memory.js";
import { createModel } from "../../models/create.js";
import type { HfConfig } from "../../models/hf-config.js";
import type { LanguageModel } from "../../models/language-model.js";
import { loadStored, shapesOf, storedProblems, type WeightSource } from "../../models/stored-weights.js";
import { refuseProblems } from "../../models/weights.js";
import { type StepRows, stepBatch } from "../../nn/batch.js";
import type { AdapterSpec } from "../../nn/lora.js";
import { pagedBytesPerToken } from "../../nn/paged-cache.js";
import { useOf } from "../../nn/parameter-spec.js";
import type { ParameterSet } from "../../nn/parameters.js";
import { formatMemory } from "../../number-text.js";
import { type Device, defaultDevice } from "../../tensor/device.js";
import { type ComputeType, type DType, storageBytes } from "../../tensor/dtype.js";
import { alias, scope } from "../../tensor/engine.js";
import { BLOCK_TOKENS } from "../../tensor/ops/paged-layout.js";
import { numElements } from "../../tensor/tensor.js";
import type { CacheOptions } from "../runtime/paged-runner.js";

/** What a model is opened for. */
export interface InferenceUse extends CacheOptions {
  /** Type of activations. */
  readonly compute: ComputeType;
  /** Longest sequence it will see. */
  readonly context: number;
  /** Sequences that run at once at most. */
  readonly sequences: number;
  /** New tokens of the largest step. */
  readonly stepTokens: number;
}

/** Memory of a model in use, in bytes. */
export interface InferencePlan {
  /** Weights by the type they are held in, packed where that pays. */
  readonly weightsByType: Readonly<Record<string, number>>;
  readonly weights: number;
  /**
   * Rows only looked up in a mapped file: they take memory as they are touched, and give it back when others need it.
   */
  readonly mapped: number;
  readonly cachePerToken: number;
  readonly cache: number;
  /** The largest step's. */
  readonly activations: number;
  readonly total: number;
}

/** Rows of a step whose logits are wanted, as is planned for at least: one of every sequence, and those of drafts. */
const LOGIT_ROWS = 64;
/** Memory of the program besides tensors: Node, code, data, buffers of the kernels' threads. */
const PROGRAM_BYTES = 120 * 2 ** 20;

/**
 * Plans a model on `device` whose stored tensors are `source`'s, mapped or not. Throws CheckpointError listing all that
 * does not fit the configuration.
 */
export async function planInference(
  config: HfConfig,
  source: WeightSource,
  use: InferenceUse,
  isMapped: boolean,
  device: Device = defaultDevice(),
  adapters: readonly AdapterSpec[] = [],
): Promise<InferencePlan> {
  const { packer } = device.backend;
  const packedBytes = (dtype: DType, shape: readonly number[]) =>
    packer?.accepts({ dtype, shape }) ? packer.packedBytes({ dtype, shape }) : storageBytes(dtype, numElements(shape));
  const model = createModel(config, {
    compute: use.compute,
    seed: null,
    trains: "none",
    device: createShapesDevice(device),
    context: use.context,
    adapters,
  });
  refuseProblems(storedProblems(model.parameters, source));
  const { byType, mapped } = weightBytes(model.parameters, source, use.compute, packedBytes, isMapped);
  for (const { parameters } of model.parameters.adapters.all) {
    const { values, copies } = parameters.memory();
    byType.adapter = (byType.adapter ?? 0) + values + copies;
  }
  const activations = await stepBytes(model, source, use);
  const weights = Object.values(byType).reduce((a, b) => a + b, 0);
  const cachePerToken = pagedBytesPerToken(model.pagedShapes(use.cacheKind, use.usesDrafts), use.cacheType);
  const cache = cachePerToken * Math.ceil(use.cacheTokens / BLOCK_TOKENS) * BLOCK_TOKENS;
  return {
    weightsByType: byType,
    weights,
    mapped,
    cachePerToken,
    cache,
    activations,
    total: PROGRAM_BYTES + weights + cache + activations,
  };
}

/** Bytes that several models in one process need: the program counts once. */
export const sharedBytes = (plans: readonly Pick<InferencePlan, "total">[]): number =>
  PROGRAM_BYTES + plans.reduce((sum, { total }) => sum + total - PROGRAM_BYTES, 0);

function weightBytes(
  parameters: ParameterSet,
  source: WeightSource,
  compute: ComputeType,
  packedBytes: (dtype: DType, shape: readonly number[]) => number,
  isMapped: boolean,
): { byType: Record<string, number>; mapped: number } {
  const byType: Record<string, number> = {};
  let mapped = 0;
  for (const { spec, part } of parameters.storedParts()) {
    const use = useOf(spec);
    const stored = source.info(part.name)?.dtype as DType;
    const type = use === "f32" ? "f32" : use === "numbers" ? compute : stored;
    const bytes = use === "products" ? packedBytes(type, part.shape) : storageBytes(type, numElements(part.shape));
    if (use === "rows" && isMapped) mapped += bytes;
    else byType[type] = (byType[type] ?? 0) + bytes;
  }
  return { byType, mapped };
}

/** What a step of prompt tokens takes besides weights and cache. */
async function stepBytes(model: LanguageModel, source: WeightSource, use: InferenceUse): Promise<number> {
  const { device } = model;
  await loadStored(model.parameters, shapesOf(source, device));
  const cache = model.createPagedCache({
    numBlocks: Math.ceil(use.stepTokens / BLOCK_TOKENS),
    kind: use.cacheKind,
    dtype: use.cacheType,
  });
  const before = device.memory().liveBytes;
  scope(() => {
    const prompt = onePrompt(use.stepTokens);
    const isMixed = model.parameters.adapters.all.length > 0 && use.stepTokens > 1;
    const hidden = model.step(stepBatch(isMixed ? ofTwoAdapters(prompt) : prompt, device), cache);
    const rows = Math.min(use.stepTokens, Math.max(LOGIT_ROWS, use.sequences));
    return model.logits(alias(hidden, [rows, hidden.shape[1]]));
  });
  return device.memory().peakLiveBytes - before;
}

/** The prompt as two, of two adapters, or of one and of none: parts of products then lie beside the whole. */
function ofTwoAdapters(prompt: StepRows): StepRows {
  const { blockTables, contextLengths } = prompt;
  const half = Math.ceil(contextLengths[0] / 2);
  return {
    ...prompt,
    blockTables: Int32Array.of(...blockTables, ...blockTables),
    cuQueries: Int32Array.of(0, half, contextLengths[0]),
    contextLengths: Int32Array.of(half, contextLengths[0] - half),
    numPrefill: 2,
    adapters: Int32Array.of(0, 1),
  };
}

/** One prompt of `n` tokens in blocks of its own. */
function onePrompt(n: number): StepRows {
  const range = Int32Array.from({ length: n }, (_, i) => i);
  const maxBlocks = Math.ceil(n / BLOCK_TOKENS);
  return {
    ids: new Int32Array(n),
    positions: range,
    blockIds: range.map((i) => Math.floor(i / BLOCK_TOKENS)),
    blockOffsets: range.map((i) => i % BLOCK_TOKENS),
    blockTables: range.slice(0, maxBlocks),
    maxBlocks,
    cuQueries: Int32Array.of(0, n),
    contextLengths: Int32Array.of(n),
    numPrefill: 1,
  };
}

/** Throws BackendError with the figures when a plan will not fit into `available` bytes. */
export function refuseUnlessFits(what: string, plan: InferencePlan, available = availableBytes()): void {
  if (plan.total <= available) return;
  const mend =
    plan.cache > plan.weights ? "ask for a shorter context" : "use a smaller model, or one stored in fewer bits";
  throw new BackendError(
    `not enough memory: ${what} needs about ${formatMemory(plan.total)}, but only ` +
      `${formatMemory(available)} is free (${describePlan(plan)}); ${mend}`,
  );
}

/** The parts of a plan in words. */
export function describePlan({ weightsByType, mapped, cache, cachePerToken, activations }: InferencePlan): string {
  const weights = Object.entries(weightsByType).map(([type, bytes]) => `${formatMemory(bytes)} ${type}`);
  const inFile = mapped > 0 ? `, ${formatMemory(mapped)} left in the file` : "";
  const tokens = Math.round(cache / cachePerToken).toLocaleString("en-US");
  return (
    `weights ${weights.join(" + ")}${inFile}; cache ${formatMemory(cache)} for ${tokens} tokens; ` +
    `activations ${formatMemory(activations)}`
  );
}
