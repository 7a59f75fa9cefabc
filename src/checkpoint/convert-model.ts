// A model from one file format and storage type to another, tensor by tensor, with the error each one suffers. Knows
// both layouts; opens no models.
import { CheckpointError } from "../errors.js";
import { scoresTexts } from "../models/config-fields.js";
import { familyOf } from "../models/families.js";
import type { GgufEntry, HfTensor, TensorRole } from "../models/gguf-table.js";
import { type HfConfig, toHfConfigJson } from "../models/hf-config.js";
import { refuseProblems, shapeProblem, type TensorProblem, unexpectedTensors } from "../models/weights.js";
import { scaleBlock } from "../tensor/block-formats.js";
import { isBlockType } from "../tensor/dtype.js";
import type { FileDigest } from "./file-writer.js";
import { ggufSettingsOf } from "./gguf-config.js";
import { ggufLayout, ggufRow } from "./gguf-layout.js";
import { ropeDivisorsOf } from "./gguf-rope.js";
import { GGUF_FILE_TYPES } from "./gguf-types.js";
import { type GgufSetting, type GgufWritable, writeGguf } from "./gguf-writer.js";
import { float32Bytes, type HostDtype, type TensorSource, type WritableTensor } from "./host-tensor.js";
import { type ModelDirectoryContents, writeModelDirectory } from "./model-directory.js";
import { encodeNumbers, isWeightType } from "./numbers.js";
import { weightNames } from "./stored-values.js";
import type { JsonObject } from "./trainer-state.js";
import {
  checkFinite,
  fp8Scales,
  type NumberEncoder,
  type StorageError,
  type TargetType,
  tensorType,
  WeightEncoder,
} from "./weight-encoder.js";
import { CHUNK_NUMBERS, FP8_SCALES_SUFFIX, WeightReader } from "./weight-reader.js";

/** What is converted. Tensors carry Hugging Face names. */
export interface ConversionSource {
  readonly config: HfConfig;
  readonly weights: TensorSource;
}

/** One converted tensor: how it was and is stored, and the error of the step between. */
export interface ConvertedTensor extends StorageError {
  readonly name: string;
  readonly from: HostDtype;
  readonly to: HostDtype;
  readonly shape: readonly number[];
}

/** Hears of every tensor when it has been written. */
export type ConversionListener = (tensor: ConvertedTensor, done: number, total: number) => void;

/** How a conversion is done. */
export interface ConversionOptions {
  readonly onTensor?: ConversionListener;
  /** Does the work; default: this thread, in TypeScript. */
  readonly encode?: NumberEncoder;
}

/**
 * Writes the model as a GGUF file that llama.cpp reads. `extra`: name, tokenizer and whatever else goes into the
 * metadata.
 */
export async function convertToGguf(
  path: string,
  source: ConversionSource,
  target: TargetType,
  extra: readonly GgufSetting[],
  { onTensor = () => {}, encode = encodeNumbers }: ConversionOptions = {},
): Promise<FileDigest> {
  if (target === "e4m3")
    throw new CheckpointError("GGUF files cannot hold FP8 weights; choose q8_0, or a directory as the destination");
  const { config } = source;
  const layout = ggufLayout(config);
  checkSource(source, layout);
  const settings: GgufSetting[] = [
    ["general.architecture", "string", familyOf(config).gguf.architecture],
    ["general.file_type", "u32", GGUF_FILE_TYPES[target] ?? 0],
    ["general.quantization_version", "u32", 2],
    ...ggufSettingsOf(config),
    ...extra,
  ];
  return withReader(source, (reader) => {
    const tensors = layout.map((entry, i) =>
      ggufTensor(reader, entry, target, encode, (tensor) => onTensor(tensor, i + 1, layout.length)),
    );
    return writeGguf(path, settings, [...tensors, ...ropeTensors(config)]);
  });
}

/**
 * Writes the model as a directory in Hugging Face's layout. `files`: tokenizer and other texts by name. Throws
 * CheckpointError for a GGUF-only type.
 */
