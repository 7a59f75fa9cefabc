// What an evaluation says in a terminal: each suite's or task's counts with their standard errors. Counts nothing.
import type { EvaluationCounts } from "../eval/evaluate.js";
import type { PartRecord } from "../eval/evaluation-record.js";
import type { MemberWork } from "../inference/runtime/request.js";
import type { EvaluationResult } from "../library/evaluation-request.js";
import { formatNumber, formatPercent, withError } from "../number-text.js";

/** The lines of all evaluations, the work of a mix's members, and how fast was sampled. */
export function evaluationLines({ record, tokensPerSecond, members = [] }: EvaluationResult): string[] {
  const { protocol, temperature, topP, maxNewTokens, seed, evaluations } = record;
  const settings =
    `${protocol === null ? "" : `protocol ${protocol}: `}temperature ${temperature}, top-p ${topP}, up to ` +
    `${maxNewTokens} new tokens, seed ${seed}`;
  return [
    ...evaluations.flatMap((part) => [headOf(part), ...(part === evaluations[0] ? [settings] : []), ...linesOf(part)]),
    ...members.map(memberLine),
    ...(tokensPerSecond > 0 ? [`${Math.round(tokensPerSecond).toLocaleString("en-US")} tokens/s`] : []),
  ];
}

const headOf = ({ title, problems, samplesPerProblem, stderr }: PartRecord): string =>
  `${title}: ${problems} distinct held-out problem${problems === 1 ? "" : "s"} x ${samplesPerProblem} samples` +
  `${stderr.pass1 === null ? "" : ", ± one standard error"}`;

const row = (label: string, value: string): string => `${label.padEnd(18)}${value}`;

function linesOf(part: PartRecord): string[] {
  const { samplesPerProblem: k, stderr, passAt, shares, curve, contamination } = part;
  const rate = (label: string, key: keyof EvaluationCounts) =>
    row(label, withError(part[key], stderr[key], formatPercent));
  return [
    rate("pass@1", "pass1"),
    ...passAt
      .filter(({ k: each }) => each > 1)
      .map((each) => row(`pass@${each.k}`, withError(each.value, each.stderr, formatPercent))),
    ...(k > 1 ? [rate(`cons@${k}`, "consK")] : []),
    ...Object.entries(shares).map(([name, { value, stderr: error }]) =>
      row(name, withError(value, error, formatPercent)),
    ),
    rate("format", "formatRate"),
    row(
      "thinking tokens",
      withError(part.meanThinkTokens, stderr.meanThinkTokens, (value) => value.toFixed(1)),
    ),
    row(
      "tokens",
      withError(part.meanTokens, stderr.meanTokens, (value) => value.toFixed(1)),
    ),
    rate("cut off", "truncatedRate"),
    ...curve.map(({ budget, pass1, meanTokens }) =>
      row(
        `within ${formatNumber(budget)}`,
        `${withError(pass1.value, pass1.stderr, formatPercent)} (${meanTokens.toFixed(0)} tokens)`,
      ),
    ),
    ...(contamination ? [row("contaminated", `${formatPercent(contamination.share)} of the questions`)] : []),
  ];
}

const memberLine = ({ member, completions, tokens, flops, seconds }: MemberWork): string =>
  `${member.padEnd(18)}${completions} completions, ${tokens.toLocaleString("en-US")} tokens, ` +
  `${(flops / 1e9).toPrecision(3)} GFLOP, ${seconds.toFixed(1)} s`;
