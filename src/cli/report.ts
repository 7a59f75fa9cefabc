// `luciole report`: the report of a run as far as it has come, at any time, also while it is under way; or of several
// runs together.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { writeEvaluationReport } from "../eval/report/evaluation-page.js";
import { writeReport } from "../report/report.js";
import { writeRunsReport } from "../report/runs-report.js";
import { readRunConfig } from "../run/run-directory.js";
import { shownPath } from "../terminal/own-command.js";
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
  return isEvaluation(run) ? writeEvaluationReport(run) : writeReport(run);
}

function reportOfSeveral(paths: readonly string[], out: string | undefined): string {
  if (out === undefined)
    throw new ConfigError("the report of several runs needs a place: name the page with --out compared.html");
  if (paths.some((path) => isEvaluation(resolve(path))))
    throw new ConfigError(`evaluations are compared with: luciole eval compare ${paths.join(" ")} --out ${out}`);
  writeRunsReport(paths, resolve(out));
  return resolve(out);
}

const isEvaluation = (run: string): boolean => readRunConfig(run).verb === "eval";
