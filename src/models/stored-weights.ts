// Fills a model from stored tensors: what trains as f32 numbers, frozen weights in the types they are stored in, packed
// for products. Knows no file format.
import { assert } from "../errors.js";
import { type ParameterSpec, partsOf, type StoredPart, useOf } from "../nn/parameter-spec.js";
import type { ParameterSet } from "../nn/parameters.js";
import { PlainWeight } from "../nn/plain-weight.js";
import { disposeSegment, StoredWeight } from "../nn/stored-weight.js";
import type { StoredSegment } from "../nn/weight.js";
import type { Device } from "../tensor/device.js";
import { type DType, isBlockType } from "../tensor/dtype.js";
import { alias, copyBytes, dispatch, empty, keep, scope, tensor } from "../tensor/engine.js";
import { castOp } from "../tensor/ops/elementwise.js";
import { storedRows } from "../tensor/ops/stored.js";
import { canPack, emptyForParts, packInto, packStored } from "../tensor/packing.js";
import type { Tensor } from "../tensor/tensor.js";
import { refuseProblems, shapeProblem, type TensorProblem, unexpectedTensors } from "./weights.js";

/** Stored tensors by their Hugging Face names, row after row in their storage types. */
export interface WeightSource {
  readonly names: Iterable<string>;
  /** Type and shape; the type may be one that no weight can have. Undefined for a name that is not there. */
  info(name: string): { readonly dtype: string; readonly shape: readonly number[] } | undefined;
  /**
   * The tensor, the caller's to dispose; only read. One that is kept as it is should hold no more memory than its own.
   */
  open(name: string, isKept?: boolean): Promise<Tensor>;
  /** What was read so far of what was opened under this name has been copied: its memory may go. */
  done(name: string): void;
}

/** The tensors of `source` on a device of shapes: nothing is read. */
export const shapesOf = (source: WeightSource, device: Device): WeightSource => ({
  ...source,
  open: async (name) => {
    const { dtype, shape } = source.info(name) as { dtype: DType; shape: readonly number[] };
    return keep(empty(shape, dtype, device));
  },
  done: () => {},
});

/** Side of the blocks that share a scale in FP8 checkpoints. */
const SCALE_BLOCK = 128;
/** Numbers packed at once from a mapped file. */
const SLICE_NUMBERS = 1 << 25;
const PLAIN_TYPES: readonly string[] = ["f32", "bf16", "f16"];
const isWeightType = (dtype: string): boolean => PLAIN_TYPES.includes(dtype) || isBlockType(dtype as DType);
const scaleName = (name: string): string => `${name}_scale_inv`;
const scaleShape = (shape: readonly number[]): number[] => shape.map((n) => Math.ceil(n / SCALE_BLOCK));

/** What does not fit between a model and its stored tensors: everything at once. */
export function storedProblems(parameters: ParameterSet, source: WeightSource): TensorProblem[] {
  const parts = parameters.storedParts();
  // transformers writes the shared experts of a model that has none.
  const isEmpty = (name: string) => source.info(name)?.shape.includes(0) ?? false;
  const isScaled = (name: string) => source.info(name)?.dtype === "e4m3";
  const known = new Set(parts.flatMap(({ part: { name } }) => (isScaled(name) ? [name, scaleName(name)] : [name])));
  const ofParts = parts.flatMap(({ part }) => partProblems(part, source));
  const ofExperts = parameters.specs
    .filter((spec) => spec.shape.length === 3)
    .flatMap((spec) => expertProblems(spec, source));
  const names = [...source.names].filter((name) => !isEmpty(name) && !parameters.isElsewhere(name));
  return [...ofParts, ...ofExperts, ...unexpectedTensors(names, known)];
}

function partProblems({ name, shape }: StoredPart, source: WeightSource): TensorProblem[] {
  const info = source.info(name);
  if (!info) return [{ kind: "missing", tensor: `${name} [${shape}]` }];
  if (info.shape.join() !== shape.join()) return [shapeProblem(name, info.shape, shape)];
  if (!isWeightType(info.dtype)) return [{ kind: `stored as ${info.dtype}, which is not a weight type`, tensor: name }];
  if (info.dtype !== "e4m3") return [];
  const scales = source.info(scaleName(name));
  if (!scales)
    return [{ kind: "missing", tensor: `${scaleName(name)} [${scaleShape(shape)}] (the scales of ${name})` }];
  const isFit = scales.dtype === "f32" && scales.shape.join() === scaleShape(shape).join();
  return isFit
    ? []
    : [{ kind: `${scales.dtype} [${scales.shape}], expected f32 [${scaleShape(shape)}]`, tensor: scaleName(name) }];
}

