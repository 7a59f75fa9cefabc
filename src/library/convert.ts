// A model from one file format and storage type to another, as a single call. Knows no terminal.
import { existsSync } from "node:fs";
import { type ConvertedTensor, convertToGguf, convertToHuggingFace } from "../checkpoint/convert-model.js";
import { TARGET_TYPES, type TargetType } from "../checkpoint/weight-encoder.js";
import { ConfigError, didYouMean } from "../errors.js";
import { openAdapter, refuseUnfit } from "../inference/opening/adapter-files.js";
import { blockTypes } from "../tensor/dtype.js";
import { encodeOnDevice } from "../tensor/ops/encode.js";
import { type ConvertibleModel, ggufExtras, ggufWarnings, openConvertible } from "./convert-source.js";
import { ensureMachine } from "./machine.js";
import { mergedWeights } from "./merged-weights.js";

/** How a model is converted. */
export interface ConvertOptions {
  /** Default: q8_0 for a .gguf file, bf16 for a directory. */
  readonly type?: TargetType | (string & {});
  /** Where an adapter lies whose pairs are added to the weights. */
  readonly adapter?: string;
  /** Hears of every tensor when it has been written; what it throws ends the conversion. */
  readonly onTensor?: (tensor: ConvertedTensor, done: number, total: number) => void;
  /**
   * Hears of what could not be taken over, such as a tokenizer that cannot be read, and of what llama.cpp computes
   * otherwise from the file.
   */
  readonly warn?: (line: string) => void;
}

/** What was written. */
export interface Conversion {
  readonly type: TargetType;
  readonly tensors: readonly ConvertedTensor[];
}

/**
 * Converts the run, directory or GGUF file at `from` to `to`: a file where that ends in .gguf, else a directory in
 * Hugging Face's layout. Nothing is left behind when it fails. Throws ConfigError when `to` is there already,
 * CheckpointError naming what cannot be converted.
 */
export async function convertModel(
  from: string,
  to: string,
  { onTensor, warn, ...options }: ConvertOptions = {},
): Promise<Conversion> {
  const isGguf = to.endsWith(".gguf");
  const type = targetType(options.type ?? (isGguf ? "q8_0" : "bf16"));
  if (existsSync(to)) throw new ConfigError(`${to} already exists; remove it or choose another name`);
  const model = await openMerged(from, options.adapter);
  const tensors: ConvertedTensor[] = [];
  try {
    if (model.warning) warn?.(model.warning);
    await ensureMachine();
    const listen = (tensor: ConvertedTensor, done: number, total: number) => {
      tensors.push(tensor);
      onTensor?.(tensor, done, total);
    };
    const how = { onTensor: listen, encode: encodeOnDevice };
    if (isGguf) {
      const extras = ggufExtras(model);
      for (const line of ggufWarnings(model, extras)) warn?.(line);
      await convertToGguf(to, model, type, extras, how);
    } else await convertToHuggingFace(to, model, type, model, how);
  } finally {
    await model.close();
  }
  return { type, tensors };
}

/** The model at `path`, with an adapter in its weights where one is named. */
async function openMerged(path: string, adapter: string | undefined): Promise<ConvertibleModel> {
  if (adapter === undefined) return openConvertible(path);
  const opened = await openAdapter(adapter);
  let model: ConvertibleModel | undefined;
  try {
    model = await openConvertible(path);
    refuseUnfit(model.config, opened);
    const { close } = model;
    return { ...model, weights: mergedWeights(model.weights, opened), close: () => opened.close().then(close) };
  } catch (error) {
    await model?.close();
    await opened.close();
    throw error;
  }
}

/** The type of that name. Throws ConfigError for one that is not written. */
function targetType(name: string): TargetType {
  const lower = name.toLowerCase();
  const found = TARGET_TYPES.find((type) => type === lower);
  if (found) return found;
  const known = `choose ${TARGET_TYPES.join(", ")}`;
  if ((blockTypes as readonly string[]).includes(lower))
    throw new ConfigError(`type ${name}: this type can be read but not written; ${known}`);
  throw new ConfigError(`unknown type ${name}${didYouMean(lower, TARGET_TYPES)}; ${known}`);
}
