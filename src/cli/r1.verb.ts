// The verb `r1` as the command line shows it. What it does is loaded when it runs.
import { type Command, Option } from "commander";
import { computeFlags, runFlags, settings, verb } from "./flags.js";

/** Declares `luciole r1`: its arguments and flags. */
export function addR1(program: Command): void {
  const command = verb(
    program,
    "r1",
    "train R1 from scratch: base, R1-Zero, cold start, reasoning RL, rejection sampling, RL for all scenarios",
    "luciole r1 --out runs/r1 --set cold.data=chains.jsonl",
  );
  command.addOption(
    new Option("--preset <name>", "size of the run (default: tiny, planned for an hour on two cores)").choices([
      "tiny",
      "smoke",
    ]),
  );
  settings(command, "r1", 'stages=\'["zero","cold"]\'');
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./r1.js")).r1(flags));
}
