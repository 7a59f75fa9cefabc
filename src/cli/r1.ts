// `luciole r1`: the recipe of the whole R1 from the command line.
import { join, resolve } from "node:path";
import { R1_PRESETS, type R1Preset, type R1Summary, r1IdleRules, r1Options, runR1 } from "../../recipes/r1.js";
import { resolveModel } from "../hub/resolve-model.js";
import { refuseIdle } from "../library/idle-settings.js";
import { formatDuration, formatNumber, formatPercent, withError } from "../number-text.js";
import { ownCommand, shellWord, shownPath } from "../terminal/own-command.js";
import { configOfRun } from "../train/reopen.js";
import { finishedRun, performRun, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";

/** Flags as commander gives them. */
export interface R1Flags extends RunFlags {
  readonly preset?: R1Preset;
}

/** Runs or resumes the recipe; prints each stage beside the one before. */
export async function r1(flags: R1Flags): Promise<void> {
  refuseBesideResume(flags, ["preset"]);
  const { options, seed } = flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume);
  const summary =
    (finishedRun(flags.resume)?.summary as R1Summary | undefined) ??
    (await performRun("r1", flags, (context) => runR1(options, seed, context)));
  writeResult(flags.json, summary, () => r1Lines(summary));
}

function requestOf({ preset = "tiny", seed = 0, ...flags }: R1Flags) {
  const options = r1Options(applySettings(R1_PRESETS[preset], flags));
  refuseIdle(applySettings({}, flags), r1IdleRules(options));
  return { options: { ...options, base: options.base && resolve(resolveModel(options.base)) }, seed };
}

function recordedRequest(path: string) {
  const { options, seed } = configOfRun(path, "r1");
  return { options: r1Options(options), seed };
}

const HEAD = ["", "pass@1", "change", "format", "one language", "general"];

function r1Lines({
  stages,
  students,
  problems,
  samplesPerProblem,
  params,
  activeParams,
  wallSeconds,
  runDir,
}: R1Summary) {
  const rows = stages.map(({ name, evaluation, figures }, i) => {
    const { pass1, formatRate, stderr } = evaluation;
    const change = i === 0 ? "" : signed(pass1 - stages[i - 1].evaluation.pass1);
    const shares = [figures.one_language, figures.general].map((share) =>
      share === undefined ? "–" : formatPercent(share),
    );
    return [name, withError(pass1, stderr.pass1, formatPercent), change, formatPercent(formatRate), ...shares];
  });
  return [
    "",
    `${formatNumber(problems)} distinct held-out problems x ${samplesPerProblem} samples, ± one standard error`,
    ...[HEAD, ...rows].map(([name, ...cells]) => [name.padEnd(12), ...cells.map((cell) => cell.padStart(16))].join("")),
    ...students.map(studentLine),
    `${formatNumber(params)} parameters (${formatNumber(activeParams)} active), ${formatDuration(wallSeconds)}`,
    "",
    `report:  ${shownPath(join(runDir, "report.html"))}`,
    `try it:  ${ownCommand()} run ${shownPath(runDir)} ${shellWord("Compute 7+8.")}`,
  ];
}

const studentLine = ({ name, evaluation, activeParams }: R1Summary["students"][number]): string => {
  const { pass1, stderr } = evaluation;
  const score = withError(pass1, stderr.pass1, formatPercent).padStart(10);
  return `${`${name} student`.padEnd(18)}${score}, ${formatNumber(activeParams)} active parameters, distilled`;
};

const signed = (change: number): string => `${change >= 0 ? "+" : "-"}${formatPercent(Math.abs(change))}`;
