// The verb `inspect` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { wholeNumber } from "./flag-values.js";
import { debugFlag, jsonFlag, verb } from "./flags.js";

/** Declares `luciole inspect`: its arguments and flags. */
export function addInspect(program: Command): void {
  const command = verb(
    program,
    "inspect",
    "describe a model: architecture, parameters, tensors, memory",
    "luciole inspect runs/first",
  );
  command
    .argument(
      "<model>",
      "run, model directory, .gguf file, pulled model (org/name), config.json or random:<shape>[@type]",
    )
    .option(
      "--context <n>",
      "number of tokens to plan memory for (default: as for run: the model's limit, up to 8192)",
      wholeNumber(1),
    )
    .option("--tensors", "list every tensor");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (path, flags) => (await import("./inspect.js")).inspect(path, flags));
}
