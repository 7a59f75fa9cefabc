// Flags that several verbs share, each declared once.
import { type Command, InvalidArgumentError, Option } from "commander";
import { addAdapter, collect, number, wholeNumber } from "./flag-values.js";

/** Adds a verb with its one-line description and an example under its help. */
export function verb(program: Command, name: string, description: string, example: string): Command {
  return program.command(name).description(description).addHelpText("after", `\nExample:\n  ${example}`);
}

/** `--set` and `--config`: the options of a verb that has a schema of them. */
export function settings(command: Command, verb: string, example: string): void {
  command
    .option(
      "--set <key=value>",
      `set an option, such as ${example}; repeatable; list: luciole help ${verb} options`,
      collect,
    )
    .option("--config <file>", "read options from a JSON file; --set takes precedence");
}

/** What `--data` and `--corpus` may name. */
export const DATA_NAMES =
  "files (.jsonl, .json, .csv, .tsv, .parquet, .txt), a folder, a pattern or a pulled data set (org/name:split); " +
  "repeatable";

/** What to solve: `--task`, or rows of `--data`. */
export function taskFlags(command: Command): void {
  command
    .option(
      "--task <name|file.ts>",
      "countdown, arithmetic, linear-equations, linear-systems, knights-and-knaves, word-problems, general, mix or a " +
        "module whose default export is a task",
    )
    .option("--data <name>", `rows with prompt and answer, in place of a task: ${DATA_NAMES}`, collect)
    .option(
      "--environment <name|file.ts>",
      "what answers the model's turns: calculator, guess-the-number (a game: leave out --task) or a module whose " +
        "default export is an environment",
    );
}

/** The flags of every verb that writes a run; those that train can have other programs follow it. */
export function runFlags(command: Command, { trains = true } = {}): void {
  seedFlag(command);
  jsonFlag(command);
  command
    .option("--out <dir>", "directory of the run (default: runs/<verb>-<date>-<time>)")
    .option("--resume <dir>", "resume an interrupted run; the result is bit-identical to an uninterrupted one")
    .option(
      "--accept-changes",
      "with --resume: continue although the data, task or rewards have changed since the run started",
    );
  if (trains)
    command.option(
      "--log <name>",
      "also log metrics for tensorboard (files in the run's folder) or wandb (with its package); repeatable",
      collect,
    );
}

/** `--adapter`: a LoRA adapter over the model. */
export const adapterOption = (): Option =>
  new Option("--adapter <dir>", "LoRA adapter to put over the model: a directory of PEFT's layout, or a run");

/** `--adapter`, where requests may choose among several. */
export const adaptersOption = (): Option =>
  new Option(
    "--adapter <[name=]dir>",
    "LoRA adapter to put over the model: a directory of PEFT's layout, or a run; several with a name for each",
  ).argParser(addAdapter);

/** `--context`: the number of tokens to plan memory for. */
export const contextOption = (): Option =>
  new Option(
    "--context <n>",
    "maximum number of tokens of prompt and answer together (default: the model's limit, up to 8192)",
  ).argParser(wholeNumber(1));

/** `--think-budget`: a limit on the tokens of a thought. */
export const thinkBudgetOption = (): Option =>
  new Option(
    "--think-budget <n>",
    "maximum number of thinking tokens, after which the model must answer (default: no limit)",
  ).argParser(wholeNumber(0));

/** `--temperature` of sampling. */
export const temperatureOption = (): Option =>
  new Option(
    "--temperature <t>",
    "sampling temperature; 0 always takes the most likely token (default: the model's own, else 1)",
  ).argParser(number(0));

/** `--top-p` of sampling. */
export const topPOption = (): Option =>
  new Option(
    "--top-p <p>",
    "sample from the most likely tokens that together reach this probability (default: the model's own, else 1)",
  ).argParser(number(0, 1));

/** `--cache-type` of attention. */
export const cacheTypeOption = (): Option =>
  new Option(
    "--cache-type <type>",
    "type of the attention cache; fp8 halves its size, for latent attention only (default: bf16, or f32 " +
      "for models trained in f32)",
  ).choices(["bf16", "f32", "fp8"]);

/** Where and how wide to compute: `--threads`, `--backend`; and `--debug`. */
export function computeFlags(command: Command): void {
  command
    .option("--threads <n>", "number of threads (default: one per core)", wholeNumber(1, 256))
    .addOption(
      new Option(
        "--backend <name>",
        "native kernels or plain TypeScript, which is very slow (default: native)",
      ).choices(["native", "reference"]),
    );
  debugFlag(command);
}

/** `--seed`. */
export function seedFlag(command: Command): void {
  command.option("--seed <n>", "random seed (default: 0)", wholeNumber(0));
}

/** `--json`: one object at the end. */
export function jsonFlag(command: Command): void {
  command.option("--json", "print exactly one JSON object on standard output at the end");
}

/** `--debug`. */
export function debugFlag(command: Command): void {
  command.option("--debug", "show stack traces of errors");
}

/** A flag that has another name now: named to whoever gives it, and shown to nobody. */
export const formerly = (flag: string, now: string): Option =>
  new Option(flag).hideHelp().argParser(() => {
    throw new InvalidArgumentError(`The option is now ${now}.`);
  });
