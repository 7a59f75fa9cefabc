// The page that compares evaluations: each suite's accuracy side by side, the paired difference on the same questions,
// accuracy against tokens, and the questions on which they part most, with transcripts.
import { writeFileAtomically } from "../../atomic-file.js";
import { ConfigError } from "../../errors.js";
import { formatNumber, formatPercent } from "../../number-text.js";
import type { SeriesColor } from "../../report/charts.js";
import { shownDifference, shownEstimate } from "../../report/estimates.js";
import { renderFigures } from "../../report/figures.js";
import { escapeHtml } from "../../report/html.js";
import { page, settingsTable, topBar } from "../../report/page-shell.js";
import { errorBar, type Mark, track } from "../../report/track.js";
import { renderPair } from "../../report/transcripts.js";
import { compareEvaluations, type PartComparison } from "../compare.js";
import type { PartRecord, QuestionRecord } from "../evaluation-record.js";
import { type KeptEvaluation, samplesOf } from "./kept-evaluation.js";
import { curveChart, renderSample, shareRight } from "./pieces.js";

/** Two evaluations of the same suite: the first one given, and one that is compared with it. */
export interface ComparedPart {
  readonly first: PartOf;
  readonly other: PartOf;
  readonly compared: PartComparison;
}

/** A part of an evaluation. */
interface PartOf {
  readonly kept: KeptEvaluation;
  readonly part: PartRecord;
}

/** Questions with transcripts, for each pair. */
const MAX_QUESTIONS = 5;
const COLORS: readonly SeriesColor[] = ["muted", "accent", "blue", "amber", "rose"];

/**
 * Every suite that the first evaluation shares with another one, in its order. Throws ConfigError where it shares none
 * with one of them, or where one comes twice.
 */
export function compareAll(all: readonly KeptEvaluation[]): ComparedPart[] {
  const [first, ...others] = all;
  const twice = all.find(({ path }, i) => all.findIndex((each) => each.path === path) < i);
  if (twice) throw new ConfigError(`${twice.path}: an evaluation cannot be compared with itself`);
  const pairs = others.flatMap((kept) =>
    compareEvaluations(first.record, kept.record).map(
      (compared): ComparedPart => ({
        ...{ first: partOf(first, compared), other: partOf(kept, compared), compared },
      }),
    ),
  );
  const places = first.record.evaluations.map(({ task }) => task);
  return pairs.sort((a, b) => places.indexOf(a.compared.task) - places.indexOf(b.compared.task));
}

function partOf(kept: KeptEvaluation, { task }: PartComparison): PartOf {
  return { kept, part: kept.record.evaluations.find((part) => part.task === task) as PartRecord };
}

/** Writes the page of a comparison. */
export function writeComparison(all: readonly KeptEvaluation[], pairs: readonly ComparedPart[], file: string): void {
  writeFileAtomically(file, renderComparison(all, pairs));
}

/** The HTML of a comparison. */
export function renderComparison(all: readonly KeptEvaluation[], pairs: readonly ComparedPart[]): string {
  const titles = [...new Set(pairs.map(({ compared }) => compared.title))];
  const charts = titles.flatMap((title, i) => {
    const of = all.flatMap(({ name, record }, index) => {
      const curve = record.evaluations.find((part) => part.title === title)?.curve ?? [];
      return curve.length === 0 ? [] : [{ name, color: COLORS[index % COLORS.length], curve }];
    });
    return of.length === 0 ? [] : [curveChart(`curve${i}`, title, of)];
  });
  const body = [
    topBar(["comparison", ...all.map(({ name }) => name)]),
    `<h1>${headline(pairs)}</h1>`,
    '<p class="facts">differences are taken question by question; bars: two standard errors</p>',
    ...titles.map((title) =>
      accuracyTable(
        title,
        pairs.filter(({ compared }) => compared.title === title),
      ),
    ),
    charts.length === 0 ? "" : `<h2>Accuracy against tokens</h2>${renderFigures(charts)}`,
    ...pairs.map(partings),
    `<h2>What was compared</h2><div class="settings">${all.map(settings).join("")}</div>
<footer>The first evaluation is the one that the others are compared with.</footer>`,
  ];
  const drawn = charts.map((chart) => ({ ...chart, group: chart.id }));
  return page("Comparison · Luciole", body.join("\n"), { charts: drawn, heats: [] });
}

