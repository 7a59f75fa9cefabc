// The end of a run in a terminal: before and after with standard errors, and where to look next.
import { join } from "node:path";
import { formatDuration, formatNumber, formatPercent, withError } from "../number-text.js";
import type { EvaluationMetrics, RunSummary } from "../run/records.js";
import { ownCommand, shellWord, shownPath } from "../terminal/own-command.js";

const ROWS: readonly { key: keyof EvaluationMetrics; label: (k: number) => string; isRate: boolean }[] = [
  { key: "pass1", label: () => "pass@1", isRate: true },
  { key: "consK", label: (k) => `cons@${k}`, isRate: true },
  { key: "passK", label: (k) => `pass@${k}`, isRate: true },
  { key: "formatRate", label: () => "format", isRate: true },
  { key: "meanThinkTokens", label: () => "thinking tokens", isRate: false },
];

/** Lines that tell a finished run: the table, what it took, and the commands to go on with. */
export function summaryLines(summary: RunSummary, question: string): string[] {
  const { problems, samplesPerProblem, params, activeParams, rlSteps, wallSeconds, runDir } = summary;
  const size =
    `${formatNumber(params)} parameters (${formatNumber(activeParams)} active), ${formatNumber(rlSteps)} ` +
    `RL steps, ${formatDuration(wallSeconds)}`;
  return [
    "",
    `${formatNumber(problems)} distinct held-out problems x ${samplesPerProblem} samples, ± one standard error`,
    row("", "before", "after RL", "change"),
    ...rowsFor(samplesPerProblem).map(({ key, label, isRate }) => {
      const show = (of: RunSummary["base"]) => withError(of[key], of.stderr[key], (value) => write(value, isRate));
      const change = summary.final[key] - summary.base[key];
      return row(
        label(samplesPerProblem),
        show(summary.base),
        show(summary.final),
        `${change >= 0 ? "+" : "-"}${write(Math.abs(change), isRate)}`,
      );
    }),
    size,
    "",
    `report:  ${shownPath(join(runDir, "report.html"))}`,
    `try it:  ${ownCommand()} run ${shownPath(runDir)} ${shellWord(question)}`,
  ];
}

/** With one sample a problem, pass@k and cons@k are pass@1. */
const rowsFor = (samplesPerProblem: number) =>
  ROWS.filter(({ key }) => samplesPerProblem > 1 || (key !== "passK" && key !== "consK"));

const write = (value: number, isRate: boolean): string => (isRate ? formatPercent(value) : value.toFixed(1));
const row = (...cells: readonly string[]): string =>
  [cells[0].padEnd(16), ...cells.slice(1).map((cell) => cell.padStart(18))].join("");
