// The report of a run of the mix recipe: one page with a plot of accuracy against tokens, and the tables behind it.
import { join } from "node:path";
import { writeFileAtomically } from "../../src/atomic-file.js";
import { formatNumber, formatPercent } from "../../src/number-text.js";
import { escapeHtml } from "../../src/report/html.js";
import { type Measurement, standardError } from "./measure.js";
import type { MixName } from "./mixes.js";
import type { MixSummary } from "./summary.js";

/** What each mix is called for a reader. */
export const MIX_LABELS: Readonly<Record<MixName, string>> = {
  mix: "mix",
  larger: "larger model",
  mixVotes: "mix, vote",
  largerVotes: "larger model, vote",
  cascade: "cascade",
};

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2430}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .8rem;border-bottom:1px solid #d8dde6;text-align:right}
td:first-child,th:first-child{text-align:left}svg{width:100%;height:auto}.no{color:#b3261e}.yes{color:#1b6e3c}
@media(prefers-color-scheme:dark){body{background:#14181f;color:#e4e8ef}td,th{border-color:#333b48}}`;

/** Writes report.html. */
export function writeMixReport(path: string, summary: MixSummary): void {
  writeFileAtomically(join(path, "report.html"), mixReport(summary));
}

/** The page. */
export function mixReport({ seed, models, measurements, claims }: MixSummary): string {
  const tasks = Object.keys(measurements[0].byTask);
  const rows = measurements.map((each) => [
    MIX_LABELS[each.name],
    `${formatPercent(each.pass1)} ± ${(100 * each.stderr).toFixed(1)}`,
    each.tokensPerAnswer.toFixed(1),
    `${(each.flopsPerAnswer / 1e6).toFixed(1)} M`,
    ...tasks.map((task) => formatPercent(each.byTask[task])),
  ]);
  const ofModels = models.map(({ name, params, activeParams, cpuSeconds, pretrainTokens, pass1 }) => [
    ...[name, formatNumber(params), formatNumber(activeParams), `${Math.round(cpuSeconds)} s`],
    ...[formatNumber(pretrainTokens), formatPercent(pass1)],
  ]);
  const ofClaims = claims.map(({ claim, value, stderr, holds }) => [
    claim,
    `${value.toFixed(3)}${stderr === null ? "" : ` ± ${stderr.toFixed(3)}`}`,
    holds ? "holds" : "does not hold",
  ]);
  return page(`<p>Seed ${seed}. All are measured on the same held-out problems; bars are one standard error.</p>
${plot(measurements)}
${table(["", "pass@1", "tokens per answer", "FLOPs per answer", ...tasks], rows)}
<h2>What it should show</h2>
${table(["", "value", ""], ofClaims)}
<h2>The models</h2>
${table(["", "parameters", "active", "processor time", "pretraining tokens", "pass@1 on its own tasks"], ofModels)}`);
}

/**
 * One page of runs with other seeds: means over the seeds, with the standard error of each mean where there are two or
 * more.
 */
export function mixSeedsReport(summaries: readonly MixSummary[]): string {
  const [first] = summaries;
  const averaged = first.measurements.map(({ name }, place) => {
    const own = summaries.map(({ measurements }) => measurements[place]);
    const [pass1, tokens, flops] = (["pass1", "tokensPerAnswer", "flopsPerAnswer"] as const).map((key) =>
      overSeeds(own.map((each) => each[key])),
    );
    return { name, pass1: pass1.mean, stderr: pass1.error, tokensPerAnswer: tokens.mean, flopsPerAnswer: flops.mean };
  });
  const rows = averaged.map(({ name, pass1, stderr, tokensPerAnswer, flopsPerAnswer }) => [
    ...[MIX_LABELS[name], `${formatPercent(pass1)} ± ${(100 * stderr).toFixed(1)}`, tokensPerAnswer.toFixed(1)],
    `${(flopsPerAnswer / 1e6).toFixed(1)} M`,
  ]);
  const ofClaims = first.claims.map(({ claim }, place) => {
    const { mean, error } = overSeeds(summaries.map(({ claims }) => claims[place].value));
    const numHold = summaries.filter(({ claims }) => claims[place].holds).length;
    return [claim, `${mean.toFixed(3)} ± ${error.toFixed(3)}`, `${numHold} of ${summaries.length} seeds`];
  });
  const seeds = summaries.map(({ seed }) => seed).join(", ");
  return page(`<p>Seeds ${seeds}. Means over the seeds, ± one standard error of the mean over the seeds.</p>
${plot(averaged)}
${table(["", "pass@1", "tokens per answer", "FLOPs per answer"], rows)}
<h2>What it should show</h2>
${table(["", "value", "holds in"], ofClaims)}`);
}

function overSeeds(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, error: values.length > 1 ? standardError(values) : 0 };
}

const page = (body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>A mix of models and a larger one</title><style>${STYLE}</style></head><body>
<h1>A mix of models and a larger one</h1>
${body}
</body></html>
`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (values: readonly string[], tag: string) =>
    values.map((value) => `<${tag}>${escapeHtml(value)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
  return `<table><thead><tr>${cells(head, "th")}</tr></thead><tbody>${body}</tbody></table>`;
}

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [720, 320, 60, 40];

/** Accuracy against tokens per answer, on a logarithmic axis. */
function plot(measurements: readonly Pick<Measurement, "name" | "pass1" | "stderr" | "tokensPerAnswer">[]): string {
  const tokens = measurements.map(({ tokensPerAnswer }) => Math.log(Math.max(1, tokensPerAnswer)));
  const [low, high] = [Math.min(...tokens) - 0.2, Math.max(...tokens) + 0.6];
  const x = (value: number) => LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - 20);
  const y = (share: number) => 10 + (1 - share) * (HEIGHT - BOTTOM - 10);
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${LEFT}" x2="${WIDTH}" y1="${y(share)}" y2="${y(share)}" stroke="#8883"/>` +
      `<text x="${LEFT - 8}" y="${y(share) + 4}" text-anchor="end">${100 * share} %</text>`,
  );
  const marks = measurements.map(({ name, pass1, stderr, tokensPerAnswer }, i) => {
    const [cx, cy] = [x(tokens[i]).toFixed(1), y(pass1).toFixed(1)];
    const color = name.startsWith("larger") ? "#c2571a" : "#2360c5";
    const [top, bottom] = [pass1 + stderr, pass1 - stderr].map((share) =>
      y(Math.min(1, Math.max(0, share))).toFixed(1),
    );
    const label = `${MIX_LABELS[name]}, ${tokensPerAnswer.toFixed(0)} tokens`;
    const dot = `<circle cx="${cx}" cy="${cy}" r="5" fill="${color}"/>`;
    return `<line x1="${cx}" x2="${cx}" y1="${top}" y2="${bottom}" stroke="${color}" stroke-width="2"/>${dot}
<text x="${Number(cx) + 9}" y="${Number(cy) + 4}">${escapeHtml(label)}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="pass@1 against tokens per answer" font-size="12"
fill="currentColor">${grid.join("")}${marks.join("\n")}<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">new
tokens of all members for one answer (logarithmic)</text></svg>`;
}
