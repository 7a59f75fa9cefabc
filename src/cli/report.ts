// `luciole report`: the report of a run as far as it has come, at any time, also while it is under way; or of several
// runs together.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { writeReport } from "../report/report.js";
import { writeRunsReport } from "../report/runs-report.js";
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
  return writeReport(resolve(path));
}

function reportOfSeveral(paths: readonly string[], out: string | undefined): string {
  if (out === undefined)
    throw new ConfigError("the report of several runs needs a place: name the page with --out compared.html");
  writeRunsReport(paths, resolve(out));
  return resolve(out);
}
