// The verb `pretrain` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { collect } from "./flag-values.js";
import { computeFlags, DATA_NAMES, runFlags, settings, verb } from "./flags.js";

/** Declares `luciole pretrain`: its arguments and flags. */
export function addPretrain(program: Command): void {
  const command = verb(
    program,
    "pretrain",
    "train a model from scratch on text",
    "luciole pretrain --corpus book.txt --model llama-tiny --tokenizer bpe --out runs/book",
  );
  command
    .option("--corpus <name>", `text files, or rows with a text column: ${DATA_NAMES}`, collect)
    .option("--traces <task>", "train on generated search traces of a task (countdown) instead of a corpus")
    .option(
      "--model <name|config.json>",
      "architecture: a preset (deepseek-tiny, deepseek-25m, llama-tiny, llama-25m) or a config.json from Hugging Face",
    )
    .option("--tokenizer <kind|dir>", "char, byte, bpe (trained on the corpus), or a directory with tokenizer.json");
  settings(command, "pretrain", "pretrain.steps=500");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./pretrain.js")).pretrain(flags));
}
