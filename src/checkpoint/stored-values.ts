// Stored weights as the f32 numbers that models are filled with, whatever type the file keeps them in.
import { CheckpointError } from "../errors.js";
import { float32Values, type TensorSource } from "./host-tensor.js";
import { decodeNumbers, isWeightType } from "./numbers.js";
import { WeightReader } from "./weight-reader.js";

/** A stored tensor as f32, FP8 with its scales applied, or undefined when the file has none of that name. Throws CheckpointError for a type of no weights. */
export async function storedValues(source: TensorSource, name: string): Promise<{ shape: readonly number[]; values: Float32Array } | undefined> {
  if (!source.has(name)) return undefined;
  const { dtype, shape } = source.info(name);
  if (!isWeightType(dtype))
    throw new CheckpointError(`tensor ${name} is stored as ${dtype}; only floats and quantised weights can be loaded: convert the file first`);
  if (dtype === "f32") return { shape, values: float32Values(await source.read(name)) };
  if (dtype !== "e4m3") return { shape, values: decodeNumbers(await source.read(name)) };
  const reader = new WeightReader(source);
  try {
    return { shape, values: await reader.whole(name) };
  } finally {
    await reader.close();
  }
}
