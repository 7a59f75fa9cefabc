// The verbs of the command line and their flags, on one page. What a verb does is loaded when it runs.
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../errors.js";
import { packageRoot } from "../package-root.js";

/**
 * The whole command line. Parsing throws CommanderError after having printed one line (or the help that was asked for).
 */
export function buildProgram(): Command {
  const program = new Command("luciole")
    .description("Build, pretrain, reinforce, evaluate and run DeepSeek-R1-style reasoning models on your CPU")
    .version(packageVersion(), "--version", "print the version")
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${withFlagHint(text.trim().replaceAll(/\s*\n\s*/g, " "), program)}\n`),
    })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .helpCommand(false);
  addZero(program);
  addR1(program);
  addPretrain(program);
  addSft(program);
  addRl(program);
  addEval(program);
  addReport(program);
  addPull(program);
  addRun(program);
  addChat(program);
  addInspect(program);
  addConvert(program);
  addMerge(program);
  addBench(program);
  addSetup(program);
  addDoctor(program);
  addHelp(program);
  return program;
}

/** Commander knows slips of a letter; what is cut short (`--temp`) is completed here. */
function withFlagHint(message: string, program: Command): string {
  const [whole, given] = /unknown option '(--[^']+)'(?: \(Did you mean --help\?\))?$/.exec(message) ?? [];
  const verb = program.commands.find((each) => each.name() === program.args[0]);
  const meant = verb?.options.flatMap(({ long }) => (given && long?.startsWith(given) ? [long] : [])) ?? [];
  return whole && meant.length > 0
    ? message.replace(whole, `unknown option '${given}' (Did you mean ${meant.join(" or ")}?)`)
    : message;
}

const packageVersion = (): string => JSON.parse(readFileSync(`${packageRoot()}/package.json`, "utf8")).version;

function addZero(program: Command): void {
  const command = verb(
    program,
    "zero",
    "train R1-Zero from scratch: build a model, pretrain, evaluate, reinforce, evaluate again",
    "luciole zero --seed 3 --out runs/first",
  );
  command.addOption(
    new Option("--preset <name>", "size of the run (default: tiny, about ten minutes on two cores)").choices([
      "tiny",
      "smoke",
    ]),
  );
  settings(command, "zero", "pretrain.learningRate=1e-3");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./zero.js")).zero(flags));
}

function addR1(program: Command): void {
  const command = verb(
    program,
    "r1",
    "train R1 from scratch: base, R1-Zero, cold start, reasoning RL, rejection sampling, RL for all scenarios",
    "luciole r1 --out runs/r1 --set cold.data=chains.jsonl",
  );
  command.addOption(
    new Option("--preset <name>", "size of the run (default: tiny, planned for an hour on two cores)").choices([
      "tiny",
      "smoke",
    ]),
  );
  settings(command, "r1", 'stages=\'["zero","cold"]\'');
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./r1.js")).r1(flags));
}

function addPretrain(program: Command): void {
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

/** What `--data` and `--corpus` may name. */
const DATA_NAMES =
  "files (.jsonl, .json, .csv, .tsv, .parquet, .txt), a folder, a pattern or a pulled data set (org/name:split); " +
  "repeatable";

function addSft(program: Command): void {
  const command = verb(
    program,
    "sft",
    "fine-tune a model on prompts and completions",
    "luciole sft --model runs/book --data pairs.jsonl --out runs/tuned",
  );
  command
    .option("--model <dir>", "model to start from: a run, a model directory or a pulled model (org/name)")
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

function addRl(program: Command): void {
  const example =
    "luciole rl --model runs/tuned --task jsonl --data own.jsonl --reward accuracy --reward ./reward.ts " +
    "--set rl.steps=50";
  const command = verb(program, "rl", "reinforce a model on a task with verifiable rewards", example);
  command.option("--model <dir>", "model to start from: a run, a model directory or a pulled model (org/name)");
  taskFlags(command);
  command.option(
    "--reward <name|file.ts>",
    "built-in reward or module, optionally with a weight (format:0.5); repeatable (default: accuracy and format)",
    collect,
  );
  command.option(
    "--reward-timeout <seconds>",
    "time limit of a reward for one batch (default: 600); can be changed with --resume",
    number(0),
  );
  settings(command, "rl", "rl.learningRate=1e-5");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./rl.js")).rl(flags));
}

function addEval(program: Command): void {
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
      ).choices(["chat", "r1-zero", "compact", "dialogue", "plain"]),
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
  runFlags(command);
  computeFlags(command);
  command.action(async (dir, flags) => (await import("./eval.js")).evaluate(dir, flags));
}

function addReport(program: Command): void {
  const command = verb(
    program,
    "report",
    "write the report of a run as far as it has come, also while it is under way",
    "luciole report runs/first",
  );
  command.argument("<run>", "directory of the run");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (path, flags) => (await import("./report.js")).report(path, flags));
}

function addPull(program: Command): void {
  const command = verb(
    program,
    "pull",
    "download a model or a data set from Hugging Face into its cache",
    "luciole pull deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
  );
  command
    .argument(
      "<name>",
      "org/name; append @revision for a revision, :Q4_K_M for one GGUF file, or :train for one split of a data set",
    )
    .option("--dataset", "the name is that of a data set; its JSONL, JSON, CSV, TSV or Parquet files are downloaded")
    .option(
      "--include <pattern>",
      "download the files that match ('*Q4_K_M.gguf') instead of those needed; repeatable",
      collect,
    )
    .option("--revision <name>", "branch, tag or commit (default: main)")
    .option("--verify", "also compare files already downloaded with their checksums");
  jsonFlag(command);
  debugFlag(command);
  command.addHelpText("after", PULL_ENVIRONMENT);
  command.action(async (name, flags) => (await import("./pull.js")).pullNamed(name, flags));
}

const PULL_ENVIRONMENT = `
Environment variables, as for Hugging Face's own tools:
  HF_TOKEN, HF_TOKEN_PATH    token for gated and private repositories, or a file that holds it
  HF_HOME, HF_HUB_CACHE      where models and data sets are stored (default: ~/.cache/huggingface and its folder hub)
  HF_ENDPOINT                URL of a mirror
  HF_HUB_OFFLINE=1           do not use the network, only the cache
  HF_HUB_DOWNLOAD_TIMEOUT    give up a connection after this many seconds without data (default: 30)
  NODE_USE_ENV_PROXY=1       use HTTPS_PROXY and NO_PROXY (needs Node 22.21 or 24; Node 20 does not support proxies)`;

function addRun(program: Command): void {
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
    .addOption(adapterOption())
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

function addChat(program: Command): void {
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
    .addOption(adapterOption())
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

function addInspect(program: Command): void {
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

function addConvert(program: Command): void {
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

function addMerge(program: Command): void {
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

function addBench(program: Command): void {
  const example = "luciole bench decode random:r1-distill-qwen-1.5b@q8_0";
  const command = verb(
    program,
    "bench",
    "measure the speed of a model, or compare the engine with its peers and this machine's limits",
    example,
  );
  command
    .argument(
      "[names...]",
      "decode, prefill, batch or drafts, followed by a model; or, in a clone, the benchmarks to run (default: all)",
    )
    .addOption(adapterOption())
    .option("--streams <n>", "for a model: concurrent requests (default: 1; for batch 16)", wholeNumber(1))
    .option("--prompt-tokens <n>", "for a model: tokens per prompt (default: 32; for prefill 512)", wholeNumber(1))
    .option("--new-tokens <n>", "for a model: new tokens per request (default: 64; for prefill 1)", wholeNumber(1))
    .option("--rounds <n>", "for a model: number of rounds; the median counts (default: 3)", wholeNumber(1))
    .option("--quick", "for benchmarks: skip the peers' compiled variants")
    .option("--no-peers", "for benchmarks: measure Luciole only")
    .option("--threads <n>", "number of threads, also for the peers (default: one per core)", wholeNumber(1, 256));
  jsonFlag(command);
  debugFlag(command);
  command.action(async (names, flags) => (await import("./bench.js")).bench(names, flags));
}

function addSetup(program: Command): void {
  const command = verb(
    program,
    "setup",
    "build the kernels for this CPU (otherwise built on first use)",
    "luciole setup",
  );
  command.option(
    "--to <dir>",
    "folder for the kernels, such as luciole-kernels next to a bundled program (default: the package's own folder)",
  );
  command.option("--all", "build kernels for every CPU of this architecture");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (flags) => (await import("./setup.js")).setup(flags));
}

function addDoctor(program: Command): void {
  const command = verb(
    program,
    "doctor",
    "check this machine: Node, compiler, kernels, speed, memory, disk",
    "luciole doctor",
  );
  jsonFlag(command);
  command.option("--threads <n>", "number of threads to measure with (default: one per core)", wholeNumber(1, 256));
  debugFlag(command);
  command.action(async (flags) => (await import("./doctor.js")).doctor(flags));
}

function addHelp(program: Command): void {
  const command = program
    .command("help")
    .argument("[verb]")
    .argument("[topic]", '"options" lists what --set accepts')
    .description("show the help of a verb");
  command.action(async (name, topic) => {
    if (topic !== undefined) return (await import("./option-help.js")).printOptions(name, topic);
    if (name === undefined) return program.help();
    const names = program.commands.map((each) => each.name());
    const known = program.commands.find((each) => each.name() === name);
    if (!known) return command.error(`error: unknown verb '${name}'${didYouMean(name, names)}`);
    known.help();
  });
}

function verb(program: Command, name: string, description: string, example: string): Command {
  return program.command(name).description(description).addHelpText("after", `\nExample:\n  ${example}`);
}

function settings(command: Command, verb: string, example: string): void {
  command
    .option(
      "--set <key=value>",
      `set an option, such as ${example}; repeatable; list: luciole help ${verb} options`,
      collect,
    )
    .option("--config <file>", "read options from a JSON file; --set takes precedence");
}

function taskFlags(command: Command): void {
  command
    .option(
      "--task <name|file.ts>",
      "countdown, arithmetic, linear-equations, linear-systems, knights-and-knaves, word-problems, general, mix or a " +
        "module whose default export is a task",
    )
    .option("--data <name>", `rows with prompt and answer, in place of a task: ${DATA_NAMES}`, collect);
}

function runFlags(command: Command): void {
  seedFlag(command);
  jsonFlag(command);
  command
    .option("--out <dir>", "directory of the run (default: runs/<verb>-<date>-<time>)")
    .option("--resume <dir>", "resume an interrupted run; the result is bit-identical to an uninterrupted one")
    .option(
      "--accept-changes",
      "with --resume: continue although the data, task or rewards have changed since the run started",
    );
}

const adapterOption = (): Option =>
  new Option("--adapter <dir>", "LoRA adapter to put over the model: a directory of PEFT's layout, or a run");

const contextOption = (): Option =>
  new Option(
    "--context <n>",
    "maximum number of tokens of prompt and answer together (default: the model's limit, up to 8192)",
  ).argParser(wholeNumber(1));

const thinkBudgetOption = (): Option =>
  new Option(
    "--think-budget <n>",
    "maximum number of thinking tokens, after which the model must answer (default: no limit)",
  ).argParser(wholeNumber(0));

const temperatureOption = (): Option =>
  new Option(
    "--temperature <t>",
    "sampling temperature; 0 always takes the most likely token (default: the model's own, else 1)",
  ).argParser(number(0));

const topPOption = (): Option =>
  new Option(
    "--top-p <p>",
    "sample from the most likely tokens that together reach this probability (default: the model's own, else 1)",
  ).argParser(number(0, 1));

const cacheTypeOption = (): Option =>
  new Option(
    "--cache-type <type>",
    "type of the attention cache; fp8 halves its size, for latent attention only (default: bf16, or f32 " +
      "for models trained in f32)",
  ).choices(["bf16", "f32", "fp8"]);

function computeFlags(command: Command): void {
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

/** A flag that has another name now: named to whoever gives it, and shown to nobody. */
const formerly = (flag: string, now: string): Option =>
  new Option(flag).hideHelp().argParser(() => {
    throw new InvalidArgumentError(`The option is now ${now}.`);
  });

function seedFlag(command: Command): void {
  command.option("--seed <n>", "random seed (default: 0)", wholeNumber(0));
}

function jsonFlag(command: Command): void {
  command.option("--json", "print exactly one JSON object on standard output at the end");
}

function debugFlag(command: Command): void {
  command.option("--debug", "show stack traces of errors");
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      `Expected a whole number ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`}.`,
    );
  };
}

/** A whole number, or the word for all that there are. */
const numberOrAll = (text: string): number | "all" => (text === "all" ? text : wholeNumber(1)(text));

function number(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= min && value <= max && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(
      `Expected a number ${max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`}.`,
    );
  };
}
