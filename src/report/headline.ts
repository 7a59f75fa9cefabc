// The top of a report: one sentence saying what happened, and the table from base to final with standard errors.
// Says what the numbers say, better or worse; knows nothing of how they were counted.

import { formatDuration, formatNumber, formatPercent } from "../number-text.js";
import type { EvaluationMetrics, EvaluationSummary, RunSummary, TrainingSummary } from "../run/records.js";
import { escapeHtml } from "./html.js";
import { errorBar, track } from "./track.js";

interface Row {
  key: keyof EvaluationMetrics;
  label: string;
  note: string;
  unit: "percent" | "tokens";
}

/** Rows for k samples a problem; with one sample, pass@k and cons@k are pass@1. */
const rowsFor = (k: number): readonly Row[] => [
  { key: "pass1", label: "pass@1", note: "probability that a single answer is correct", unit: "percent" },
  ...(k > 1
    ? ([
        { key: "consK", label: `cons@${k}`, note: `majority vote of ${k} answers`, unit: "percent" },
        { key: "passK", label: `pass@${k}`, note: `at least one of ${k} answers correct`, unit: "percent" },
      ] as const)
    : []),
  { key: "formatRate", label: "Format", note: "answers in the requested format", unit: "percent" },
  { key: "meanThinkTokens", label: "Thinking", note: "mean number of thinking tokens", unit: "tokens" },
];

/** What pass@1 did, in one sentence. A change within two standard errors is called none. */
export function headlineSentence({ base, final }: RunSummary): string {
  const from = formatPercent(base.pass1);
  const to = formatPercent(final.pass1);
  const change = final.pass1 - base.pass1;
  const [baseError, finalError] = [base.stderr.pass1, final.stderr.pass1];
  if (baseError === null || finalError === null)
    return `Held-out accuracy: <em>${from}</em> before, <em>${to}</em> after (too few problems for a comparison).`;
  const noise = 2 * Math.hypot(baseError, finalError);
  if (Math.abs(change) <= noise)
    return `Held-out accuracy did not change significantly: <em>${from}</em> before, <em>${to}</em> after.`;
  return (
    `Held-out accuracy ${change > 0 ? "rose" : "fell"} from <em>${from}</em> to <em ` +
    `class="final">${to}</em> through reinforcement learning.`
  );
}

/** What training came to, for a run without reinforcement. */
export function trainingSentence({ tokens, loss, valLoss }: TrainingSummary): string {
  const figure = valLoss ?? loss;
  const reached =
    figure === null
      ? ""
      : `: ${valLoss === null ? "training" : "validation"} loss <em class="final">${figure.toFixed(3)}</em>`;
  return `Trained on ${formatNumber(tokens)} tokens${reached}.`;
}

/** The line below it: how large, how long, how fast. */
export function trainingFacts({ params, activeParams, steps, wallSeconds, tokensPerSecond }: TrainingSummary): string {
  const size = `${formatNumber(params)} parameters, ${formatNumber(activeParams)} active per token`;
  const speed = tokensPerSecond.train === null ? [] : [`${formatNumber(Math.round(tokensPerSecond.train))} tokens/s`];
  return facts([size, `${formatNumber(steps)} steps`, ...speed, `${formatDuration(wallSeconds)} in total`]);
}

const facts = (parts: readonly string[]): string => parts.map(escapeHtml).join('<span class="dot">·</span>');

/** The line below it: on what, how large, how long. */
export function headlineFacts(summary: RunSummary): string {
  const size = `${formatNumber(summary.params)} parameters, ${formatNumber(summary.activeParams)} active per token`;
  const problems =
    `${formatNumber(summary.problems)} distinct held-out problems ` + `× ${summary.samplesPerProblem} answers`;
  return facts([
    problems,
    size,
    `${formatNumber(summary.rlSteps)} RL steps`,
    `${formatDuration(summary.wallSeconds)} in total`,
  ]);
}

/** The table of both evaluations. Each row draws base and final on one scale, whiskers of two standard errors. */
export function headlineTable({ base, final, samplesPerProblem }: RunSummary): string {
  const rows = rowsFor(samplesPerProblem).filter(
    ({ key }) => Number.isFinite(base[key]) && Number.isFinite(final[key]),
  );
  const legend = '<span class="key base"></span>base <span class="key final"></span>after RL';
  const numbers = ["Base", "After RL", "Change"].map((title) => `<th scope="col">${title}</th>`).join("");
  return `<table class="headline">
<thead><tr><th scope="col">Held-out problems</th><th scope="col" class="plot">${legend}</th>${numbers}</tr></thead>
<tbody>${rows.map((row) => tableRow(row, base, final)).join("\n")}</tbody></table>`;
}

function tableRow(row: Row, base: EvaluationSummary, final: EvaluationSummary): string {
  const { key, label, note, unit } = row;
  const top = unit === "percent" ? 1 : Math.max(base[key], final[key], 1) * 1.15;
  const change = final[key] - base[key];
  const sign = change > 0 ? "+" : change < 0 ? "−" : "";
  const amount =
    unit === "percent"
      ? `${(Math.abs(change) * 100).toFixed(1)} pts`
      : formatNumber(Number(Math.abs(change).toFixed(1)));
  const marks = (
    [
      ["base", base],
      ["final", final],
    ] as const
  ).map(([kind, { [key]: value, stderr }]) => ({
    ...{ kind, at: value / top, bar: errorBar(value / top, (stderr[key] ?? 0) / top) },
  }));
  return `<tr><th scope="row">${escapeHtml(label)}<small>${escapeHtml(note)}</small></th>
<td class="plot">${track(marks, [base[key] / top, final[key] / top])}</td>
<td class="n">${withError(base[key], base.stderr[key], unit)}</td>
<td class="n strong">${withError(final[key], final.stderr[key], unit)}</td>
<td class="n">${sign}${amount}</td></tr>`;
}

function withError(value: number, stderr: number | null, unit: Row["unit"]): string {
  const error =
    stderr === null
      ? ""
      : `<small>± ${unit === "percent" ? (stderr * 100).toFixed(1) : formatNumber(Number(stderr.toFixed(1)))}</small>`;
  return `${unit === "percent" ? formatPercent(value) : formatNumber(Number(value.toFixed(1)))}${error}`;
}
