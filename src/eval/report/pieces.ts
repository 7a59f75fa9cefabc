// What the page of one evaluation and the page of several have in common: rates on a track, accuracy against tokens,
// and a sample with what decided about it.
import { formatNumber, formatPercent } from "../../number-text.js";
import type { Chart, SeriesColor } from "../../report/charts.js";
import { escapeHtml } from "../../report/html.js";
import { renderSide } from "../../report/transcripts.js";
import { THINK_CLOSE, THINK_OPEN } from "../../tasks/response.js";
import type { PartRecord } from "../evaluation-record.js";
import type { KeptSample } from "../evaluation-run.js";
import type { Estimate } from "../statistics.js";

/** `71.5%` and, small, `± 2.3`. */
export const shownEstimate = ({ value, stderr }: Estimate): string =>
  `${formatPercent(value)}${stderr === null ? "" : `<small>± ${(100 * stderr).toFixed(1)}</small>`}`;

/** A difference of rates, in points with its sign. */
export function shownDifference({ value, stderr }: Estimate): string {
  const points = (100 * Math.abs(value)).toFixed(1);
  const sign = value < 0 && Number(points) > 0 ? "−" : "+";
  return `${sign}${points} pts${stderr === null ? "" : `<small>± ${(100 * stderr).toFixed(1)}</small>`}`;
}

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

/** A figure for each chart. */
export const figures = (charts: readonly Chart[]): string =>
  charts.length === 0
    ? ""
    : `<div class="charts">${charts
        .map(
          ({ id, title, note }, i) =>
            `<figure${i === 0 && charts.length % 2 === 1 ? ' class="wide"' : ""}><figcaption><b>${escapeHtml(title)}` +
            `</b><span>${escapeHtml(note)}</span></figcaption><div class="plotbox" id="chart-${id}"></div></figure>`,
        )
        .join("\n")}</div>`;

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
