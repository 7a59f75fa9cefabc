// `luciole report`: the report of a run as far as it has come, at any time, also while it is under way.
import { resolve } from "node:path";
import { writeReport } from "../report/report.js";
import { shownPath } from "../terminal/own-command.js";
import { writeResult } from "./run-verb.js";

/** Writes report.html of the run in `path` and says where it lies. */
export function report(path: string, { json }: { readonly json?: boolean }): void {
  const file = writeReport(resolve(path));
  writeResult(json, { report: file }, () => [`report:  ${shownPath(file)}`]);
}
