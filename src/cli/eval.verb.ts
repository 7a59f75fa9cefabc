// The verb `eval` as the command line shows it. What it does is loaded when it runs.
import { type Command, Option } from "commander";
import { PROTOCOL_NAMES } from "../eval/protocol.js";
import { collect, numberOrAll, wholeNumber, wholeNumbers } from "./flag-values.js";
import {
  adapterOption,
  computeFlags,
  DATA_NAMES,
  debugFlag,
  formerly,
  jsonFlag,
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
  command
    .option(
      "--suite <names>",
      "suites, joined by commas: aime-2024, aime-2025, aime (both), math-500, gpqa, gsm8k, mmlu-pro, ifeval, " +
        "livecodebench, humaneval-plus, knights-and-knaves, zebra, logic (both), countdown",
      collect,
    )
    .option(
      "--suite-data <name=file>",
      "data of a suite in place of the pulled data set, in the same columns; repeatable",
      collect,
    )
    .addOption(
      new Option(
        "--protocol <name>",
        "how to sample: r1 is as DeepSeek measures R1 (temperature 0.6, top-p 0.95, up to 32768 tokens, the thought " +
          "opened); other flags take precedence",
      ).choices(PROTOCOL_NAMES),
    );
  taskFlags(command);
  command.addOption(
    new Option(
      "--grader <name>",
      "with --data, how answers are judged, and all rows are asked (default: by mathematics, where marked)",
    ).choices(["math", "choice", "exact", "code"]),
  );
  command
    .addOption(
      new Option(
        "--template <style>",
        "prompt format (default: the one used in training, else the model's chat template, else r1-zero)",
      ).choices(["chat", "chat-plain", "r1-zero", "compact", "dialogue", "plain"]),
    )
    .option(
      "--problems <n|all>",
      "number of distinct held-out problems, or all of a data set (default: all of a suite, else as in the run's own " +
        "evaluation, else 100)",
      numberOrAll,
    )
    .addOption(adapterOption())
    .option(
      "--samples <k>",
      "samples per problem (default: as the suite says, or the run's own evaluation, else 16)",
      wholeNumber(1),
    )
    .option(
      "--max-tokens <n>",
      "maximum number of new tokens per sample (default: as in the run, else whatever fits the context, up to 32768)",
      wholeNumber(1),
    )
    .addOption(temperatureOption())
    .addOption(topPOption())
    .option("--max-sequences <n>", "maximum number of samples generated at the same time (default: 64)", wholeNumber(1))
    .addOption(formerly("--slots <n>", "--max-sequences"));
  command
    .option(
      "--budgets <n,n,…>",
      "numbers of thinking tokens; each sample also answers within each of them, its thought cut there",
      wholeNumbers,
    )
    .option("--contamination <name>", `training data in which the questions are looked for: ${DATA_NAMES}`, collect);
  settings(command, "eval", "task.maxNumber=20");
  runFlags(command, { trains: false });
  computeFlags(command);
  command.action(async (dir, flags) => (await import("./eval.js")).evaluate(dir, flags));
  addCompare(command);
}

/** Declares `luciole eval compare`. Its flags are its own, also those whose names `eval` has too. */
function addCompare(evaluation: Command): void {
  evaluation.enablePositionalOptions();
  const command = verb(
    evaluation,
    "compare",
    "compare kept evaluations with the first of them, question by question",
    "luciole eval compare runs/before runs/after --out compared.html",
  );
  command
    .argument("<runs...>", "directories of evaluations that were made with --out")
    .option("--out <file>", "page with curves and with the questions on which they part");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (paths, flags) => (await import("./eval-compare.js")).compare(paths, flags));
}