/** What the first comparison came to. A difference within two standard errors is called none. */
function headline([{ first, other, compared }]: readonly ComparedPart[]): string {
  const { title, pass1 } = compared;
  const { value, stderr } = pass1.difference;
  const names = [first, other].map(({ kept }) => escapeHtml(kept.name));
  if (stderr === null) return `${names[1]} beside ${names[0]}: one question is too few to compare.`;
  if (Math.abs(value) <= 2 * stderr)
    return `${names[1]} and ${names[0]} do not differ significantly on ${escapeHtml(title)}.`;
  const points = (100 * Math.abs(value)).toFixed(1);
  return (
    `${names[1]} is <em class="final">${points} points</em> ${value > 0 ? "above" : "below"} ${names[0]} on ` +
    `${escapeHtml(title)}.`
  );
}

/** A row for each evaluation of a suite. */
function accuracyTable(title: string, pairs: readonly ComparedPart[]): string {
  const [{ first, compared }] = pairs;
  const rows = [
    rowOf(first, "base", ["", "", ""]),
    ...pairs.map(({ other, compared: { pass1, mcNemar } }) =>
      rowOf(other, "final", [
        shownDifference(pass1.difference),
        `${formatNumber(mcNemar.onlyFirst)} / ${formatNumber(mcNemar.onlySecond)}`,
        mcNemar.pValue < 0.001 ? "&lt; 0.001" : mcNemar.pValue.toFixed(3),
      ]),
    ),
  ];
  const titles = ["pass@1", "Difference", "Lost / won", "McNemar p"].map((name) => `<th scope="col">${name}</th>`);
  const questions = `${escapeHtml(title)}<small>${formatNumber(compared.questions)} questions in common</small>`;
  return `<table class="headline">
<thead><tr><th scope="col">${questions}</th><th scope="col" class="plot">0 to 100%</th>${titles.join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table>`;
}

function rowOf({ kept, part }: PartOf, kind: Mark["kind"], cells: readonly string[]): string {
  const { pass1, stderr, samplesPerProblem, meanTokens } = part;
  const marks = track([{ at: pass1, bar: errorBar(pass1, stderr.pass1 ?? 0), kind }]);
  const note = `${formatNumber(samplesPerProblem)} samples, ${formatNumber(Math.round(meanTokens))} tokens each`;
  return `<tr><th scope="row">${escapeHtml(kept.name)}<small>${note}</small></th><td class="plot">${marks}</td>
<td class="n strong">${shownEstimate({ value: pass1, stderr: stderr.pass1 })}</td>
${cells.map((cell) => `<td class="n">${cell}</td>`).join("")}</tr>`;
}

/** The questions on which two evaluations part most, with a sample of each. */
function partings({ first, other, compared: { title } }: ComparedPart): string {
  const questions = first.part.questions
    .flatMap((question) => {
      const same = other.part.questions.find(({ id }) => id === question.id);
      return same === undefined ? [] : [{ question, same, apart: Math.abs(same.pass1 - question.pass1) }];
    })
    .filter(({ apart }) => apart > 0)
    .sort((a, b) => b.apart - a.apart)
    .slice(0, MAX_QUESTIONS);
  if (questions.length === 0) return "";
  const shown = questions.map(({ question, same }) => {
    const sides = [sideOf(first, question, "base"), sideOf(other, same, "final")];
    const goal = question.gold === "" ? "" : `<p class="goal">Answer: <code>${escapeHtml(question.gold)}</code></p>`;
    return renderPair(question.question, goal, sides);
  });
  return `<h2>${escapeHtml(title)}: where ${escapeHtml(first.kept.name)} and ${escapeHtml(other.kept.name)} part</h2>
<p class="lead">The questions with the largest difference, each with a sample that is as most of its side are.</p>
${shown.join("\n")}`;
}

/** A sample that is right where most are, else wrong. */
function sideOf({ kept, part }: PartOf, question: QuestionRecord, role: "base" | "final"): string {
  const samples = samplesOf(kept, part, question);
  const isMostlyRight = question.pass1 >= 0.5;
  const typical = samples.find(({ score }) => (score === 1) === isMostlyRight) ?? samples[0];
  return renderSample(`${kept.name}: ${shareRight(samples)} right`, role, typical);
}

function settings({ name, record }: KeptEvaluation): string {
  const { model, adapter, protocol, temperature, topP, maxNewTokens, seed, luciole, grader } = record;
  const rows = Object.entries({
    ...{ model, adapter: adapter ?? "none", protocol: protocol ?? "none", temperature, topP, maxNewTokens, seed },
    ...{ Luciole: luciole, grader },
    ...Object.fromEntries(record.evaluations.map(({ title, pass1 }) => [title, formatPercent(pass1)])),
  });
  return settingsTable(
    name,
    rows.map(([key, value]) => [key, String(value)]),
  );
}
