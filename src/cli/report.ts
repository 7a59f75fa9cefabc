// `luciole report`: the report of a run as far as it has come, at any time, also while it is under way; or of several
// runs together.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type MixSummary, mixSeedsReport, writeMixReport } from "../../recipes/mix.js";
import { writeFileAtomically } from "../atomic-file.js";
import { ConfigError } from "../errors.js";
import { writeEvaluationReport } from "../eval/report/evaluation-page.js";
import { writeReport } from "../report/report.js";
import { writeRunsReport } from "../report/runs-report.js";
import { readRunConfig } from "../run/run-directory.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface ReportFlags {
  readonly json?: boolean;
  readonly out?: string;
}

/** Writes the report of the runs in `paths` and says where it lies. */
export function report(paths: readonly string[], { json, out }: ReportFlags): void {
  const file = paths.length === 1 ? reportOfOne(paths[0], out) : reportOfSeveral(paths, out);
  writeResult(json, { report: file }, () => [`report:  ${shownPath(file)}`]);
}

function reportOfOne(path: string, out: string | undefined): string {
  if (out !== undefined)
    throw new ConfigError("--out is for several runs: the report of one run is report.html in its directory");
  const run = resolve(path);
  if (isMixRun(run)) {
    writeMixReport(run, mixSummaryOf(run));
    return join(run, "report.html");
  }
  return isEvaluation(run) ? writeEvaluationReport(run) : writeReport(run);
}

function reportOfSeveral(paths: readonly string[], out: string | undefined): string {
  if (out === undefined)
    throw new ConfigError("the report of several runs needs a place: name the page with --out compared.html");
  if (paths.some((path) => isEvaluation(resolve(path))))
    throw new ConfigError(`evaluations are compared with: luciole eval compare ${paths.join(" ")} --out ${out}`);
  const numMixes = paths.filter((path) => isMixRun(resolve(path))).length;
  if (numMixes > 0 && numMixes < paths.length)
    throw new ConfigError("runs of luciole mix are averaged with their like: leave out the others");
  if (numMixes > 0) writeFileAtomically(resolve(out), mixSeedsReport(paths.map((path) => mixSummaryOf(resolve(path)))));
  else writeRunsReport(paths, resolve(out));
  return resolve(out);
}

const isEvaluation = (run: string): boolean => readRunConfig(run).verb === "eval";
const isMixRun = (run: string): boolean => readRunConfig(run).verb === "mix";

/** Throws ConfigError for a run of `luciole mix` that is not finished. */
function mixSummaryOf(run: string): MixSummary {
  const file = join(run, "summary.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  const again = `${ownCommand()} mix --resume ${shownPath(run)}`;
  throw new ConfigError(`${run}: this run of luciole mix is not finished; go on with: ${again}`);
}
