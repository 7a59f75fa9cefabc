// The report of several runs of one recipe, with other seeds: what each stage came to on average, with the standard
// error over the runs. One page that opens from disk, offline.
import { basename, resolve } from "node:path";
import { writeFileAtomically } from "../atomic-file.js";
import { DataError } from "../errors.js";
import { formatPercent } from "../number-text.js";
import type { MetricsRecord } from "../run/records.js";
import { type RunRecords, readRun } from "../run/run-directory.js";
import { estimate } from "../statistics.js";
import { points, shownDifference, shownEstimate } from "./estimates.js";
import { escapeHtml } from "./html.js";
import { flatten, page, settingsTable, topBar } from "./page-shell.js";
import { fullEvaluations, stageTables } from "./stages.js";
import { errorBar, type Mark, track } from "./track.js";

/** Reads finished runs and writes the report of all of them to `file`. */
export function writeRunsReport(runPaths: readonly string[], file: string): void {
  writeFileAtomically(file, renderRunsReport(runPaths.map((path) => readRun(resolve(path)))));
}

/**
 * The HTML of the report of at least two runs. @throws DataError for runs of different verbs, for two of one seed, and
 *   for runs that have no evaluation in common
 */
export function renderRunsReport(runs: readonly RunRecords[]): string {
  refuseOthers(runs);
  const stages = commonStages(runs);
  const seeds = runs.map(({ config }) => config.seed).sort((a, b) => a - b);
  const [first, last] = [stages[0], stages[stages.length - 1]];
  const body = [
    topBar([runs[0].config.verb, `${runs.length} runs`, `seeds ${seeds.join(", ")}`]),
    `<h1>${sentence(first, last)}</h1>`,
    '<p class="facts">small dots: single runs; large dot and bar: their mean ± two standard errors</p>',
    accuracyTable(stages),
    `<h2>Stage by stage</h2><p class="lead">Means over the runs ± one standard error over the runs, with the change
since the row above.</p>${stageTables(stages.map(averageLine))}`,
    settings(runs),
  ];
  return page(`${runs.length} runs of ${runs[0].config.verb} · Luciole`, body.join("\n"), { charts: [], heats: [] });
}

function refuseOthers(runs: readonly RunRecords[]): void {
  const [{ config, path }] = runs;
  const other = runs.find((run) => run.config.verb !== config.verb);
  if (other)
    throw new DataError(
      `expected runs of one verb: ${basename(path)} is of ${config.verb}, ${basename(other.path)} of ` +
        other.config.verb,
    );
  const again = runs.find((run, i) => runs.findIndex((each) => each.config.seed === run.config.seed) < i);
  if (again)
    throw new DataError(`expected runs with different seeds: seed ${again.config.seed} comes twice (${again.path})`);
}

/** One stage's full evaluation in each run. */
interface StageOfRuns {
  readonly name: string;
  readonly lines: readonly MetricsRecord[];
}

/** The stages that every run has evaluated, in the order of the first. */
function commonStages(runs: readonly RunRecords[]): StageOfRuns[] {
  const evaluations = runs.map(({ metrics }) => fullEvaluations(metrics));
  const stages = evaluations[0].flatMap(({ model }): StageOfRuns[] => {
    const lines = evaluations.flatMap((own) => own.find((line) => line.model === model) ?? []);
    return lines.length === runs.length ? [{ name: String(model), lines }] : [];
  });
  if (stages.length > 0) return stages;
  const had = runs.map(({ path }, i) => `${basename(path)}: ${evaluations[i].length}`);
  throw new DataError(`expected full evaluations that all runs have, found none (${had.join(", ")})`);
}

const pass1 = ({ lines }: StageOfRuns): number[] => lines.map((line) => Number(line.pass1));

function sentence(first: StageOfRuns, last: StageOfRuns): string {
  const [from, to] = [estimate(pass1(first)), estimate(pass1(last))];
  return (
    `pass@1: <em>${formatPercent(from.value)}</em> (${escapeHtml(first.name)}), ` +
    `<em class="final">${formatPercent(to.value)}</em> ± ${points(to.stderr ?? 0)} (${escapeHtml(last.name)}).`
  );
}

/** pass@1 of each stage on one scale. The change is paired: run by run. */
function accuracyTable(stages: readonly StageOfRuns[]): string {
  const rows = stages.map((stage, i) => {
    const own = pass1(stage);
    const average = estimate(own);
    const marks: Mark[] = [
      ...own.map((at) => ({ at, kind: "one" as const })),
      { at: average.value, bar: errorBar(average.value, average.stderr ?? 0), kind: "final" },
    ];
    const before = i === 0 ? [] : pass1(stages[i - 1]);
    const change = i === 0 ? "" : shownDifference(estimate(own.map((value, run) => value - before[run])));
    return `<tr><th scope="row">${escapeHtml(stage.name)}</th><td class="plot">${track(marks)}</td>
<td class="n strong">${shownEstimate(average)}</td><td class="n">${change}</td></tr>`;
  });
  const titles = ["Mean", "Change"].map((title) => `<th scope="col">${title}</th>`).join("");
  return `<table class="headline">
<thead><tr><th scope="col">pass@1</th><th scope="col" class="plot">0 to 100%</th>${titles}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table>`;
}

/** The line that a single run would have written, of the averages. */
function averageLine({ name, lines }: StageOfRuns): MetricsRecord {
  const averages = Object.keys(lines[0]).flatMap((metric) => {
    if (metric.endsWith("_stderr")) return [];
    const values = lines.map((line) => line[metric]);
    if (!values.every((value): value is number => typeof value === "number")) return [];
    const { value, stderr } = estimate(values);
    return [
      [metric, value],
      [`${metric}_stderr`, stderr],
    ];
  });
  return { ...Object.fromEntries(averages), phase: "eval", step: lines[0].step, model: name };
}

/** Settings: those of all runs, and, of each run, those in which it differs. */
function settings(runs: readonly RunRecords[]): string {
  const of = runs.map(({ config }) => new Map(flatten(config.options)));
  const isShared = ([name, value]: readonly [string, string]) => of.every((each) => each.get(name) === value);
  const own = runs.map(({ path, config, summary }, i) => {
    const seconds = summary === undefined ? [] : [["seconds", String(Math.round(summary.wallSeconds))] as const];
    const rows = [["seed", String(config.seed)] as const, ...[...of[i]].filter((row) => !isShared(row)), ...seconds];
    return settingsTable(basename(path), rows);
  });
  const { machine, verb } = runs[0].config;
  return `<h2>How they were made</h2>
<div class="settings">${own.join("")}${settingsTable("Settings of all", [...of[0]].filter(isShared))}</div>
<footer>Made by <code>luciole ${escapeHtml(verb)}</code> on ${escapeHtml(machine.cpu)}, ${machine.threads} threads.
Every number on this page was counted by the runs themselves.</footer>`;
}
