// report.html of a run: one file that opens from disk, offline, with curves, the headline table, transcripts and
// settings. Puts the parts together; what a curve is and how a number reads is said elsewhere.
import { basename, join } from "node:path";
import { writeFileAtomically } from "../atomic-file.js";
import { formatDuration, formatNumber, formatPercent, formatSize } from "../number-text.js";
import type { MetricsRecord, RunSummary } from "../run/records.js";
import { type RunRecords, readRun } from "../run/run-directory.js";
import { renderFigures } from "./figures.js";
import { headlineFacts, headlineSentence, headlineTable, trainingFacts, trainingSentence } from "./headline.js";
import { escapeHtml } from "./html.js";
import { type Drawings, flatten, page, settingsTable, topBar } from "./page-shell.js";
import { runSections, type Section } from "./sections.js";
import type { ExpertLoad } from "./series.js";
import { renderStages } from "./stages.js";
import { groupTranscripts, renderGroup, renderRollouts, rolloutsOverTime } from "./transcripts.js";

/** Reads a run directory, finished or not, and writes its report.html. Gives the path of the report. */
export function writeReport(runPath: string): string {
  const path = join(runPath, "report.html");
  writeFileAtomically(path, renderReport(readRun(runPath)));
  return path;
}

/** The HTML of a report. Every text from the run is escaped; a content policy forbids other scripts and any request. */
export function renderReport(run: RunRecords): string {
  const { rl, data, heats, heatsOf } = runSections(run.metrics);
  const drawings: Drawings = { charts: [...rl, ...data].flatMap(({ charts }) => charts), heats };
  const body = [
    renderTop(run),
    renderStages(run.metrics),
    ...rl.map(renderSection),
    renderHeats(heats, heatsOf),
    ...data.map(renderSection),
    renderTranscripts(run),
    renderSettings(run),
  ];
  return page(`${basename(run.path)} · Luciole`, body.join("\n"), drawings);
}

function renderTop(run: RunRecords): string {
  const { config, summary } = run;
  const started = config.startedAt.slice(0, 16).replace("T", " ");
  const bar = topBar([basename(run.path), `${started} UTC`, `seed ${config.seed}`]);
  if (run.training)
    return `${bar}<h1>${trainingSentence(run.training)}</h1><p class="facts">${trainingFacts(run.training)}</p>`;
  if (!summary)
    return (
      `${bar}<h1>${escapeHtml(unfinishedSentence(run.metrics))}</h1><p ` +
      `class="facts">${escapeHtml(unfinishedFacts(run))}</p>`
    );
  return (
    `${bar}<h1>${headlineSentence(summary)}</h1><p ` +
    `class="facts">${headlineFacts(summary)}</p>${headlineTable(summary)}`
  );
}

function unfinishedSentence(metrics: readonly MetricsRecord[]): string {
  const last = metrics.at(-1);
  return last
    ? `This run has not finished: ${last.phase}, step ${formatNumber(last.step)}.`
    : "This run has not started yet.";
}

function unfinishedFacts({ config, metrics }: RunRecords): string {
  const [from, to] = [Date.parse(config.startedAt), Date.parse(metrics.at(-1)?.time ?? "")];
  const clock = to > from ? `${formatDuration((to - from) / 1000)} from the start to the last log entry. ` : "";
  return `${clock}There is no final evaluation yet. The page shows the data logged so far.`;
}

function renderSection({ title, lead, charts }: Section): string {
  if (charts.length === 0) return "";
  return `<h2>${escapeHtml(title)}</h2><p class="lead">${escapeHtml(lead)}</p>${renderFigures(charts)}`;
}

function renderHeats(heats: readonly ExpertLoad[], phase: string): string {
  if (heats.length === 0) return "";
  const figures = heats.map(({ layer, load }, index) => {
    const busiest = Math.max(...load.at(-1)!);
    const name = escapeHtml(layer.replace(/^mtp(\d+)$/, "Prediction block $1").replace(/^(\d+)$/, "Layer $1"));
    return (
      `<figure><figcaption><b>${name}</b></figcaption><canvas id="heat-${index}" role="img" ` +
      `aria-label="${name}: load of the experts over time"></canvas><span class="readout">busiest expert at ` +
      `the end: ${busiest.toFixed(2)} × its even share</span></figure>`
    );
  });
  const lead =
    `Share of tokens sent to each expert during ${phase}, with one row per expert and time from left to right. ` +
    "Layers are counted from 0, as in the names of the weights.";
  return `<h2>Expert load</h2><p class="lead">${lead}</p>
<div class="heats">${figures.join("\n")}</div><div class="scale">half the even share<i></i>double</div>`;
}

function renderTranscripts(run: RunRecords): string {
  const groups = groupTranscripts(run.samples);
  const rollouts = rolloutsOverTime(run.samples);
  if (groups.length === 0 && rollouts.length === 0) return "";
  const shown =
    groups.length === 0
      ? ""
      : `<p class="lead">The first ${groups.length} held-out problems of the evaluation, answered by ` +
        `${groups[0].answers.length > 2 ? "each model" : "both models"}. They were not selected by result.</p>` +
        groups.map(renderGroup).join("\n");
  const before = groups.length === 0 ? "" : `<h2>Before and after</h2>${shown}`;
  const table =
    rollouts.length === 0
      ? ""
      : `<h2>Rollouts</h2><p class="lead">The first few rollouts of a step, which answer the same problem, ` +
        `and the value of each reward. Open a row to see the full text.</p>${renderRollouts(rollouts)}`;
  return `${before}${table}`;
}

function renderSettings({ config, summary, path }: RunRecords): string {
  const { machine, versions } = config;
  const measured: [string, string][] = summary
    ? [
        ...pretrainingRows(summary),
        ...known("rollouts, tokens/s", summary.tokensPerSecond.rollout, formatNumber),
        ...known("RL updates, tokens/s", summary.tokensPerSecond.train, formatNumber),
        ...known("model FLOPs utilisation", summary.mfu, formatPercent),
        ["peak memory", formatSize(summary.peakRssBytes)],
      ]
    : [];
  const machineRows: [string, string][] = [
    ["CPU", machine.cpu],
    ["threads", String(machine.threads)],
    ["instruction set", machine.isa],
    ["memory", formatSize(machine.memoryBytes)],
    ["platform", machine.platform],
    ...Object.entries(versions),
  ];
  const tables = [
    settingsTable("Settings", [["seed", String(config.seed)], ...flatten(config.options)]),
    settingsTable("Measured", measured),
    settingsTable("Machine", machineRows),
  ];
  const command = `<code>luciole ${escapeHtml(config.verb)}</code>`;
  const source = `Made by ${command} from the logs in ${escapeHtml(basename(path))}.`;
  return `<h2>How it was made</h2><div class="settings">${tables.join("")}</div>
<footer>${source} Every number on this page was counted by the run itself.</footer>`;
}

/** A run that began from another's model has pretrained on nothing. */
function pretrainingRows({ pretrainTokens, tokensPerSecond }: RunSummary): [string, string][] {
  if (pretrainTokens === 0) return [];
  return [
    ["pretraining tokens", formatNumber(pretrainTokens)],
    ...known("pretraining, tokens/s", tokensPerSecond.pretrain, formatNumber),
  ];
}

/** A row of a table, or none where nothing was measured. */
const known = (name: string, value: number | null, write: (value: number) => string): [string, string][] =>
  value === null ? [] : [[name, write(value)]];
