// The verb `doctor` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { wholeNumber } from "./flag-values.js";
import { debugFlag, jsonFlag, verb } from "./flags.js";

/** Declares `luciole doctor`: its arguments and flags. */
export function addDoctor(program: Command): void {
  const command = verb(
    program,
    "doctor",
    "check this machine: Node, compiler, kernels, speed, memory, disk",
    "luciole doctor",
  );
  jsonFlag(command);
  command.option("--threads <n>", "number of threads to measure with (default: one per core)", wholeNumber(1, 256));
  debugFlag(command);
  command.action(async (flags) => (await import("./doctor.js")).doctor(flags));
}
