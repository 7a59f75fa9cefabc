// The verb `watch` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { wholeNumber } from "./flag-values.js";
import { debugFlag, verb } from "./flags.js";

/** Declares `luciole watch`: its arguments and flags. */
export function addWatch(program: Command): void {
  const command = verb(
    program,
    "watch",
    "show the curves and samples of runs in the browser while they go on",
    "luciole watch runs/first",
  );
  command
    .argument("[run]", "directory of a run, or of several", "runs")
    .option("--port <n>", "port to listen on; 0 takes a free one (default: 8090)", wholeNumber(0, 65535))
    .option("--json", "when the page can be opened, print one JSON object with its address on standard output");
  debugFlag(command);
  command.action(async (path, flags) => (await import("./watch.js")).watch(path, flags));
}
