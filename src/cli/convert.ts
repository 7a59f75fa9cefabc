// `luciole convert`: a model to GGUF or to Hugging Face's layout, in another storage type, with the error of every tensor.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { ConvertedTensor } from "../checkpoint/convert-model.js";
import { formatBytes } from "../checkpoint/file-system.js";
import { convertModel } from "../library/convert.js";
import { withoutControls } from "../plain-text.js";
import { shownPath } from "../run/own-command.js";
import { formatDuration } from "../run/report-format.js";
import { StoppedBySignal } from "./failure.js";
import { type ComputeFlags, listenForSignals, openForAnswers, tell, writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface ConvertFlags extends ComputeFlags {
  readonly type?: string;
}

/** Converts the model at `from` to `to`: a file when that ends in .gguf, else a directory. Nothing is left behind when it fails or is stopped. */
export async function convert(from: string, to: string, flags: ConvertFlags): Promise<void> {
  const stop = listenForSignals(() => {});
  const progress = progressLine(!flags.json && process.stderr.isTTY);
  const startedMs = performance.now();
  const onTensor = ({ name }: ConvertedTensor, done: number, total: number) => {
    if (stop.signal.aborted) throw new StoppedBySignal("Stopped; nothing was written.", stop.exitCode());
    progress(`${done} of ${total} tensors, ${name}`);
  };
  try {
    await openForAnswers(flags);
    const warn = (line: string) => tell(`warning: ${line}`);
    const { type, tensors } = await convertModel(from, to, { type: flags.type, onTensor, warn });
    const seconds = (performance.now() - startedMs) / 1000;
    const { size: bytes } = await stat(to.endsWith(".gguf") ? to : join(to, "model.safetensors"));
    const result = { from, to, type, seconds, bytes, tensors };
    progress("");
    writeResult(flags.json, result, () => reportLines(result));
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