/** The experts of a layer are one tensor here: they must be of one type. */
function expertProblems(spec: ParameterSpec, source: WeightSource): TensorProblem[] {
  return columnsOf(spec).flatMap((column) => {
    const types = new Set(column.map(({ name }) => source.info(name)?.dtype).filter((dtype) => dtype !== undefined));
    return types.size > 1
      ? [
          {
            kind: `stored as ${[...types].join(" and ")}, expected one type for all experts of a layer`,
            tensor: column[0].name,
          },
        ]
      : [];
  });
}

/**
 * Fills every weight of a model in its form. Throws CheckpointError listing all that is missing, misshapen, of a wrong
 * type or unexpected.
 */
export async function loadStored(
  parameters: ParameterSet,
  source: WeightSource,
  onLoaded: (spec: ParameterSpec) => void | Promise<void> = () => {},
): Promise<void> {
  refuseProblems(storedProblems(parameters, source));
  for (const spec of parameters.specs) {
    await fill(parameters, spec, source);
    for (const { name } of partsOf(spec)) source.done(name);
    await onLoaded(spec);
  }
}

/** A parameter being filled: its segments so far, which are freed when the rest cannot be read. */
interface Filling {
  readonly source: WeightSource;
  readonly device: Device;
  readonly segments: StoredSegment[];
}

/** The parts of each expert; of a matrix one list. */
type Experts = readonly (readonly StoredPart[])[];

async function fill(parameters: ParameterSet, spec: ParameterSpec, source: WeightSource): Promise<void> {
  const weight = parameters.get(spec.name);
  if (weight instanceof PlainWeight) return decode(parameters, spec, weight, source);
  assert(weight instanceof StoredWeight, () => `${spec.name}: a form that stored tensors do not fill`);
  const filling: Filling = { source, device: parameters.device, segments: [] };
  try {
    if (spec.shape.length === 3) await addExpertSegments(filling, spec);
    else await addMatrixSegments(filling, spec, useOf(spec) === "products");
  } catch (error) {
    filling.segments.forEach(disposeSegment);
    throw error;
  }
  weight.store(filling.segments);
}

/** Decodes stored parts into the weight's own memory. */
async function decode(
  parameters: ParameterSet,
  spec: ParameterSpec,
  weight: PlainWeight,
  source: WeightSource,
): Promise<void> {
  const target = weight.parameter;
  for (const { part, elementOffset } of parameters.storedParts(spec)) {
    await withPart(part.name, source, ({ weights, scales }) => {
      const [rows, width] = part.shape.length === 1 ? [1, part.shape[0]] : part.shape;
      const range = Int32Array.from({ length: rows }, (_, i) => i);
      const numbers = storedRows(alias(weights, [rows, width]), tensor(range, [rows], "i32", target.device), scales);
      dispatch(castOp, [numbers], { dtype: target.dtype }, [alias(target, [rows, width], elementOffset)]);
    });
  }
  weight.refreshCopy();
}

/** Opens a part, lets `use` read it within a scope, and frees it. */
async function withPart(name: string, source: WeightSource, use: (part: StoredSegment) => void): Promise<void> {
  const part = await openPart(name, source);
  try {
    scope(() => use(part));
  } finally {
    disposeSegment(part);
  }
}

async function openPart(name: string, source: WeightSource, isKept = false): Promise<StoredSegment> {
  const weights = await source.open(name, isKept);
  if (weights.dtype !== "e4m3") return { weights, scales: null };
  try {
    return { weights, scales: await source.open(scaleName(name)) };
  } catch (error) {
    weights.dispose();
    throw error;
  }
}

/** Neighbouring parts of one type become one segment. */
async function addMatrixSegments(
  { source, device, segments }: Filling,
  spec: ParameterSpec,
  isPacked: boolean,
): Promise<void> {
  for (const group of groupsOf(partsOf(spec), source)) {
    if (group.length === 1 && !isPacked) segments.push(await openPart(group[0].name, source, true));
    else await addSegment({ source, device, segments }, [group], [rowsOf(group), spec.shape[1]]);
  }
}

/**
 * The parts of each expert (one list for a matrix) as one segment: packed where the device has a layout for them, else
 * as they are.
 */
async function addSegment(filling: Filling, experts: Experts, shape: readonly number[]): Promise<void> {
  if (!(await packParts(filling, experts, shape))) await stackParts(filling, experts, shape);
}

const rowsOf = (parts: readonly StoredPart[]): number => parts.reduce((n, { shape }) => n + shape[0], 0);
const typeOf = ({ name }: StoredPart, source: WeightSource): DType => source.info(name)?.dtype as DType;

