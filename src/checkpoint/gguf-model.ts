// A GGUF file as a Hugging Face model: its configuration, and its tensors under Hugging Face names. Knows the two
// layouts, not what is computed.
import { CheckpointError } from "../errors.js";
import type { GgufEntry, HfTensor } from "../models/gguf-table.js";
import { type HfConfig, parseHfConfig } from "../models/hf-config.js";
import { describeProblems, shapeProblem, type TensorProblem } from "../models/weights.js";
import { numElements } from "../tensor/tensor.js";
import { type FileSystem, machineFileSystem } from "./file-system.js";
import { type GgufFile, openGguf } from "./gguf.js";
import { hfConfigOfGguf } from "./gguf-config.js";
import { ggufLayout, ggufRow } from "./gguf-layout.js";
import { ROPE_TENSORS } from "./gguf-rope.js";
import { FLOAT_TYPES, ggufNames, MATRIX_TYPES } from "./gguf-types.js";
import {
  type FilePlacement,
  float32Bytes,
  float32Values,
  type HostTensor,
  type TensorInfo,
  type TensorSource,
} from "./host-tensor.js";
import { decodeNumbers } from "./numbers.js";

/** A model in a GGUF file. Close it after use. */
export interface GgufModel {
  readonly file: GgufFile;
  readonly config: HfConfig;
  /**
   * Under Hugging Face names. Experts are slices of stacked tensors; what GGUF keeps in another order has no placement
   * and is read.
   */
  readonly weights: TensorSource;
  close(): Promise<void>;
}

/** Copies that some files repeat for multi-token prediction; our models share the main model's. */
const SHARED_COPIES = /^blk\.\d+\.nextn\.(embed_tokens|shared_head_head)\.weight$/;

/**
 * Opens the model in a GGUF file (or the first of its parts). Throws CheckpointError for an architecture that is not
 * supported, and one listing every tensor that is missing, misshapen, of a type that cannot be run, or unknown.
 */
