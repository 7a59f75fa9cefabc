// The verb `sft` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { collect } from "./flag-values.js";
import { computeFlags, DATA_NAMES, runFlags, settings, verb } from "./flags.js";

/** Declares `luciole sft`: its arguments and flags. */
export function addSft(program: Command): void {
  const command = verb(
    program,
    "sft",
    "fine-tune a model on prompts and completions",
    "luciole sft --model runs/book --data pairs.jsonl --out runs/tuned",
  );
  command
    .option("--model <dir>", "model to start from: a run, model directory, .gguf file or pulled model (org/name)")
    .option(
      "--data <name>",
      "rows with prompt and completion, messages or text (only completions count towards the loss, or the whole " +
        `text): ${DATA_NAMES}`,
      collect,
    );
  settings(command, "sft", "sft.learningRate=1e-5");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./sft.js")).sft(flags));
}