export async function convertToHuggingFace(
  directory: string,
  source: ConversionSource,
  target: TargetType,
  { files, generationConfig }: Pick<ModelDirectoryContents, "files" | "generationConfig">,
  { onTensor = () => {}, encode = encodeNumbers }: ConversionOptions = {},
): Promise<void> {
  if (target !== "e4m3" && isBlockType(target)) {
    throw new CheckpointError(
      `a safetensors file cannot hold ${target}; choose bf16, f16, f32 or e4m3, or a .gguf file as the destination`,
    );
  }
  const layout = ggufLayout(source.config);
  checkSource(source, layout);
  await withReader(source, (reader) => {
    const weights = new Map<string, WritableTensor>();
    const tensors = hfTensors(layout);
    let done = 0;
    for (const { tensor, role } of tensors)
      addHfTensor(weights, reader, tensor, hfType(target, role, tensor), encode, (each) =>
        onTensor(each, ++done, tensors.length),
      );
    return writeModelDirectory(directory, {
      config: hfConfig(source.config, target),
      generationConfig,
      files,
      weights,
    });
  });
}

async function withReader<R>({ weights }: ConversionSource, body: (reader: WeightReader) => Promise<R>): Promise<R> {
  const reader = new WeightReader(weights);
  try {
    return await body(reader);
  } finally {
    await reader.close();
  }
}

/**
 * Throws CheckpointError listing every tensor that is missing, misshapen, of a type without floats, or without a place
 * in the model.
 */
function checkSource({ config, weights }: ConversionSource, layout: readonly GgufEntry[]): void {
  if (scoresTexts(config))
    throw new CheckpointError("a reward model cannot be converted: its directory is in the format of transformers");
  const problems: TensorProblem[] = [];
  const known = new Set<string>();
  for (const { tensor } of hfTensors(layout)) {
    const info = weights.has(tensor.name) ? weights.info(tensor.name) : undefined;
    known.add(tensor.name);
    if (info?.dtype === "e4m3") known.add(tensor.name + FP8_SCALES_SUFFIX);
    if (!info) problems.push({ kind: "missing", tensor: `${tensor.name} [${tensor.shape}]` });
    else if (info.shape.join() !== tensor.shape.join())
      problems.push(shapeProblem(tensor.name, info.shape, tensor.shape));
    else if (!isWeightType(info.dtype))
      problems.push({ kind: `stored as ${info.dtype}, which is not a weight type`, tensor: tensor.name });
  }
  problems.push(...unexpectedTensors(weightNames(weights), known));
  refuseProblems(problems);
}

function hfTensors(layout: readonly GgufEntry[]): { tensor: HfTensor; role: TensorRole }[] {
  const byName = new Map(
    layout.flatMap(({ sources, role }) => sources.map((tensor) => [tensor.name, { tensor, role }] as const)),
  );
  return [...byName.values()];
}

function ggufTensor(
  reader: WeightReader,
  entry: GgufEntry,
  target: TargetType,
  encode: NumberEncoder,
  report: (tensor: ConvertedTensor) => void,
): GgufWritable {
  const { name, shape, role, sources } = entry;
  const dtype = tensorType(target, role, shape);
  return {
    name,
    dtype,
    shape,
    async *chunks() {
      const encoder = new WeightEncoder(encode);
      yield* entryChunks(reader, entry, dtype, encoder);
      report({ name, from: reader.info(sources[0].name).dtype, to: dtype, shape, ...encoder.error() });
    },
  };
}

async function* entryChunks(
  reader: WeightReader,
  entry: GgufEntry,
  dtype: TargetType,
  encoder: WeightEncoder,
): AsyncGenerator<Uint8Array> {
  const rowNumbers = entry.shape[entry.shape.length - 1];
  for (const { name } of entry.sources) {
    if (entry.rowOrder || entry.latentSplit || entry.offset) {
      const values = arrange(await reader.whole(name), entry);
      checkFinite(name, values);
      const step = rowNumbers * Math.max(1, Math.floor(CHUNK_NUMBERS / rowNumbers));
      for (let at = 0; at < values.length; at += step)
        yield encoder.rows(values.slice(at, at + step), rowNumbers, dtype);
    } else if (reader.info(name).dtype === dtype) yield* reader.bytes(name);
    else {
      for await (const { values } of reader.rows(name)) {
        checkFinite(name, values);
        yield encoder.rows(values, rowNumbers, dtype);
      }
    }
  }
}

