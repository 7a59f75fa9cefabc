// What `pretrain` and `sft` share at the command line: the end of a run, told. Knows neither's data.
import { join } from "node:path";
import { formatDuration, formatNumber } from "../number-text.js";
import type { MetricsRecord, TrainingSummary } from "../run/records.js";
import { readRun } from "../run/run-directory.js";
import { shownPath } from "../terminal/own-command.js";
import type { MemoryRemedies } from "../train/memory-plan.js";

/** Lines for a person. `next` is the command to go on with. */
export function trainingLines(summary: TrainingSummary, next: string): string[] {
  const { steps, tokens, loss, valLoss, tokensPerSecond, mfu, wallSeconds, runDir } = summary;
  const losses = [
    loss === null ? "" : `loss ${loss.toFixed(4)}`,
    valLoss === null ? "" : `validation loss ${valLoss.toFixed(4)}`,
  ]
    .filter(Boolean)
    .join(", ");
  const rate = tokensPerSecond.train === null ? [] : [`${formatNumber(Math.round(tokensPerSecond.train))} tokens/s`];
  const speed = [...rate, ...(mfu === null ? [] : [`MFU ${(100 * mfu).toFixed(1)}%`])];
  const best = bestValidation(readRun(runDir).metrics);
  const overfit = valLoss !== null && best !== undefined && valLoss > best.loss * OVERFIT;
  return [
    "",
    `${formatNumber(steps)} steps, ${formatNumber(tokens)} tokens in ` +
      `${formatDuration(wallSeconds)}${speed.length > 0 ? ` (${speed.join(", ")})` : ""}: ${losses}`,
    ...(overfit
      ? [
          `The validation loss was lowest at step ${best.step} (${best.loss.toFixed(4)}) and has risen since: ` +
            "the model is overfitting. Use fewer steps or more text.",
        ]
      : []),
    "",
    `report:  ${shownPath(join(runDir, "report.html"))}`,
    `next:    ${next}`,
  ];
}

/** A validation loss above its lowest by this factor has risen, and not wavered. */
const OVERFIT = 1.02;

/** The lowest validation loss of a run. */
function bestValidation(
  metrics: readonly MetricsRecord[],
): { readonly step: number; readonly loss: number } | undefined {
  const losses = metrics.flatMap(({ step, val_loss }) =>
    typeof val_loss === "number" ? [{ step, loss: val_loss }] : [],
  );
  return losses.reduce<(typeof losses)[number] | undefined>(
    (best, each) => (best === undefined || each.loss < best.loss ? each : best),
    undefined,
  );
}

/** What to turn down when training will not fit. */
export const trainingRemedies = (microBatchTokens: number): MemoryRemedies => ({
  model: "choose a smaller model",
  activations: `lower microBatchTokens (now ${microBatchTokens}) or set recomputeLayers=true`,
  cache: "choose a smaller model",
});
