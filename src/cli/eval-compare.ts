// `luciole eval compare`: evaluations on the same questions side by side, as lines and as a page.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { type ComparedPart, compareAll, writeComparison } from "../eval/report/comparison-page.js";
import { readEvaluation } from "../eval/report/kept-evaluation.js";
import { formatPercent } from "../number-text.js";
import { shownPath } from "../terminal/own-command.js";
import { writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface CompareFlags {
  readonly json?: boolean;
  readonly out?: string;
}

/** Compares the evaluations kept in `paths` with the first of them; with --out, as a page, too. */
export function compare(paths: readonly string[], { json, out }: CompareFlags): void {
  if (paths.length < 2)
    throw new ConfigError("a comparison needs two evaluations or more: luciole eval compare runs/a runs/b");
  const all = paths.map((path) => readEvaluation(resolve(path)));
  const pairs = compareAll(all);
  const report = out === undefined ? null : resolve(out);
  if (report !== null) writeComparison(all, pairs, report);
  const comparisons = pairs.map(({ first, other, compared }) => ({
    ...{ runs: [first.kept.path, other.kept.path], ...compared },
  }));
  writeResult(json, { comparisons, ...(report === null ? {} : { report }) }, () => [
    ...pairs.flatMap(lines),
    ...(report === null ? [] : [`report:  ${shownPath(report)}`]),
  ]);
}

function lines({ first, other, compared }: ComparedPart): string[] {
  const { title, questions, unpaired, pass1, mcNemar } = compared;
  const { value, stderr } = pass1.difference;
  const points = `${value < 0 ? "-" : "+"}${(100 * Math.abs(value)).toFixed(1)}`;
  const error = stderr === null ? "" : ` ± ${(100 * stderr).toFixed(1)}`;
  return [
    `${title}: ${questions} questions in common${unpaired > 0 ? `, ${unpaired} of one alone left out` : ""}`,
    `  ${first.kept.name}: pass@1 ${formatPercent(pass1.first)}`,
    `  ${other.kept.name}: pass@1 ${formatPercent(pass1.second)}, ${points}${error} points`,
    `  lost ${mcNemar.onlyFirst}, won ${mcNemar.onlySecond} by the most frequent answer; McNemar p = ` +
      mcNemar.pValue.toPrecision(2),
  ];
}
