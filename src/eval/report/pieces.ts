// What the page of one evaluation and the page of several have in common: accuracy against tokens, and a sample with
// what decided about it.
import { formatNumber } from "../../number-text.js";
import type { Chart, SeriesColor } from "../../report/charts.js";
import { escapeHtml } from "../../report/html.js";
import { renderSide } from "../../report/transcripts.js";
import { THINK_CLOSE, THINK_OPEN } from "../../tasks/response.js";
import type { PartRecord } from "../evaluation-record.js";
import type { KeptSample } from "../evaluation-run.js";

/** A curve of accuracy against the tokens of an answer, and the colour it has. */
export interface NamedCurve {
  readonly name: string;
  readonly color: SeriesColor;
  readonly curve: PartRecord["curve"];
}

/** Accuracy against tokens as a chart; the band is two standard errors. */
export function curveChart(id: string, title: string, curves: readonly NamedCurve[]): Chart {
  const tokensOf = ({ meanTokens }: PartRecord["curve"][number]) => Math.round(meanTokens);
  const steps = [...new Set(curves.flatMap(({ curve }) => curve.map(tokensOf)))].sort((a, b) => a - b);
  const series = curves.map(({ name, color, curve }) => {
    const at = (pick: (point: PartRecord["curve"][number]) => number) =>
      steps.map((tokens) => {
        const point = curve.find((each) => tokensOf(each) === tokens);
        return point ? pick(point) : null;
      });
    const edge = (errors: number) => at(({ pass1: { value, stderr } }) => value + errors * (stderr ?? 0));
    const band = [edge(-2), edge(2)] as const;
    return { label: name, color, values: at(({ pass1 }) => pass1.value), band, points: true };
  });
  const note = "pass@1 within a budget of thought, against the mean tokens of an answer; band: two standard errors";
  return { ...{ id, title, note, unit: "percent", fromZero: true, across: "tokens" }, steps, series };
}

/** What a sample said, the answer that was taken out of it, and what decided. */
export function renderSample(title: string, role: "base" | "final", sample: KeptSample): string {
  const { text, turns, answer, score, decidedBy, numTokens, finishReason } = sample;
  // The prompt opened the thought where the text closes one that it has not opened.
  const opened = text.includes(THINK_CLOSE) && !text.includes(THINK_OPEN);
  const cut = finishReason === "length" ? ", cut off" : "";
  const taken =
    answer === null
      ? `no answer found${cut}`
      : `answer <code>${escapeHtml(answer)}</code>, decided by ${escapeHtml(decidedBy)}${cut}`;
  const said = { prompt: opened ? THINK_OPEN : "", completion: text, turns, correct: score === 1, numTokens };
  return renderSide(title, role, said, `<p class="graded">${taken}</p>`);
}

/** How many of the samples are right: `3 of 16`. */
export const shareRight = (samples: readonly { readonly score: number }[]): string =>
  `${formatNumber(samples.filter(({ score }) => score === 1).length)} of ${formatNumber(samples.length)}`;
