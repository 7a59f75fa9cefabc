// `luciole convert`: a model to GGUF or to Hugging Face's layout, in another storage type, with the error of every
// tensor.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ConvertedTensor } from "../checkpoint/convert-model.js";
import { formatBytes } from "../checkpoint/file-system.js";
import { convertModel } from "../library/convert.js";
import { formatDuration } from "../number-text.js";
import { withoutControls } from "../plain-text.js";
import { type BlockType, blockSizes, type DType, isBlockType } from "../tensor/dtype.js";
import { shownPath } from "../terminal/own-command.js";
import { StoppedBySignal } from "./failure.js";
import { modelPath } from "./model-path.js";
import { type ComputeFlags, openForAnswers, tell, writeResult } from "./run-verb.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags as commander gives them. */
export interface ConvertFlags extends ComputeFlags {
  readonly type?: string;
  /** Adapter that is merged into the weights. */
  readonly adapter?: string;
  /** List every tensor that lost anything. */
  readonly tensors?: boolean;
}

/**
 * Converts the model at `from` to `to`: a file when that ends in .gguf, else a directory. Nothing is left behind when
 * it fails or is stopped.
 */
export async function convert(from: string, to: string, flags: ConvertFlags): Promise<void> {
  const stop = listenForSignals();
  const progress = progressLine(!flags.json && process.stderr.isTTY);
  const startedMs = performance.now();
  const onTensor = ({ name }: ConvertedTensor, done: number, total: number) => {
    if (stop.signal.aborted) throw new StoppedBySignal("Stopped. Nothing was written.", stop.exitCode());
    progress(`${done} of ${total} tensors, ${name}`);
  };
  try {
    await openForAnswers(flags);
    const warn = (line: string) => tell(`warning: ${line}`);
    const { type, tensors } = await convertModel(modelPath(from), to, {
      type: flags.type,
      adapter: flags.adapter,
      onTensor,
      warn,
    });
    const seconds = (performance.now() - startedMs) / 1000;
    const { size: bytes } = await stat(to.endsWith(".gguf") ? to : join(to, "model.safetensors"));
    const result = { from, to, type, seconds, bytes, tensors };
    progress("");
    writeResult(flags.json, result, () => reportLines(result, flags.tensors ?? false));
  } finally {
    progress("");
    stop.dispose();
  }
}

const progressLine = (isShown: boolean) => (text: string) => {
  if (isShown) process.stderr.write(`\r\u001b[K${withoutControls(text)}`);
};

interface Conversion {
  readonly to: string;
  readonly type: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly tensors: readonly ConvertedTensor[];
}

/** How many lines of tensors are shown unasked. */
const NUM_WORST = 5;

/** What became of the types, the tensors that lost most (with `all` every one that lost anything), and the size. */
function reportLines({ to, seconds, bytes, tensors, type }: Conversion, all: boolean): string[] {
  const lossy = tensors.filter(({ relativeRms }) => relativeRms > 0);
  const shown = all ? lossy : [...lossy].sort((a, b) => b.relativeRms - a.relativeRms).slice(0, NUM_WORST);
  const width = Math.max(6, ...shown.map(({ name }) => name.length));
  const row = (name: string, ...cells: readonly string[]) =>
    `${name.padEnd(width)}${cells.map((cell) => cell.padStart(16)).join("")}`;
  const percent = (share: number) => `${(100 * share).toPrecision(3)}%`;
  const table = shown.map(({ name, from, to: stored, shape, relativeRms, worst }) =>
    row(name, `${from} to ${stored}`, shape.join(" x "), percent(relativeRms), percent(worst)),
  );
  const heading = row(all ? "tensor" : "largest errors", "type", "shape", "error (rms)", "worst");
  const explained =
    "error: relative to the root mean square of the weights; worst: largest error relative to the largest weight";
  const rest = lossy.length - shown.length;
  return [
    ...(lossy.length > 0
      ? [
          heading,
          ...table,
          `${rest > 0 ? `and ${rest} more with smaller errors (--tensors lists all); ` : ""}${explained}`,
          "",
        ]
      : []),
    ...typeLines(tensors, type),
    `${tensors.length} tensors, ${tensors.length - lossy.length} of them without loss`,
    `${shownPath(to)}: ${formatBytes(bytes)}, ${formatDuration(seconds)}`,
  ];
}

/** How many tensors got each type, and why some did not get the one that was asked for. */
function typeLines(tensors: readonly ConvertedTensor[], type: string): string[] {
  const counts = new Map<string, number>();
  for (const { to } of tensors) counts.set(to, (counts.get(to) ?? 0) + 1);
  const divides = (width = 1) => !isBlockType(type as DType) || width % blockSizes[type as BlockType].numbers === 0;
  const fallen = tensors.filter(({ to, shape }) => to !== "f32" && !divides(shape.at(-1)));
  const line = `types: ${[...counts].map(([name, count]) => `${count} ${name}`).join(", ")}`;
  if (fallen.length === 0) return [line];
  const widths = [...new Set(fallen.map(({ shape }) => shape.at(-1)))].join(", ");
  const types = [...new Set(fallen.map(({ to }) => to))].join(", ");
  return [
    line,
    `${fallen.length} tensors fell back from ${type} to ${types}: their row width (${widths}) is not a ` +
      `multiple of the ${type} block size`,
  ];
}
