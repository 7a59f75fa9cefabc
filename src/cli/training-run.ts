// What `pretrain` and `sft` share at the command line: the end of a run, told. Knows neither's data.
import { join } from "node:path";
import { shownPath } from "../run/own-command.js";
import type { TrainingSummary } from "../run/records.js";
import { writeReport } from "../run/report.js";
import { formatDuration, formatNumber } from "../run/report-format.js";
import { type RunDirectory, readRun } from "../run/run-directory.js";
import type { MemoryKnobs } from "../train/memory-plan.js";
import { isFinished } from "./run-verb.js";

/** Writes summary and report, and closes the run. */
export function finishRun(run: RunDirectory, summary: TrainingSummary): TrainingSummary {
  run.writeSummary(summary);
  writeReport(run.path);
  return summary;
}

/** The summary of a run that has nothing left to do, said on standard error. */
export function finishedTraining(path: string | undefined): TrainingSummary | undefined {
  if (path === undefined || !isFinished(path)) return undefined;
  process.stderr.write("this run is finished; nothing was left to do\n");
  return readRun(path).training;
}

/** Lines for a person. `next` is the command to go on with. */
export function trainingLines(summary: TrainingSummary, next: string): string[] {
  const { steps, tokens, loss, valLoss, tokensPerSecond, mfu, wallSeconds, runDir } = summary;
  const losses = [loss === null ? "" : `loss ${loss.toFixed(4)}`, valLoss === null ? "" : `validation loss ${valLoss.toFixed(4)}`].filter(Boolean).join(", ");
  const rate = tokensPerSecond.train === null ? [] : [`${formatNumber(Math.round(tokensPerSecond.train))} tokens/s`];
  const speed = [...rate, ...(mfu === null ? [] : [`MFU ${(100 * mfu).toFixed(1)}%`])];
  return [
    "",
    `${formatNumber(steps)} steps, ${formatNumber(tokens)} tokens in ${formatDuration(wallSeconds)}${speed.length > 0 ? ` (${speed.join(", ")})` : ""}: ${losses}`,
    "",
    `report:  ${shownPath(join(runDir, "report.html"))}`,
    `next:    ${next}`,
  ];
}

/** What to turn down when training will not fit. */
export const trainingKnobs = (microBatchTokens: number): MemoryKnobs => ({
  model: "choose a smaller model",
  activations: `lower microBatchTokens (now ${microBatchTokens}) or set recomputeLayers=true`,
  cache: "choose a smaller model",
});
