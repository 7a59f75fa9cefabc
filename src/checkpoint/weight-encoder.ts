// Which type each tensor of a converted model gets, and its numbers in that type with the error made. Knows no files.
import { CheckpointError } from "../errors.js";
import type { TensorRole } from "../models/gguf-table.js";
import { type EncodedType, encodedBlockTypes } from "../tensor/block-encoders.js";
import { fittingType, scaleBlock } from "../tensor/block-formats.js";
import { decodeNumbers, encodeNumbers } from "./numbers.js";

/** Largest magnitude of e4m3. */
const E4M3_MAX = 448;

/** What a model can be converted to. */
export const TARGET_TYPES = ["f32", "f16", "bf16", ...encodedBlockTypes] as const;
/** A type a model can be converted to. */
export type TargetType = EncodedType;

/**
 * The type of one tensor in a model converted to `target`. Norms, biases, routers and RoPE factors stay f32. Embedding
 * and head suffer most, so they keep q8_0 beside matrices of 4 and 5 bits and bf16 beside FP8. Rows that hold no whole
 * blocks fall back as `fittingType` says, else to f16.
 */
export function tensorType(target: TargetType, role: TensorRole, shape: readonly number[]): TargetType {
  if (role !== "matrix" && role !== "embedding" && role !== "head") return "f32";
  const wanted = role === "matrix" ? target : edgeType(target);
  if (wanted === "e4m3") return shape.length === 2 ? "e4m3" : "bf16";
  // What stands in for a type that numbers are encoded into is another such.
  return (fittingType(wanted, shape.at(-1) ?? 1) as TargetType | undefined) ?? "f16";
}

function edgeType(target: TargetType): TargetType {
  if (target === "e4m3") return "bf16";
  return /^q[45]/.test(target) ? "q8_0" : target;
}

/** The error of storing a tensor. */
export interface StorageError {
  /** Root of the sum of squared errors over that of squared values. */
  readonly relativeRms: number;
  /** The largest error, as a share of the tensor's largest magnitude. */
  readonly worst: number;
}

/** Numbers, whole rows of them, as bytes of a storage type: as `encodeNumbers` gives them, perhaps faster. */
export type NumberEncoder = (
  values: Float32Array,
  dtype: Exclude<TargetType, "f32">,
) => Uint8Array | Promise<Uint8Array>;

/** Stores one tensor, part by part, and adds up the error made. */
export class WeightEncoder {
  private squaredError = 0;
  private squares = 0;
  private worst = 0;
  private largest = 0;

  constructor(private readonly encode: NumberEncoder) {}

  /** Rows in their stored type. */
  async rows(values: Float32Array, rowNumbers: number, dtype: TargetType): Promise<Uint8Array> {
    if (dtype === "f32") return encodeNumbers(values, dtype);
    const data = await this.encode(values, dtype);
    this.add(values, decodeNumbers({ dtype, shape: [values.length / rowNumbers, rowNumbers], data }));
    return data;
  }

  /** Rows in e4m3 with the scales of `fp8Scales`. */
  async fp8Rows(values: Float32Array, rowNumbers: number): Promise<Uint8Array> {
    const scales = fp8Scales(values, rowNumbers);
    const scaled = new Float32Array(values.length);
    eachRun(values.length, rowNumbers, (start, end, square) => {
      for (let i = start; i < end; i++) scaled[i] = values[i] / scales[square];
    });
    const data = await this.encode(scaled, "e4m3");
    const stored = decodeNumbers({ dtype: "e4m3", shape: [values.length / rowNumbers, rowNumbers], data });
    eachRun(values.length, rowNumbers, (start, end, square) => {
      for (let i = start; i < end; i++) stored[i] *= scales[square];
    });
    this.add(values, stored);
    return data;
  }

  error(): StorageError {
    return {
      relativeRms: this.squares > 0 ? Math.sqrt(this.squaredError / this.squares) : 0,
      worst: this.largest > 0 ? this.worst / this.largest : 0,
    };
  }

  private add(exact: Float32Array, stored: Float32Array): void {
    let { squaredError, squares, worst, largest } = this;
    for (let i = 0; i < exact.length; i++) {
      const value = exact[i];
      const error = Math.abs(stored[i] - value);
      const magnitude = Math.abs(value);
      squaredError += error * error;
      squares += value * value;
      if (error > worst) worst = error;
      if (magnitude > largest) largest = magnitude;
    }
    Object.assign(this, { squaredError, squares, worst, largest });
  }
}

/**
 * The scale of each square of 128 rows and columns, row by row of squares, for rows that begin such squares: its
 * largest magnitude over e4m3's.
 */
export function fp8Scales(values: Float32Array, rowNumbers: number): Float32Array {
  const perRow = Math.ceil(rowNumbers / scaleBlock);
  const scales = new Float32Array(Math.ceil(values.length / rowNumbers / scaleBlock) * perRow);
  eachRun(values.length, rowNumbers, (start, end, square) => {
    let largest = scales[square];
    for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(values[i]));
    scales[square] = largest;
  });
  return scales.map((largest) => (largest > 0 ? largest / E4M3_MAX : 1));
}

/** Calls `visit` for every run of numbers that lies in one row and one square. */
function eachRun(
  length: number,
  rowNumbers: number,
  visit: (start: number, end: number, square: number) => void,
): void {
  const perRow = Math.ceil(rowNumbers / scaleBlock);
  for (let rowStart = 0, row = 0; rowStart < length; rowStart += rowNumbers, row++) {
    for (let k = 0, square = Math.floor(row / scaleBlock) * perRow; k < rowNumbers; k += scaleBlock, square++) {
      visit(rowStart + k, rowStart + Math.min(k + scaleBlock, rowNumbers), square);
    }
  }
}

/**
 * Throws CheckpointError when a number is not finite: no block type can hold it, and it would spoil its whole block.
 */
export function checkFinite(name: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new CheckpointError(`tensor ${name} holds ${values[i]}; the weights are damaged or training has diverged`);
  }
}
