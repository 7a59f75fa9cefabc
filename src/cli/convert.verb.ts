// The verb `convert` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { computeFlags, jsonFlag, verb } from "./flags.js";

/** Declares `luciole convert`: its arguments and flags. */
export function addConvert(program: Command): void {
  const command = verb(
    program,
    "convert",
    "convert a model to GGUF or safetensors, quantised or not",
    "luciole convert runs/first first.gguf --type q8_0",
  );
  command
    .argument("<from>", "run, model directory, .gguf file or pulled model (org/name)")
    .argument("<to>", "a .gguf file, or a directory for the Hugging Face format")
    .option(
      "--type <name>",
      "q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, q4_1, q4_0 (GGUF); e4m3 (FP8, directory); f32, f16, bf16 " +
        "(default: q8_0 for GGUF, bf16 for a directory)",
    );
  command.option("--tensors", "list every tensor with a conversion error, not only the largest errors");
  jsonFlag(command);
  computeFlags(command);
  command.action(async (from, to, flags) => (await import("./convert.js")).convert(from, to, flags));
}