export async function openGgufModel(path: string, fs: FileSystem = machineFileSystem): Promise<GgufModel> {
  const file = await openGguf(path, fs);
  try {
    const config = parseHfConfig(hfConfigOfGguf(file, await readDivisors(file)), path);
    const layout = ggufLayout(config, { joinedKvB: file.tensors.has("blk.0.attn_kv_b.weight") });
    checkTensors(file, layout);
    return { file, config, weights: new GgufModelTensors(file, layout), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readDivisors(file: GgufFile): Promise<Map<string, Float32Array>> {
  const divisors = new Map<string, Float32Array>();
  for (const name of ROPE_TENSORS.filter((each) => file.has(each))) {
    const { dtype, shape } = file.info(name);
    if (dtype !== "f32" || shape.length !== 1 || shape[0] > 4096)
      throw new CheckpointError(
        `${file.path}: tensor ${name} is ${dtype} [${shape}], expected f32 [half the head size]; convert the ` +
          "model again",
      );
    divisors.set(name, float32Values(await file.read(name)));
  }
  return divisors;
}

function checkTensors(file: GgufFile, layout: readonly GgufEntry[]): void {
  const problems: TensorProblem[] = [];
  const known = new Set(ROPE_TENSORS);
  for (const { name, shape, role } of layout) {
    known.add(name);
    const tensor = file.tensors.get(name);
    const allowed = role === "matrix" || role === "embedding" || role === "head" ? MATRIX_TYPES : FLOAT_TYPES;
    if (!tensor) problems.push({ kind: "missing", tensor: `${name} [${shape}]` });
    else if (tensor.shape.join() !== shape.join()) problems.push(shapeProblem(name, tensor.shape, shape));
    else if (!allowed.includes(tensor.type.dtype))
      problems.push({ kind: `stored as ${tensor.type.name}, expected ${ggufNames(allowed)}`, tensor: name });
  }
  for (const name of file.names)
    if (!known.has(name) && !SHARED_COPIES.test(name)) problems.push({ kind: "unexpected", tensor: name.slice(0, 80) });
  if (problems.length > 0)
    throw new CheckpointError(`${file.path}: tensors do not fit the model: ${describeProblems(problems)}`);
}

/**
 * Where a Hugging Face tensor comes from: `index` of the sources stacked in `entry`; for kv_b_proj also the entry of
 * its other half.
 */
interface Origin {
  readonly entry: GgufEntry;
  readonly index: number;
  readonly source: HfTensor;
  readonly values?: GgufEntry;
}

class GgufModelTensors implements TensorSource {
  readonly metadata = { format: "gguf" };
  private readonly origins = new Map<string, Origin>();

  constructor(
    private readonly file: GgufFile,
    layout: readonly GgufEntry[],
  ) {
    for (const entry of layout) {
      entry.sources.forEach((source, index) => {
        const other = this.origins.get(source.name);
        this.origins.set(source.name, other ? { ...other, values: entry } : { entry, index, source });
      });
    }
  }

  get names(): readonly string[] {
    return [...this.origins.keys()];
  }

  has(name: string): boolean {
    return this.origins.has(name);
  }

  info(name: string): TensorInfo {
    const { entry, source, values } = this.originOf(name);
    const { shape } = source;
    if (values || entry.offset) return { dtype: "f32", shape, sizeBytes: 4 * numElements(shape) };
    const { dtype, sizeBytes } = this.file.info(entry.name);
    return { dtype, shape, sizeBytes: sizeBytes / entry.sources.length };
  }

  placement(name: string): FilePlacement | null {
    const { entry, values } = this.originOf(name);
    return values || entry.rowOrder || entry.offset ? null : this.slice(name);
  }

  async read(name: string): Promise<HostTensor> {
    const { entry, values, source } = this.originOf(name);
    if (values)
      return joinLatentHalves(await this.file.read(entry.name), await this.file.read(values.name), entry, source.shape);
    if (entry.offset) return shifted(await this.file.read(entry.name), -entry.offset);
    const { path, byteOffset, sizeBytes, dtype, shape } = this.slice(name);
    const data = await this.file.readBytes(path, byteOffset, sizeBytes);
    return { dtype, shape, data: entry.rowOrder ? toHfRows(data, entry) : data };
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private slice(name: string): FilePlacement {
    const { entry, index } = this.originOf(name);
    const { path, byteOffset } = this.file.placement(entry.name);
    const info = this.info(name);
    return { ...info, path, byteOffset: byteOffset + index * info.sizeBytes };
  }

  private originOf(name: string): Origin {
    const origin = this.origins.get(name);
    if (!origin) throw new CheckpointError(`${this.file.path}: has no tensor ${name}`);
    return origin;
  }
}

/** The numbers plus `offset`, in f32. */
const shifted = (tensor: HostTensor, offset: number): HostTensor => ({
  dtype: "f32",
  shape: tensor.shape,
  data: float32Bytes(decodeNumbers(tensor).map((x) => x + offset)),
});

function toHfRows(data: Uint8Array, { shape, rowOrder }: GgufEntry): Uint8Array {
  const rowBytes = data.length / shape[0];
  const ordered = new Uint8Array(data.length);
  for (let row = 0; row < shape[0]; row++) {
    const from = ggufRow(row, shape[0], rowOrder!) * rowBytes;
    ordered.set(data.subarray(from, from + rowBytes), row * rowBytes);
  }
  return ordered;
}

/**
 * kv_b_proj [H·(nope + value), latent] in f32 from the keys' half [H, latent, nope] and the values' [H, value, latent].
 */
function joinLatentHalves(
  keys: HostTensor,
  values: HostTensor,
  { latentSplit }: GgufEntry,
  shape: readonly number[],
): HostTensor {
  const { heads, nope, value } = latentSplit!;
  const latent = shape[1];
  const [k, v] = [decodeNumbers(keys), decodeNumbers(values)];
  const joined = new Float32Array(shape[0] * latent);
  for (let h = 0; h < heads; h++) {
    const base = h * (nope + value) * latent;
    for (let n = 0; n < nope; n++)
      for (let c = 0; c < latent; c++) joined[base + n * latent + c] = k[(h * latent + c) * nope + n];
    joined.set(v.subarray(h * value * latent, (h + 1) * value * latent), base + nope * latent);
  }
  return { dtype: "f32", shape, data: float32Bytes(joined) };
}
