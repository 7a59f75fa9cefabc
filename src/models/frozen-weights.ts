// Fills a model opened for inference: every weight in the type it is stored in, packed for products. Knows no file format.
import { frozenForm, type ParameterSet, type ParameterSpec, partsOf, type StoredPart } from "../nn/parameters.js";
import { type DType, isBlockType } from "../tensor/dtype.js";
import { alias, copyBytes, dispatch, empty, keep, scope, scopeAsync, tensor } from "../tensor/engine.js";
import { castOp } from "../tensor/ops/elementwise.js";
import { storedRows } from "../tensor/ops/stored.js";
import { canPack, emptyForParts, packInto, packStored } from "../tensor/packing.js";
import type { StoredSegment } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { refuseProblems, unexpectedNames } from "./weights.js";

/** Stored tensors by their Hugging Face names, row after row in their storage types. */
export interface WeightSource {
  readonly names: Iterable<string>;
  /** Type and shape; the type may be one that no weight can have. Undefined for a name that is not there. */
  info(name: string): { readonly dtype: string; readonly shape: readonly number[] } | undefined;
  /** The tensor, owned by the current scope; only read. One that is kept as it is should hold no more memory than its own. */
  open(name: string, isKept?: boolean): Promise<Tensor>;
  /** What was read so far of what was opened under this name has been copied: its memory may go. */
  done(name: string): void;
}

/** Side of the blocks that share a scale in FP8 checkpoints. */
const SCALE_BLOCK = 128;
/** Numbers packed at once from a mapped file. */
const SLICE_NUMBERS = 1 << 25;
const PLAIN_TYPES: readonly string[] = ["f32", "bf16", "f16"];
const isWeightType = (dtype: string): boolean => PLAIN_TYPES.includes(dtype) || isBlockType(dtype as DType);
const scaleName = (name: string): string => `${name}_scale_inv`;
const scaleShape = (shape: readonly number[]): number[] => shape.map((n) => Math.ceil(n / SCALE_BLOCK));

/** What does not fit between a model and its stored tensors: everything at once, in words. */
export function frozenProblems(parameters: ParameterSet, source: WeightSource): string[] {
  const parts = parameters.storedParts();
  const isScaled = (name: string) => source.info(name)?.dtype === "e4m3";
  const known = new Set(parts.flatMap(({ part: { name } }) => (isScaled(name) ? [name, scaleName(name)] : [name])));
  const ofParts = parts.flatMap(({ part }) => partProblems(part, source));
  const ofExperts = parameters.specs.filter((spec) => spec.shape.length === 3).flatMap((spec) => expertProblems(spec, source));
  return [...ofParts, ...ofExperts, ...unexpectedNames(source.names, known).map((name) => `unexpected ${name}`)];
}

function partProblems({ name, shape }: StoredPart, source: WeightSource): string[] {
  const info = source.info(name);
  if (!info) return [`missing ${name} [${shape}]`];
  if (info.shape.join() !== shape.join()) return [`${name} is [${info.shape}], expected [${shape}]`];
  if (!isWeightType(info.dtype)) return [`${name} is stored as ${info.dtype}, which is no type of weights`];
  if (info.dtype !== "e4m3") return [];
  const scales = source.info(scaleName(name));
  if (!scales) return [`missing ${scaleName(name)} [${scaleShape(shape)}], the scales of ${name}`];
  const isFit = scales.dtype === "f32" && scales.shape.join() === scaleShape(shape).join();
  return isFit ? [] : [`${scaleName(name)} is ${scales.dtype} [${scales.shape}], expected f32 [${scaleShape(shape)}]`];
}

/** The experts of a layer are one tensor here: they must be of one type. */
function expertProblems(spec: ParameterSpec, source: WeightSource): string[] {
  return columnsOf(spec).flatMap((column) => {
    const types = new Set(column.map(({ name }) => source.info(name)?.dtype).filter((dtype) => dtype !== undefined));
    return types.size > 1 ? [`the experts of ${column[0].name} are stored as ${[...types].join(" and ")}, expected one type`] : [];
  });
}

/** Fills every parameter of a frozen model. Throws CheckpointError listing all that is missing, misshapen, of a wrong type or unexpected. */
export async function loadFrozen(
  parameters: ParameterSet,
  source: WeightSource,
  onLoaded: (spec: ParameterSpec) => void | Promise<void> = () => {},
): Promise<void> {
  refuseProblems(frozenProblems(parameters, source));
  for (const spec of parameters.specs) {
    await scopeAsync(() => fill(parameters, spec, source));
    for (const { name } of partsOf(spec)) source.done(name);
    await onLoaded(spec);
  }
}

async function fill(parameters: ParameterSet, spec: ParameterSpec, source: WeightSource): Promise<void> {
  const form = frozenForm(spec);
  if (form === "f32" || form === "compute") return decode(parameters, spec, source);
  const segments = spec.shape.length === 3 ? await expertSegments(spec, source) : await matrixSegments(spec, source, form === "packed");
  parameters.get(spec.name).store(keep(segments));
}

/** Decodes stored parts into the parameter's own memory. */
async function decode(parameters: ParameterSet, spec: ParameterSpec, source: WeightSource): Promise<void> {
  const target = parameters.get(spec.name);
  for (const { part, elementOffset } of parameters.storedParts(spec)) {
    await scopeAsync(async () => {
      const { weights, scales } = await openPart(part.name, source);
      const [rows, width] = part.shape.length === 1 ? [1, part.shape[0]] : part.shape;
      const ids = tensor(
        Int32Array.from({ length: rows }, (_, i) => i),
        [rows],
        "i32",
      );
      const numbers = storedRows(alias(weights, [rows, width]), ids, scales);
      dispatch(castOp, [numbers], { dtype: target.dtype }, [alias(target, [rows, width], elementOffset)]);
    });
  }
}

