// The verb `report` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { debugFlag, jsonFlag, verb } from "./flags.js";

/** Declares `luciole report`: its arguments and flags. */
export function addReport(program: Command): void {
  const command = verb(
    program,
    "report",
    "write the report of a run as far as it has come, also while it is under way, or one page of several finished runs",
    "luciole report runs/first",
  );
  command
    .argument("<run...>", "directory of the run; or those of several runs with other seeds, to be averaged")
    .option("--out <file>", "page of several runs");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (paths, flags) => (await import("./report.js")).report(paths, flags));
}
