// The verb `distill` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { collect } from "./flag-values.js";
import { computeFlags, runFlags, settings, taskFlags, verb } from "./flags.js";

/** Declares `luciole distill`: its arguments and flags. */
export function addDistill(program: Command): void {
  const command = verb(
    program,
    "distill",
    "train a student on what a teacher says, verified where the task can",
    "luciole distill --teacher runs/r1 --student llama-tiny --set sampling.problems=1000",
  );
  command
    .option(
      "--teacher <model>",
      "model that teaches: a run, model directory, .gguf file or pulled model (org/name); several, each for its own " +
        "domain of problems, as word-problems=runs/words; repeatable",
      collect,
    )
    .option(
      "--student <model|shape>",
      "model that learns, or the shape of a new one: a preset (llama-tiny, …), a released shape " +
        "(r1-distill-qwen-1.5b, …) or a config.json",
    );
  taskFlags(command);
  settings(command, "distill", "sampling.problems=1000");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./distill.js")).distill(flags));
}
