// The verb `setup` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { debugFlag, jsonFlag, verb } from "./flags.js";

/** Declares `luciole setup`: its arguments and flags. */
export function addSetup(program: Command): void {
  const command = verb(
    program,
    "setup",
    "build the kernels for this CPU (otherwise built on first use)",
    "luciole setup",
  );
  command.option(
    "--to <dir>",
    "folder for the kernels, such as luciole-kernels next to a bundled program (default: the package's own folder)",
  );
  command.option("--all", "build kernels for every CPU of this architecture");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (flags) => (await import("./setup.js")).setup(flags));
}
