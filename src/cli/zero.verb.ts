// The verb `zero` as the command line shows it. What it does is loaded when it runs.
import { type Command, Option } from "commander";
import { computeFlags, runFlags, settings, verb } from "./flags.js";

/** Declares `luciole zero`: its arguments and flags. */
export function addZero(program: Command): void {
  const command = verb(
    program,
    "zero",
    "train R1-Zero from scratch: build a model, pretrain, evaluate, reinforce, evaluate again",
    "luciole zero --seed 3 --out runs/first",
  );
  command.addOption(
    new Option("--preset <name>", "size of the run (default: tiny, about ten minutes on two cores)").choices([
      "tiny",
      "smoke",
    ]),
  );
  settings(command, "zero", "pretrain.learningRate=1e-3");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./zero.js")).zero(flags));
}