/** Runs of parts of one type. FP8 parts are joined only where their blocks of scales meet. */
function groupsOf(parts: readonly StoredPart[], source: WeightSource): StoredPart[][] {
  const groups: StoredPart[][] = [];
  for (const part of parts) {
    const last = groups.at(-1);
    const joins =
      last &&
      typeOf(last[0], source) === typeOf(part, source) &&
      (typeOf(part, source) !== "e4m3" || rowsOf(last) % SCALE_BLOCK === 0);
    if (joins) last.push(part);
    else groups.push([part]);
  }
  return groups;
}

/** Packs the parts straight from where they are stored; false where the device has no layout for that. */
async function packParts(
  { source, device, segments }: Filling,
  experts: Experts,
  shape: readonly number[],
): Promise<boolean> {
  const rowsOfParts = experts[0].map((part) => part.shape[0]);
  const whole = emptyForParts(shape, typeOf(experts[0][0], source), rowsOfParts, device);
  if (!whole) return false;
  segments.push({ weights: keep(whole), scales: null });
  for (const [e, parts] of experts.entries()) {
    let row = 0;
    for (const part of parts) {
      await withPart(part.name, source, ({ weights, scales }) =>
        packSlices(weights, scales, whole, row, e, () => source.done(part.name)),
      );
      row += part.shape[0];
    }
  }
  return true;
}

/** Packs a part slice by slice, telling of each: of the largest matrix too, little stands in memory twice. */
function packSlices(
  weights: Tensor,
  scales: Tensor | null,
  whole: Tensor,
  row: number,
  expert: number,
  onPacked: () => void,
): void {
  const [rows, width] = weights.shape;
  const perSlice = Math.max(1, Math.floor(SLICE_NUMBERS / (width * SCALE_BLOCK))) * SCALE_BLOCK;
  for (let at = 0; at < rows; at += perSlice) {
    scope(() => {
      const count = Math.min(perSlice, rows - at);
      const part = alias(weights, [count, width], at * width);
      const partScales = scales && alias(scales, scaleShape([count, width]), (at / SCALE_BLOCK) * scales.shape[1]);
      packInto(part, partScales, whole, row + at, expert);
    });
    onPacked();
  }
}

/** The parts one after another in fresh memory, then packed where the device has a layout for the whole. */
async function stackParts(
  { source, device, segments }: Filling,
  experts: Experts,
  shape: readonly number[],
): Promise<void> {
  const [[first]] = experts;
  const dtype = typeOf(first, source);
  if (shape.length === 2 && experts[0].length === 1) {
    segments.push(await openPart(first.name, source, !canPack({ shape, dtype }, device)));
    return packLast(segments);
  }
  const weights = keep(empty(shape, dtype, device));
  const scales =
    dtype === "e4m3" ? keep(empty([...shape.slice(0, -2), ...scaleShape(shape.slice(-2))], "f32", device)) : null;
  segments.push({ weights, scales });
  let [at, scaleAt] = [0, 0];
  for (const { name } of experts.flat()) {
    await withPart(name, source, (part) => {
      copyBytes(part.weights, weights, at);
      at += part.weights.sizeBytes;
      if (!scales || !part.scales) return;
      copyBytes(part.scales, scales, scaleAt);
      scaleAt += part.scales.sizeBytes;
    });
  }
  packLast(segments);
}

/** Puts a packed copy in the place of the last segment where the device has a layout that pays. */
function packLast(segments: StoredSegment[]): void {
  const last = segments[segments.length - 1];
  const copy = packStored(last.weights, last.scales);
  if (!copy) return;
  segments[segments.length - 1] = { weights: keep(copy), scales: null };
  disposeSegment(last);
}

/** The parts at each place within an expert, over the experts: [gates, ups] or [downs]. */
function columnsOf(spec: ParameterSpec): StoredPart[][] {
  const parts = partsOf(spec);
  const perExpert = parts.length / spec.shape[0];
  return Array.from({ length: perExpert }, (_, c) => parts.filter((_part, i) => i % perExpert === c));
}

/** One segment [E,N,K] where gate and up have one type, else one of each. */
async function addExpertSegments(filling: Filling, spec: ParameterSpec): Promise<void> {
  const columns = columnsOf(spec);
  const [experts, , width] = spec.shape;
  const each = Array.from({ length: experts }, (_, e) => columns.map((column) => column[e]));
  const runs = groupsOf(each[0], filling.source).map((group) => ({
    first: each[0].indexOf(group[0]),
    count: group.length,
  }));
  for (const { first, count } of runs) {
    const parts = each.map((ofExpert) => ofExpert.slice(first, first + count));
    await addSegment(filling, parts, [experts, rowsOf(parts[0]), width]);
  }
}
