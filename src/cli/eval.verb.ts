// The verb `eval` as the command line shows it. What it does is loaded when it runs.
import { type Command, Option } from "commander";
import { numberOrAll, wholeNumber } from "./flag-values.js";
import {
  adapterOption,
  computeFlags,
  formerly,
  runFlags,
  settings,
  taskFlags,
  temperatureOption,
  topPOption,
  verb,
} from "./flags.js";

/** Declares `luciole eval`: its arguments and flags. */
export function addEval(program: Command): void {
  const command = verb(
    program,
    "eval",
    "evaluate a model on held-out problems: pass@1, pass@k and cons@k with standard errors",
    "luciole eval runs/first --problems 100 --samples 16",
  );
  command.argument("<model>", "run, model directory, .gguf file or pulled model (org/name)");
  taskFlags(command);
  command
    .addOption(
      new Option(
        "--template <style>",
        "prompt format (default: the one used in training, else the model's chat template, else r1-zero)",
      ).choices(["chat", "chat-plain", "r1-zero", "compact", "dialogue", "plain"]),
    )
    .option(
      "--problems <n|all>",
      "number of distinct held-out problems, or all of a data set (default: as in the run's own evaluation, else 100)",
      numberOrAll,
    )
    .addOption(adapterOption())
    .option("--samples <k>", "samples per problem (default: as in the run's own evaluation, else 16)", wholeNumber(1))
    .option(
      "--max-tokens <n>",
      "maximum number of new tokens per sample (default: as in the run, else whatever fits the context, up to 32768)",
      wholeNumber(1),
    )
    .addOption(temperatureOption())
    .addOption(topPOption())
    .option("--max-sequences <n>", "maximum number of samples generated at the same time (default: 64)", wholeNumber(1))
    .addOption(formerly("--slots <n>", "--max-sequences"));
  settings(command, "eval", "task.maxNumber=20");
  runFlags(command, { trains: false });
  computeFlags(command);
  command.action(async (dir, flags) => (await import("./eval.js")).evaluate(dir, flags));
}
