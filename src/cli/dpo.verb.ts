// The verb `dpo` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { collect } from "./flag-values.js";
import { computeFlags, DATA_NAMES, runFlags, settings, verb } from "./flags.js";

/** Declares `luciole dpo`: its arguments and flags. */
export function addDpo(program: Command): void {
  const command = verb(
    program,
    "dpo",
    "tune a model on pairs of a better and a worse answer (direct preference optimisation)",
    "luciole dpo --model runs/tuned --data preferences.jsonl --set beta=0.1",
  );
  command
    .option("--model <dir>", "model to start from: a run, a model directory or a pulled model (org/name)")
    .option("--data <name>", `rows with prompt, chosen and rejected: ${DATA_NAMES}`, collect);
  settings(command, "dpo", "learningRate=1e-6");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./dpo.js")).dpo(flags));
}
