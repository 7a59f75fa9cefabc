// The verb `run` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { wholeNumber } from "./flag-values.js";
import {
  adaptersOption,
  cacheTypeOption,
  computeFlags,
  contextOption,
  jsonFlag,
  seedFlag,
  temperatureOption,
  thinkBudgetOption,
  topPOption,
  verb,
} from "./flags.js";

/** Declares `luciole run`: its arguments and flags. */
export function addRun(program: Command): void {
  const command = verb(
    program,
    "run",
    "ask a model; thinking and answer are shown separately",
    'luciole run runs/first "3 5 8 = 23"',
  );
  command
    .argument("<model>", "run, model directory, .gguf file or pulled model (org/name)")
    .argument("[prompt]", "the question; if left out, questions are read from standard input, one per line")
    .option("--max-tokens <n>", "maximum number of new tokens (default: whatever fits the context)", wholeNumber(1))
    .addOption(contextOption())
    .addOption(thinkBudgetOption())
    .addOption(temperatureOption())
    .addOption(topPOption())
    .option("--system <text>", "system prompt, for models with a chat template (default: none)")
    .option("--schema <file>", "JSON schema that the answer must follow; thinking is not restricted")
    .addOption(adaptersOption())
    .addOption(cacheTypeOption())
    .option("--raw", "pass the prompt unchanged, without a template; control tokens in it take effect")
    .option(
      "--control-tokens",
      "turn text in the prompt that spells a control token into that token (default: it stays text)",
    );
  seedFlag(command);
  jsonFlag(command);
  computeFlags(command);
  command.action(async (dir, prompt, flags) => (await import("./run.js")).run(dir, prompt, flags));
}
