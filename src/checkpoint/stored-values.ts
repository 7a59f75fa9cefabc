// Stored weights as the f32 numbers that models are filled with, whatever float type the file keeps them in.
import { CheckpointError } from "../errors.js";
import { decodeBytes } from "../tensor/dtype.js";
import { float32Values, type HostTensor, type TensorSource } from "./host-tensor.js";

/** A stored tensor as f32, or undefined when the file has none of that name. Throws CheckpointError for a type that is no plain float. */
export async function storedValues(source: TensorSource, name: string): Promise<{ shape: readonly number[]; values: Float32Array } | undefined> {
  if (!source.has(name)) return undefined;
  const tensor = await source.read(name);
  return { shape: tensor.shape, values: asFloat32(name, tensor) };
}

function asFloat32(name: string, tensor: HostTensor): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === "f32") return float32Values(tensor);
  if (dtype === "bf16" || dtype === "f16") return decodeBytes(data, dtype) as Float32Array;
  throw new CheckpointError(`tensor ${name} is stored as ${dtype}; only f32, bf16 and f16 weights can be loaded: convert the file first`);
}