async function openPart(name: string, source: WeightSource, isKept = false): Promise<StoredSegment> {
  const weights = await source.open(name, isKept);
  return { weights, scales: weights.dtype === "e4m3" ? await source.open(scaleName(name)) : null };
}

/** Neighbouring parts of one type become one segment. */
async function matrixSegments(spec: ParameterSpec, source: WeightSource, isPacked: boolean): Promise<StoredSegment[]> {
  const segments: StoredSegment[] = [];
  for (const group of groupsOf(partsOf(spec), source)) {
    const shape = [rowsOf(group), spec.shape[1]];
    if (group.length === 1 && !isPacked) segments.push(await openPart(group[0].name, source, true));
    else segments.push((await packParts([group], source, shape)) ?? (await stackParts([group], source, shape)));
  }
  return segments;
}

const rowsOf = (parts: readonly StoredPart[]): number => parts.reduce((n, { shape }) => n + shape[0], 0);
const typeOf = ({ name }: StoredPart, source: WeightSource): DType => source.info(name)?.dtype as DType;

/** Runs of parts of one type. FP8 parts are joined only where their blocks of scales meet. */
function groupsOf(parts: readonly StoredPart[], source: WeightSource): StoredPart[][] {
  const groups: StoredPart[][] = [];
  for (const part of parts) {
    const last = groups.at(-1);
    const joins = last && typeOf(last[0], source) === typeOf(part, source) && (typeOf(part, source) !== "e4m3" || rowsOf(last) % SCALE_BLOCK === 0);
    if (joins) last.push(part);
    else groups.push([part]);
  }
  return groups;
}

/** Packs the parts of each expert (one list for a matrix) straight from where they are stored; null where the device has no layout for that. */
async function packParts(experts: readonly (readonly StoredPart[])[], source: WeightSource, shape: readonly number[]): Promise<StoredSegment | null> {
  const whole = emptyForParts(
    shape,
    typeOf(experts[0][0], source),
    experts[0].map((part) => part.shape[0]),
  );
  if (!whole) return null;
  for (const [e, parts] of experts.entries()) {
    let row = 0;
    for (const part of parts) {
      await scopeAsync(async () => {
        const { weights, scales } = await openPart(part.name, source);
        packSlices(weights, scales, whole, row, e, () => source.done(part.name));
      });
      row += part.shape[0];
    }
  }
  return { weights: whole, scales: null };
}

/** Packs a part slice by slice, telling of each: of the largest matrix too, little stands in memory twice. */
function packSlices(weights: Tensor, scales: Tensor | null, whole: Tensor, row: number, expert: number, onPacked: () => void): void {
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

/** The parts of each expert (one list for a matrix) one after another in fresh memory, then packed where the device has a layout for the whole. */
async function stackParts(experts: readonly (readonly StoredPart[])[], source: WeightSource, shape: readonly number[]): Promise<StoredSegment> {
  const [[first]] = experts;
  const dtype = typeOf(first, source);
  if (shape.length === 2 && experts[0].length === 1) return packed(await openPart(first.name, source, !canPack({ shape, dtype })));
  const weights = empty(shape, dtype);
  const scales = weights.dtype === "e4m3" ? empty([...shape.slice(0, -2), ...scaleShape(shape.slice(-2))], "f32") : null;
  let [at, scaleAt] = [0, 0];
  for (const { name } of experts.flat()) {
    await scopeAsync(async () => {
      const part = await openPart(name, source);
      copyBytes(part.weights, weights, at);
      at += part.weights.sizeBytes;
      if (!scales || !part.scales) return;
      copyBytes(part.scales, scales, scaleAt);
      scaleAt += part.scales.sizeBytes;
    });
  }
  return packed({ weights, scales });
}

/** A packed copy where the device has a layout that pays, else the weights as they are. */
function packed({ weights, scales }: StoredSegment): StoredSegment {
  const copy = packStored(weights, scales);
  return copy ? { weights: copy, scales: null } : { weights, scales };
}

/** The parts at each place within an expert, over the experts: [gates, ups] or [downs]. */
function columnsOf(spec: ParameterSpec): StoredPart[][] {
  const parts = partsOf(spec);
  const perExpert = parts.length / spec.shape[0];
  return Array.from({ length: perExpert }, (_, c) => parts.filter((_part, i) => i % perExpert === c));
}

/** One segment [E,N,K] where gate and up have one type, else one of each. */
async function expertSegments(spec: ParameterSpec, source: WeightSource): Promise<StoredSegment[]> {
  const columns = columnsOf(spec);
  const [experts, , width] = spec.shape;
  const each = Array.from({ length: experts }, (_, e) => columns.map((column) => column[e]));
  const runs = groupsOf(each[0], source).map((group) => ({ first: each[0].indexOf(group[0]), count: group.length }));
  const segments: StoredSegment[] = [];
  for (const { first, count } of runs) {
    const parts = each.map((ofExpert) => ofExpert.slice(first, first + count));
    const shape = [experts, rowsOf(parts[0]), width];
    segments.push((await packParts(parts, source, shape)) ?? (await stackParts(parts, source, shape)));
  }
  return segments;
}
