// The page of an evaluation: what each suite came to, accuracy against tokens, the hardest questions with transcripts,
// and how it was measured. One file that opens from disk, offline.
import { join } from "node:path";
import { writeFileAtomically } from "../../atomic-file.js";
import { formatNumber, formatPercent } from "../../number-text.js";
import { shownEstimate } from "../../report/estimates.js";
import { renderFigures } from "../../report/figures.js";
import { escapeHtml } from "../../report/html.js";
import { page, settingsTable, topBar } from "../../report/page-shell.js";
import { type Mark, track } from "../../report/track.js";
import { renderPair } from "../../report/transcripts.js";
import type { EvaluationRecord, PartRecord, QuestionRecord } from "../evaluation-record.js";
import { type KeptEvaluation, readEvaluation, samplesOf } from "./kept-evaluation.js";
import { curveChart, renderSample, shareRight } from "./pieces.js";

/** Questions in the table of the hardest. */
const MAX_HARDEST = 10;
/** Of these, how many are shown with transcripts. */
const MAX_TRANSCRIPTS = 3;

/** Reads a finished evaluation and writes its report.html. Gives the path of the report. */
export function writeEvaluationReport(runPath: string): string {
  const path = join(runPath, "report.html");
  writeFileAtomically(path, renderEvaluation(readEvaluation(runPath)));
  return path;
}

/** The HTML of an evaluation. Every text from model and data is escaped. */
export function renderEvaluation(kept: KeptEvaluation): string {
  const { record, name, startedAt } = kept;
  const { evaluations, protocol, temperature, topP, maxNewTokens, seed } = record;
  const charts = evaluations.flatMap((part, i) =>
    part.curve.length === 0 ? [] : [curveChart(`curve${i}`, part.title, [{ ...accent, curve: part.curve }])],
  );
  const sampling = [
    ...(protocol === null ? [] : [`protocol ${protocol}`]),
    `temperature ${temperature}`,
    `top-p ${topP}`,
    `up to ${formatNumber(maxNewTokens)} new tokens`,
  ];
  const body = [
    topBar([name, `${startedAt.slice(0, 16).replace("T", " ")} UTC`, `seed ${seed}`]),
    `<h1>${headline(record)}</h1>`,
    `<p class="facts">${sampling.map(escapeHtml).join('<span class="dot">·</span>')}</p>`,
    accuracyTable(evaluations),
    countsTable(evaluations),
    charts.length === 0 ? "" : `<h2>Accuracy against tokens</h2>${renderFigures(charts)}`,
    ...evaluations.map((part) => hardest(kept, part)),
    howMeasured(record),
  ];
  const drawn = charts.map((chart) => ({ ...chart, group: chart.id }));
  return page(`${name} · Luciole`, body.join("\n"), { charts: drawn, heats: [] });
}

const accent = { name: "pass@1", color: "accent" } as const;

function headline({ evaluations, model }: EvaluationRecord): string {
  const shown = escapeHtml(model.split("/").slice(-2).join("/"));
  if (evaluations.length > 1) return `${shown} on ${evaluations.length} suites.`;
  const [{ title, pass1 }] = evaluations;
  return `${shown} solves <em class="final">${formatPercent(pass1)}</em> of ${escapeHtml(title)}.`;
}

/** pass@1 with its interval, and cons@k, of each suite on one scale. */
function accuracyTable(parts: readonly PartRecord[]): string {
  const isVoted = parts.some(({ samplesPerProblem }) => samplesPerProblem > 1);
  const rows = parts.map((part) => {
    const { title, problems, samplesPerProblem: k, pass1, consK, stderr, intervals } = part;
    const voted: Mark[] = k > 1 ? [{ at: consK, kind: "base" }] : [];
    const marks = track([...voted, { at: pass1, bar: intervals.pass1, kind: "final" }]);
    const questions = `${formatNumber(problems)} questions × ${formatNumber(k)}`;
    return `<tr><th scope="row">${escapeHtml(title)}<small>${questions}</small></th><td class="plot">${marks}</td>
<td class="n strong">${shownEstimate({ value: pass1, stderr: stderr.pass1 })}</td>
${isVoted ? `<td class="n">${k > 1 ? shownEstimate({ value: consK, stderr: stderr.consK }) : "–"}</td>` : ""}</tr>`;
  });
  const voted = isVoted ? '<span class="key base"></span>cons@k' : "";
  const legend = `${voted}<span class="key final"></span>pass@1, 95% interval`;
  const titles = ["pass@1", ...(isVoted ? ["cons@k"] : [])].map((title) => `<th scope="col">${title}</th>`).join("");
  return `<table class="headline">
<thead><tr><th scope="col">Suite</th><th scope="col" class="plot">${legend}</th>${titles}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table>`;
}

