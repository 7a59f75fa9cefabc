// `luciole convert`: a model to GGUF or to Hugging Face's layout, in another storage type, with the error of every tensor.
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type ConvertedTensor, convertToGguf, convertToHuggingFace } from "../checkpoint/convert-model.js";
import { formatBytes } from "../checkpoint/file-system.js";
import { TARGET_TYPES, type TargetType } from "../checkpoint/weight-encoder.js";
import { ConfigError, didYouMean } from "../errors.js";
import { formatDuration } from "../run/report-format.js";
import { blockTypes } from "../tensor/dtype.js";
import { encodeOnDevice } from "../tensor/ops/encode.js";
import { ggufExtras, openConvertible } from "./convert-source.js";
import { StoppedBySignal } from "./failure.js";
import { type ComputeFlags, listenForSignals, openForAnswers, shownPath, writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface ConvertFlags extends ComputeFlags {
  readonly type?: string;
}

/** Converts the model at `from` to `to`: a file when that ends in .gguf, else a directory. Nothing is left behind when it fails or is stopped. */
export async function convert(from: string, to: string, flags: ConvertFlags): Promise<void> {
  const isGguf = to.endsWith(".gguf");
  const type = targetType(flags.type ?? (isGguf ? "q8_0" : "bf16"));
  if (existsSync(to)) throw new ConfigError(`${shownPath(to)} is already there; remove it or choose another name`);
  const model = await openConvertible(from);
  if (model.warning) process.stderr.write(`warning: ${model.warning}\n`);
  const stop = listenForSignals(() => {});
  const progress = progressLine(!flags.json && process.stderr.isTTY);
  const tensors: ConvertedTensor[] = [];
  const startedMs = performance.now();
  const onTensor = (tensor: ConvertedTensor, done: number, total: number) => {
    if (stop.signal.aborted) throw new StoppedBySignal("Stopped; nothing was written.", stop.exitCode());
    tensors.push(tensor);
    progress(`${done} of ${total} tensors, ${tensor.name}`);
  };
  try {
    await openForAnswers(flags);
    const options = { onTensor, encode: encodeOnDevice };
    if (isGguf) await convertToGguf(to, model, type, ggufExtras(model), options);
    else await convertToHuggingFace(to, model, type, model, options);
  } finally {
    progress("");
    stop.dispose();
    await model.close();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const { size: bytes } = await stat(isGguf ? to : join(to, "model.safetensors"));
  const result = { from, to, type, seconds, bytes, tensors };
  writeResult(flags.json, result, () => reportLines(result));
}

/** The type of that name. Throws ConfigError for one that is not written. */
function targetType(name: string): TargetType {
  const lower = name.toLowerCase();
  const found = TARGET_TYPES.find((type) => type === lower);
  if (found) return found;
  const known = `choose ${TARGET_TYPES.join(", ")}`;
  if ((blockTypes as readonly string[]).includes(lower)) throw new ConfigError(`--type ${name}: files of this type are read, not written; ${known}`);
  throw new ConfigError(`--type ${name}: no such type${didYouMean(lower, TARGET_TYPES)}; ${known}`);
}

const progressLine = (isShown: boolean) => (text: string) => {
  if (isShown) process.stderr.write(`\r\u001b[K${text}`);
};

interface Conversion {
  readonly to: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly tensors: readonly ConvertedTensor[];
}

/** One line a tensor that lost something, the rest counted. */
function reportLines({ to, seconds, bytes, tensors }: Conversion): string[] {
  const lossy = tensors.filter(({ relativeRms }) => relativeRms > 0);
  const width = Math.max(6, ...lossy.map(({ name }) => name.length));
  const row = (name: string, ...cells: readonly string[]) => `${name.padEnd(width)}${cells.map((cell) => cell.padStart(16)).join("")}`;
  const percent = (share: number) => `${(100 * share).toPrecision(3)}%`;
  const table = lossy.map(({ name, from, to: stored, shape, relativeRms, worst }) =>
    row(name, `${from} to ${stored}`, shape.join(" x "), percent(relativeRms), percent(worst)),
  );
  const exact = tensors.length - lossy.length;
  const largest = lossy.reduce((most, each) => (each.relativeRms > most.relativeRms ? each : most), lossy[0]);
  return [
    ...(lossy.length > 0 ? [row("tensor", "type", "shape", "error (rms)", "worst"), ...table, ""] : []),
    ...(largest
      ? [`largest error: ${percent(largest.relativeRms)} of ${largest.name}'s root mean square; worst: the largest error over the largest weight`]
      : []),
    `${tensors.length} tensors, ${exact} of them without loss`,
    `${shownPath(to)}: ${formatBytes(bytes)}, ${formatDuration(seconds)}`,
  ];
}