/** The numbers of a Hugging Face tensor as GGUF has them. */
function arrange(values: Float32Array, { shape, rowOrder, latentSplit, offset }: GgufEntry): Float32Array {
  if (offset) return values.map((x) => x + offset);
  const arranged = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  if (rowOrder) {
    const [numRows, width = 1] = shape;
    for (let row = 0; row < numRows; row++)
      arranged.set(values.subarray(row * width, (row + 1) * width), ggufRow(row, numRows, rowOrder) * width);
    return arranged;
  }
  const { half, heads, nope, value } = latentSplit!;
  const latent = half === "keys" ? shape[1] : shape[2];
  for (let h = 0; h < heads; h++) {
    const base = h * (nope + value) * latent;
    if (half === "values")
      arranged.set(values.subarray(base + nope * latent, base + (nope + value) * latent), h * value * latent);
    else
      for (let n = 0; n < nope; n++)
        for (let c = 0; c < latent; c++) arranged[(h * latent + c) * nope + n] = values[base + n * latent + c];
  }
  return arranged;
}

const ropeTensors = (config: HfConfig): GgufWritable[] =>
  [...ropeDivisorsOf(config)].map(([name, divisors]) => ({
    name,
    dtype: "f32",
    shape: [divisors.length],
    chunks: () => [float32Bytes(divisors)],
  }));

/** DeepSeek's FP8 release keeps the projection into prediction layers in bf16. */
const hfType = (target: TargetType, role: TensorRole, { name, shape }: HfTensor): TargetType =>
  target === "e4m3" && name.endsWith(".eh_proj.weight") ? "bf16" : tensorType(target, role, shape);

function addHfTensor(
  weights: Map<string, WritableTensor>,
  reader: WeightReader,
  { name, shape }: HfTensor,
  dtype: TargetType,
  encode: NumberEncoder,
  report: (tensor: ConvertedTensor) => void,
): void {
  const rowNumbers = shape[shape.length - 1];
  const from = reader.info(name).dtype;
  async function* parts(): AsyncGenerator<Uint8Array> {
    const encoder = new WeightEncoder(encode);
    if (from === dtype && dtype !== "e4m3") yield* reader.bytes(name);
    else {
      for await (const { values } of reader.rows(name)) {
        checkFinite(name, values);
        yield dtype === "e4m3" ? encoder.fp8Rows(values, rowNumbers) : encoder.rows(values, rowNumbers, dtype);
      }
    }
    report({ name, from, to: dtype, shape, ...encoder.error() });
  }
  weights.set(name, { dtype, shape, data: parts });
  if (dtype !== "e4m3") return;
  async function* scales(): AsyncGenerator<Uint8Array> {
    for await (const { values } of reader.rows(name)) yield float32Bytes(fp8Scales(values, rowNumbers));
  }
  weights.set(name + FP8_SCALES_SUFFIX, {
    dtype: "f32",
    shape: shape.map((dim) => Math.ceil(dim / scaleBlock)),
    data: scales,
  });
}

const TORCH_TYPES: Partial<Record<TargetType, string>> = {
  f32: "float32",
  f16: "float16",
  bf16: "bfloat16",
  e4m3: "bfloat16",
};

function hfConfig(config: HfConfig, target: TargetType): JsonObject {
  const { quantization_config: _, ...json } = toHfConfigJson(config);
  const fp8 = {
    quant_method: "fp8",
    fmt: "e4m3",
    activation_scheme: "dynamic",
    weight_block_size: [scaleBlock, scaleBlock],
  };
  return {
    ...json,
    torch_dtype: TORCH_TYPES[target],
    ...(target === "e4m3" ? { quantization_config: fp8 } : {}),
  } as JsonObject;
}
