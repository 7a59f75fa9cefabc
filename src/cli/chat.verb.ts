// The verb `chat` as the command line shows it. What it does is loaded when it runs.
import { type Command, Option } from "commander";
import { wholeNumber } from "./flag-values.js";
import {
  adaptersOption,
  cacheTypeOption,
  computeFlags,
  contextOption,
  seedFlag,
  temperatureOption,
  thinkBudgetOption,
  topPOption,
  verb,
} from "./flags.js";

/** Declares `luciole chat`: its arguments and flags. */
export function addChat(program: Command): void {
  const command = verb(program, "chat", "chat with a model; type /help for the commands", "luciole chat runs/first");
  command
    .argument("<model>", "run, model directory, .gguf file or pulled model (org/name)")
    .option("--system <text>", "system prompt (default: none)")
    .addOption(
      new Option(
        "--think <mode>",
        "show thinking as it is generated, fold it into one line when done, or hide it (default: fold)",
      ).choices(["on", "fold", "off"]),
    )
    .option(
      "--max-tokens <n>",
      "maximum number of new tokens per reply (default: whatever fits the context)",
      wholeNumber(1),
    )
    .addOption(contextOption())
    .addOption(adaptersOption())
    .addOption(cacheTypeOption())
    .addOption(thinkBudgetOption())
    .addOption(temperatureOption())
    .addOption(topPOption())
    .option(
      "--control-tokens",
      "turn text in messages that spells a control token into that token (default: it stays text)",
    );
  seedFlag(command);
  command.option("--json", "print one JSON object per reply; messages are read from standard input, one per line");
  computeFlags(command);
  command.action(async (dir, flags) => (await import("./chat.js")).chat(dir, flags));
}