/** Everything else that was counted. */
function countsTable(parts: readonly PartRecord[]): string {
  const passNames = [...new Set(parts.flatMap(({ passAt }) => passAt.map(({ k }) => k)))].filter((k) => k > 1);
  const shareNames = [...new Set(parts.flatMap(({ shares }) => Object.keys(shares)))];
  const titles = [
    ...passNames.map((k) => `pass@${k}`),
    ...shareNames,
    ...["format", "cut off", "tokens", "thinking tokens", "contaminated"],
  ];
  const rows = parts.map((part) => {
    const { title, passAt, shares, stderr, contamination } = part;
    const rate = (key: "formatRate" | "truncatedRate") => shownEstimate({ value: part[key], stderr: stderr[key] });
    const tokens = (key: "meanTokens" | "meanThinkTokens") => formatNumber(Number(part[key].toFixed(1)));
    const cells = [
      ...passNames.map((k) => optional(passAt.find((each) => each.k === k))),
      ...shareNames.map((name) => optional(shares[name])),
      ...[rate("formatRate"), rate("truncatedRate"), tokens("meanTokens"), tokens("meanThinkTokens")],
      contamination === null ? "–" : formatPercent(contamination.share),
    ];
    const shown = cells.map((cell, i) => `<td class="n" data-label="${escapeHtml(titles[i])}">${cell}</td>`);
    return `<tr class="first"><th scope="row">${escapeHtml(title)}</th>${shown.join("")}</tr>`;
  });
  const head = ["Suite", ...titles].map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join("");
  return `<h2>All that was counted</h2><p class="lead">± one standard error; questions are the independent units.</p>
<div class="scroll"><table class="rollouts stages"><thead><tr>${head}</tr></thead><tbody>${rows.join("\n")}</tbody>
</table></div>`;
}

const optional = (estimate: Parameters<typeof shownEstimate>[0] | undefined): string =>
  estimate === undefined ? "–" : shownEstimate(estimate);

/** The questions with the fewest right answers, the first of them with what was said; those always right are none. */
function hardest(kept: KeptEvaluation, part: PartRecord): string {
  const missed = part.questions.filter(({ pass1 }) => pass1 < 1);
  const questions = missed.sort((a, b) => a.pass1 - b.pass1).slice(0, MAX_HARDEST);
  if (questions.length === 0) return "";
  const rows = questions.map(({ question, gold, samples }) => {
    const cells = [gold, mostFrequent(samples), shareRight(samples)];
    return `<tr class="first"><td></td><td>${escapeHtml(question)}</td>
${cells.map((cell) => `<td class="n">${escapeHtml(cell)}</td>`).join("")}</tr>`;
  });
  const head = ["", "Question", "Gold answer", "Most frequent answer", "Right"];
  const shown = questions.slice(0, MAX_TRANSCRIPTS).map((question) => transcript(kept, part, question));
  return `<h2>${escapeHtml(part.title)}: the hardest questions</h2>
<div class="scroll"><table class="rollouts"><thead><tr>${head.map((title) => `<th scope="col">${title}</th>`).join("")}
</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>
${shown.join("\n")}`;
}

/** The answer that most samples gave, by its spelling; the first of several. */
function mostFrequent(samples: QuestionRecord["samples"]): string {
  const counts = new Map<string, number>();
  for (const { answer } of samples) if (answer !== null) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const [first] = [...counts].sort(([, a], [, b]) => b - a);
  return first === undefined ? "none" : `${first[0]} (${first[1]} ×)`;
}

/** One question with its first samples: a right and a wrong one where there are both. */
function transcript(kept: KeptEvaluation, part: PartRecord, question: QuestionRecord): string {
  const samples = samplesOf(kept, part, question);
  const wrong = samples.find(({ score }) => score !== 1);
  const right = samples.find(({ score }) => score === 1);
  const sides = [wrong, right].flatMap((sample) =>
    sample === undefined
      ? []
      : [renderSample(`Sample ${sample.sample + 1}`, sample.score === 1 ? "final" : "base", sample)],
  );
  const goal = question.gold === "" ? "" : `<p class="goal">Answer: <code>${escapeHtml(question.gold)}</code></p>`;
  return renderPair(question.question, goal, sides);
}

/** Versions, sampling, sources with their hashes. */
function howMeasured(record: EvaluationRecord): string {
  const { luciole, grader, model, adapter, protocol, template, temperature, topP, topK, maxNewTokens, seed } = record;
  const sampling = Object.entries({
    protocol: protocol ?? "none",
    template,
    temperature,
    topP,
    topK,
    maxNewTokens,
    seed,
  });
  const versions = { Luciole: luciole, grader, model, ...(adapter === null ? {} : { adapter }) };
  const tables = [
    settingsTable(
      "Sampling",
      sampling.map(([name, value]) => [name, String(value)]),
    ),
    settingsTable("Versions", Object.entries(versions)),
    ...record.evaluations.map(sourceTable),
  ];
  return `<h2>How it was measured</h2><div class="settings">${tables.join("")}</div>
<footer>Every sample is kept in sampled.jsonl, every number in evaluation.json.</footer>`;
}

function sourceTable({ title, grader, source, problems, samplesPerProblem, contamination }: PartRecord): string {
  const { repo, revision, licence, files = [] } = source ?? {};
  const rows = [
    ["grader", grader],
    ["questions", `${formatNumber(problems)} × ${formatNumber(samplesPerProblem)} samples`],
    ...(repo === undefined ? [] : [["data set", repo]]),
    ...(revision === undefined ? [] : [["revision", revision]]),
    ...(licence === undefined ? [] : [["licence", licence]]),
    ...files.map(({ path, sha256 }) => [path.split("/").pop() ?? path, `SHA-256 ${sha256.slice(0, 16)}…`]),
    ...(contamination === null ? [] : [["contaminated", formatPercent(contamination.share)]]),
  ] as [string, string][];
  return settingsTable(title, rows);
}
