// The tables of a run with several stages: what each came to on held-out problems, beside the stage before it. Knows no
// stage by name.
import { formatNumber, formatPercent } from "../number-text.js";
import type { MetricsRecord } from "../run/records.js";
import { escapeHtml } from "./html.js";

interface Column {
  readonly metric: string;
  readonly title: string;
  readonly unit: "percent" | "tokens";
}

/** What a model is like as a whole. */
const OVERALL: readonly Column[] = [
  { metric: "pass1", title: "pass@1", unit: "percent" },
  { metric: "format_rate", title: "format", unit: "percent" },
  { metric: "one_language", title: "one language", unit: "percent" },
  { metric: "english", title: "English words", unit: "percent" },
  { metric: "general", title: "general", unit: "percent" },
  { metric: "general_wins/zero", title: "wins over Zero", unit: "percent" },
  { metric: "refused", title: "harmful refused", unit: "percent" },
  { metric: "answered", title: "harmless answered", unit: "percent" },
  { metric: "mean_think_tokens", title: "thinking tokens", unit: "tokens" },
];
/** `pass1/<task>`. */
const OF_TASK = /^pass1\/(.+)$/;

/** The tables; empty for a run with fewer than three full evaluations, which has a headline of its own. */
export function renderStages(metrics: readonly MetricsRecord[]): string {
  const lines = fullEvaluations(metrics);
  if (lines.length < 3) return "";
  return `<h2>Stage by stage</h2><p class="lead">Each model on the same held-out problems, with the change since the
row above it; ± one standard error.</p>
${stageTables(lines)}`;
}

/** The full evaluations of a run: each is that of a named model. */
export const fullEvaluations = (metrics: readonly MetricsRecord[]): MetricsRecord[] =>
  metrics.filter(({ phase, model }) => phase === "eval" && typeof model === "string");

/** A row for each line: what the model is like as a whole, and on each task. */
export function stageTables(lines: readonly MetricsRecord[]): string {
  const names = [...new Set(lines.flatMap((line) => Object.keys(line)))];
  const overall = OVERALL.filter(({ metric }) => names.includes(metric));
  const ofTasks = names.flatMap((metric): Column[] => {
    const task = OF_TASK.exec(metric)?.[1];
    const isFigure = task !== undefined && !task.endsWith("_stderr");
    return isFigure ? [{ metric, title: task.replaceAll("-", " "), unit: "percent" }] : [];
  });
  const tasks = ofTasks.length > 0 ? `<h3>pass@1 of each task</h3>\n${table(lines, ofTasks)}` : "";
  return `${table(lines, overall)}\n${tasks}`;
}

function table(lines: readonly MetricsRecord[], columns: readonly Column[]): string {
  const head = ["Stage", ...columns.map(({ title }) => title)].map(
    (title) => `<th scope="col">${escapeHtml(title)}</th>`,
  );
  const rows = lines.map((line, i) => row(line, lines[i - 1], columns));
  return `<div class="scroll"><table class="rollouts stages"><thead><tr>${head.join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>`;
}

function row(line: MetricsRecord, before: MetricsRecord | undefined, columns: readonly Column[]): string {
  const cells = columns.map(
    ({ metric, title, unit }) =>
      `<td class="n" data-label="${escapeHtml(title)}">${cell(line, before?.[metric], metric, unit)}</td>`,
  );
  return `<tr class="first"><th scope="row">${escapeHtml(String(line.model))}</th>${cells.join("")}</tr>`;
}

function cell(line: MetricsRecord, before: unknown, metric: string, unit: Column["unit"]): string {
  const value = line[metric];
  if (typeof value !== "number") return "–";
  const error = line[`${metric}_stderr`];
  const notes = [
    ...(typeof error === "number" ? [`± ${amount(error, unit)}`] : []),
    ...(typeof before === "number" ? [signed(value - before, unit)] : []),
  ];
  const shown = unit === "percent" ? formatPercent(value) : amount(value, unit);
  return `${shown}${notes.map((note) => `<small> ${escapeHtml(note)}</small>`).join("")}`;
}

/** A change with its sign; one that is too small to be seen has a plus. */
function signed(change: number, unit: Column["unit"]): string {
  const shown = amount(Math.abs(change), unit);
  return `${change < 0 && Number(shown.replaceAll(",", "")) > 0 ? "−" : "+"}${shown}`;
}

/** A difference or an error, in points or tokens. */
const amount = (value: number, unit: Column["unit"]): string =>
  unit === "percent" ? (100 * value).toFixed(1) : formatNumber(Number(value.toFixed(1)));
