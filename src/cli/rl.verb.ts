// The verb `rl` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { collect, number } from "./flag-values.js";
import { computeFlags, runFlags, settings, taskFlags, verb } from "./flags.js";

/** Declares `luciole rl`: its arguments and flags. */
export function addRl(program: Command): void {
  const example =
    "luciole rl --model runs/tuned --data own.jsonl --reward accuracy --reward ./reward.ts --set rl.steps=50";
  const command = verb(program, "rl", "reinforce a model on a task with verifiable rewards", example);
  command.option("--model <dir>", "model to start from: a run, model directory, .gguf file or pulled model (org/name)");
  taskFlags(command);
  command.option(
    "--reward <name|file.ts|rm:dir>",
    "built-in reward, module or reward model, optionally with a weight (format:0.5, rm:runs/helpful:0.5); repeatable " +
      "(default: accuracy and format)",
    collect,
  );
  command.option(
    "--reward-timeout <seconds>",
    "time limit of a reward for one batch (default: 600); can be changed with --resume",
    number(0),
  );
  settings(command, "rl", "rl.learningRate=1e-5");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./rl.js")).rl(flags));
}
