// The verb `reward-model` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { collect } from "./flag-values.js";
import { computeFlags, DATA_NAMES, runFlags, settings, verb } from "./flags.js";

/** Declares `luciole reward-model`: its arguments and flags. */
export function addRewardModel(program: Command): void {
  const command = verb(
    program,
    "reward-model",
    "train a model that scores answers, for rl --reward rm:<dir>",
    "luciole reward-model --model runs/tuned --data preferences.jsonl --out runs/helpful",
  );
  command
    .option("--model <dir>", "model to start from: a run, a model directory or a pulled model (org/name)")
    .option(
      "--data <name>",
      `rows with prompt, chosen and rejected, or with prompt, completion and label: ${DATA_NAMES}`,
      collect,
    );
  settings(command, "reward-model", "learningRate=1e-5");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./reward-model.js")).rewardModelVerb(flags));
}
