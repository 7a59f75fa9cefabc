// The report of a run of the mix recipe: one page with a plot of accuracy against tokens, and the tables behind it.
import { join } from "node:path";
import { writeFileAtomically } from "../../src/atomic-file.js";
import { formatNumber, formatPercent } from "../../src/number-text.js";
import { escapeHtml } from "../../src/report/html.js";
import { page as pageOf, topBar } from "../../src/report/page-shell.js";
import { type Estimate, estimate } from "../../src/statistics.js";
import type { Measurement } from "./measure.js";
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

/** Writes report.html. */
export function writeMixReport(path: string, summary: MixSummary): void {
  writeFileAtomically(join(path, "report.html"), mixReport(summary));
}

/** The page. */
export function mixReport({ seed, models, measurements, claims }: MixSummary): string {
  const tasks = Object.keys(measurements[0].byTask);
  const rows = measurements.map((each) => [
    MIX_LABELS[each.name],
    rateOf(each),
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
    figureOf({ value, stderr }),
    holds ? "holds" : "does not hold",
  ]);
  return page(
    [`seed ${seed}`],
    `<p class="lead">All are measured on the same held-out problems; bars are one standard error.</p>
${plot(measurements)}
${table(["", "pass@1", "tokens per answer", "FLOPs per answer", ...tasks], rows)}
<h2>What it should show</h2>
${table(["", "value", ""], ofClaims)}
<h2>The models</h2>
${table(["", "parameters", "active", "processor time", "pretraining tokens", "pass@1 on its own tasks"], ofModels)}`,
  );
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
      estimate(own.map((each) => each[key])),
    );
    return {
      ...{ name, pass1: pass1.value, stderr: pass1.stderr },
      ...{ tokensPerAnswer: tokens.value, flopsPerAnswer: flops.value },
    };
  });
  const rows = averaged.map((each) => [
    ...[MIX_LABELS[each.name], rateOf(each), each.tokensPerAnswer.toFixed(1)],
    `${(each.flopsPerAnswer / 1e6).toFixed(1)} M`,
  ]);
  const ofClaims = first.claims.map(({ claim }, place) => {
    const figure = figureOf(estimate(summaries.map(({ claims }) => claims[place].value)));
    const numHold = summaries.filter(({ claims }) => claims[place].holds).length;
    return [claim, figure, `${numHold} of ${summaries.length} seeds`];
  });
  const seeds = summaries.map(({ seed }) => seed).join(", ");
  return page(
    [`seeds ${seeds}`],
    `<p class="lead">Means over the seeds, ± one standard error of the mean over the seeds.</p>
${plot(averaged)}
${table(["", "pass@1", "tokens per answer", "FLOPs per answer"], rows)}
<h2>What it should show</h2>
${table(["", "value", "holds in"], ofClaims)}`,
  );
}

const rateOf = ({ pass1, stderr }: Pick<Measurement, "pass1" | "stderr">): string =>
  `${formatPercent(pass1)}${stderr === null ? "" : ` ± ${(100 * stderr).toFixed(1)}`}`;

const figureOf = ({ value, stderr }: Estimate): string =>
  `${value.toFixed(3)}${stderr === null ? "" : ` ± ${stderr.toFixed(3)}`}`;

const TITLE = "A mix of models and a larger one";

const page = (facts: readonly string[], body: string): string =>
  pageOf(TITLE, `${topBar(["mix", ...facts])}<h1>${TITLE}</h1>\n${body}`, { charts: [], heats: [] });

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = head.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join("");
  const body = rows.map(([name, ...values]) => {
    const cells = values.map((value) => `<td>${escapeHtml(value)}</td>`).join("");
    return `<tr class="first"><th scope="row">${escapeHtml(name)}</th>${cells}</tr>`;
  });
  return `<div class="scroll"><table class="rollouts stages numbers"><thead><tr>${titles}</tr></thead>
<tbody>${body.join("\n")}</tbody></table></div>`;
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
    const [top, bottom] = [1, -1]
      .map((side) => pass1 + side * (stderr ?? 0))
      .map((share) => y(Math.min(1, Math.max(0, share))).toFixed(1));
    const label = `${MIX_LABELS[name]}, ${tokensPerAnswer.toFixed(0)} tokens`;
    const dot = `<circle cx="${cx}" cy="${cy}" r="5" fill="${color}"/>`;
    return `<line x1="${cx}" x2="${cx}" y1="${top}" y2="${bottom}" stroke="${color}" stroke-width="2"/>${dot}
<text x="${Number(cx) + 9}" y="${Number(cy) + 4}">${escapeHtml(label)}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="pass@1 against tokens per answer" font-size="12"
fill="currentColor">${grid.join("")}${marks.join("\n")}<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">new
tokens of all members for one answer (logarithmic)</text></svg>`;
}
