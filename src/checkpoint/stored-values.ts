// Stored weights as the f32 numbers that models are filled with, whatever type the file keeps them in.
import { CheckpointError } from "../errors.js";
import { float32Values, type TensorSource } from "./host-tensor.js";
import { decodeNumbers, isWeightType } from "./numbers.js";
import { FP8_SCALES_SUFFIX, WeightReader } from "./weight-reader.js";

/**
 * The names of weights: those of a source without the scales of its FP8 weights, which belong to them, and without
 * tensors of no numbers.
 */
export const weightNames = (source: TensorSource): string[] =>
  source.names.filter(
    (name) =>
      source.info(name).sizeBytes > 0 &&
      !(name.endsWith(FP8_SCALES_SUFFIX) && isFp8(source, name.slice(0, -FP8_SCALES_SUFFIX.length))),
  );

const isFp8 = (source: TensorSource, name: string): boolean => source.has(name) && source.info(name).dtype === "e4m3";

/**
 * A stored tensor as f32, FP8 with its scales applied, or undefined when the file has none of that name. Throws
 * CheckpointError for a type of no weights.
 */
export async function storedValues(
  source: TensorSource,
  name: string,
): Promise<{ shape: readonly number[]; values: Float32Array } | undefined> {
  if (!source.has(name)) return undefined;
  const { dtype, shape } = source.info(name);
  if (!isWeightType(dtype))
    throw new CheckpointError(
      `tensor ${name} is stored as ${dtype}; only floats and quantised weights can be loaded: convert the file first`,
    );
  if (dtype === "f32") return { shape, values: float32Values(await source.read(name)) };
  if (dtype !== "e4m3") return { shape, values: decodeNumbers(await source.read(name)) };
  const reader = new WeightReader(source);
  try {
    return { shape, values: await reader.whole(name) };
  } finally {
    await reader.close();
  }
}
