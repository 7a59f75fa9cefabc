// The verb `merge` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { adapterOption, computeFlags, jsonFlag, verb } from "./flags.js";

/** Declares `luciole merge`: its arguments and flags. */
export function addMerge(program: Command): void {
  const command = verb(
    program,
    "merge",
    "add a LoRA adapter to its model's weights and write the result",
    "luciole merge Qwen/Qwen3-0.6B --adapter runs/tuned --out tuned.gguf",
  );
  command
    .argument("<model>", "model that the adapter was trained over: a run, model directory, .gguf file or pulled model")
    .addOption(adapterOption().makeOptionMandatory())
    .requiredOption("--out <path>", "what to write: a file ending in .gguf, or a directory")
    .option("--type <type>", "storage type, as for convert (default: q8_0 for .gguf, bf16 for a directory)");
  command.option("--tensors", "list every tensor with a conversion error, not only the largest errors");
  jsonFlag(command);
  computeFlags(command);
  command.action(async (model, flags) => (await import("./convert.js")).convert(model, flags.out, flags));
}
