// The verbs of the command line and their flags, on one page. What a verb does is loaded when it runs.
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../errors.js";
import { packageRoot } from "../package-root.js";

/** The whole command line. Parsing throws CommanderError after having printed one line (or the help that was asked for). */
export function buildProgram(): Command {
  const program = new Command("luciole")
    .description("DeepSeek-R1-style reasoning models: built, pretrained, reinforced, evaluated and run on the hardware you have")
    .version(packageVersion(), "--version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${withFlagHint(text.trim().replaceAll(/\s*\n\s*/g, " "), program)}\n`) })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .helpCommand(false);
  addZero(program);
  addPretrain(program);
  addSft(program);
  addRl(program);
  addEval(program);
  addPull(program);
  addRun(program);
  addChat(program);
  addInspect(program);
  addConvert(program);
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
  return whole && meant.length > 0 ? message.replace(whole, `unknown option '${given}' (Did you mean ${meant.join(" or ")}?)`) : message;
}

const packageVersion = (): string => JSON.parse(readFileSync(`${packageRoot()}/package.json`, "utf8")).version;

function addZero(program: Command): void {
  const command = verb(program, "zero", "R1-Zero from nothing: build, pretrain, evaluate, reinforce, evaluate", "luciole zero --seed 3 --out runs/first");
  command.addOption(new Option("--preset <name>", "size of the run (default: tiny, about a quarter of an hour on two cores)").choices(["tiny", "smoke"]));
  settings(command, "zero", "pretrain.learningRate=1e-3");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./zero.js")).zero(flags));
}

function addPretrain(program: Command): void {
  const command = verb(
    program,
    "pretrain",
    "train a model from nothing on text",
    "luciole pretrain --corpus book.txt --model llama-tiny --tokenizer bpe --out runs/book",
  );
  command
    .option("--corpus <file>", "text file, or JSONL with a text column")
    .option("--traces <task>", "in place of a corpus: written-out searches of a task (countdown)")
    .option("--model <name|config.json>", "architecture: a preset (deepseek-tiny, deepseek-25m, llama-tiny, llama-25m) or a Hugging Face config.json")
    .option("--tokenizer <kind|dir>", "char, byte, bpe (trained on the corpus), or a directory with tokenizer.json");
  settings(command, "pretrain", "pretrain.steps=500");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./pretrain.js")).pretrain(flags));
}

function addSft(program: Command): void {
  const command = verb(program, "sft", "fine-tune a model on prompts and completions", "luciole sft --model runs/book --data pairs.jsonl --out runs/tuned");
  command
    .option("--model <dir>", "run, model directory or pulled model (org/name) to start from")
    .option("--data <file>", "JSONL with prompt and completion, or with messages; the loss is on completions only");
  settings(command, "sft", "sft.learningRate=1e-5");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./sft.js")).sft(flags));
}

function addRl(program: Command): void {
  const example = "luciole rl --model runs/tuned --task jsonl --data own.jsonl --reward accuracy --reward ./reward.ts --set rl.steps=50";
  const command = verb(program, "rl", "reinforce a model on a task with verifiable rewards", example);
  command.option("--model <dir>", "run, model directory or pulled model (org/name) to start from");
  taskFlags(command);
  command.option(
    "--reward <name|file.ts>",
    "a built-in reward, perhaps with a weight (format:0.5), or a module; may be repeated (default: accuracy and format)",
    collect,
  );
  command.option("--reward-timeout <seconds>", "stop the run when a reward takes longer for a batch (default: 600); also with --resume", number(0));
  settings(command, "rl", "rl.learningRate=1e-5");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./rl.js")).rl(flags));
}

function addEval(program: Command): void {
  const command = verb(
    program,
    "eval",
    "sample held-out problems: pass@1, pass@k, cons@k with standard errors",
    "luciole eval runs/first --problems 100 --samples 16",
  );
  command.argument("<model>", "run, model directory, .gguf file, or a pulled model (org/name)");
  taskFlags(command);
  command
    .addOption(
      new Option("--template <style>", "how problems are put (default: as in training, else the model's chat template, else r1-zero)").choices([
        "chat",
        "r1-zero",
        "compact",
        "plain",
      ]),
    )
    .option("--problems <n|all>", "distinct held-out problems; all of a data set's (default: as the run evaluated itself, else 100)", numberOrAll)
    .option("--samples <k>", "samples of each (default: as the run, else 16)", wholeNumber(1))
    .option("--max-tokens <n>", "new tokens of a sample at most (default: what the context leaves, at most 32768)", wholeNumber(1))
    .option("--temperature <t>", "0 takes the most likely token (default: the model's own, else 1)", number(0))
    .option("--top-p <p>", "keep the likeliest tokens of this share (default: the model's own, else 1)", number(0, 1))
    .option("--slots <n>", "rows sampled at once (default: 64)", wholeNumber(1));
  settings(command, "eval", "task.maxNumber=20");
  runFlags(command);
  computeFlags(command);
  command.action(async (dir, flags) => (await import("./eval.js")).evaluate(dir, flags));
}

function addPull(program: Command): void {
  const command = verb(program, "pull", "fetch a model from Hugging Face into its cache", "luciole pull deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B");
  command
    .argument("<model>", "org/name, with @revision or, for one GGUF file, :Q4_K_M behind it")
    .option("--include <pattern>", "files by name ('*Q4_K_M.gguf') in place of those a model is loaded from; may be repeated", collect)
    .option("--revision <name>", "branch, tag or commit (default: main)")
    .option("--verify", "compare what is there already with its checksums too");
  jsonFlag(command);
  debugFlag(command);
  command.addHelpText("after", PULL_ENVIRONMENT);
  command.action(async (name, flags) => (await import("./pull.js")).pullModel(name, flags));
}

const PULL_ENVIRONMENT = `
Environment, as for Hugging Face's own tools:
  HF_TOKEN, HF_TOKEN_PATH    token for gated and private models, or the file with it
  HF_HOME, HF_HUB_CACHE      where models are kept (default: ~/.cache/huggingface, and hub in it)
  HF_ENDPOINT                a mirror's URL
  HF_HUB_OFFLINE=1           no network: only what is in the cache
  HF_HUB_DOWNLOAD_TIMEOUT    seconds of silence after which a connection is given up (default: 30)
  NODE_USE_ENV_PROXY=1       go by HTTPS_PROXY and NO_PROXY (Node 22.21, 24 or later; Node 20 knows no proxies)`;

function addRun(program: Command): void {
  const command = verb(program, "run", "ask a model; its thinking is shown apart from its answer", 'luciole run runs/first "3 5 8 = 23"');
  command
    .argument("<model>", "run, model directory, .gguf file, or a pulled model (org/name)")
    .argument("[prompt]", "the question; without it, one a line from standard input")
    .option("--max-tokens <n>", "new tokens at most (default: what the context leaves)", wholeNumber(1))
    .option("--context <n>", "tokens that prompt and answer may take together (default: the model's, at most 8192)", wholeNumber(1))
    .option("--think-budget <n>", "tokens of thinking after which the model is made to answer (default: no bound)", wholeNumber(0))
    .option("--temperature <t>", "0 takes the most likely token (default: the model's own, else 1)", number(0))
    .option("--top-p <p>", "keep the likeliest tokens of this share (default: the model's own, else 1)", number(0, 1))
    .option("--system <text>", "system prompt, for models with a chat template (default: none)")
    .option("--schema <file>", "JSON schema that the answer obeys; thinking is free")
    .addOption(cacheTypeOption())
    .option("--raw", "give the prompt as it is, without the template the model was trained with; control tokens in it count")
    .option("--control-tokens", "let text in the prompt that spells a control token become one (default: it is text)");
  seedFlag(command);
  jsonFlag(command);
  computeFlags(command);
  command.action(async (dir, prompt, flags) => (await import("./run.js")).run(dir, prompt, flags));
}

function addChat(program: Command): void {
  const command = verb(program, "chat", "talk with a model; /help inside tells the commands", "luciole chat runs/first");
  command
    .argument("<model>", "run, model directory, .gguf file, or a pulled model (org/name)")
    .option("--system <text>", "system prompt (default: none)")
    .addOption(new Option("--think <mode>", "thinking as it comes, folded into one line, or hidden (default: fold)").choices(["on", "fold", "off"]))
    .option("--max-tokens <n>", "new tokens of a reply at most (default: what the context leaves)", wholeNumber(1))
    .option("--context <n>", "tokens that prompt and answer may take together (default: the model's, at most 8192)", wholeNumber(1))
    .addOption(cacheTypeOption())
    .option("--think-budget <n>", "tokens of thinking after which the model is made to answer (default: no bound)", wholeNumber(0))
    .option("--temperature <t>", "0 takes the most likely token (default: the model's own, else 1)", number(0))
    .option("--top-p <p>", "keep the likeliest tokens of this share (default: the model's own, else 1)", number(0, 1))
    .option("--control-tokens", "let text in messages that spells a control token become one (default: it is text)");
  seedFlag(command);
  command.option("--json", "one JSON object for each reply on standard output; messages are read from standard input, one a line");
  computeFlags(command);
  command.action(async (dir, flags) => (await import("./chat.js")).chat(dir, flags));
}

function addInspect(program: Command): void {
  const command = verb(program, "inspect", "show a model: architecture, parameters, tensors, memory", "luciole inspect runs/first");
  command
    .argument("<model>", "run, model directory, .gguf file, pulled model (org/name), config.json, or random:<shape>[@type]")
    .option("--context <n>", "tokens to plan for (default: as run plans, the model's limit, at most 8192)", wholeNumber(1))
    .option("--tensors", "list every tensor");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (path, flags) => (await import("./inspect.js")).inspect(path, flags));
}

function addConvert(program: Command): void {
  const command = verb(
    program,
    "convert",
    "store a model in another format and type: GGUF or safetensors, quantised or not",
    "luciole convert runs/first first.gguf --type q8_0",
  );
  command
    .argument("<from>", "run or model directory, .gguf file, or a pulled model (org/name)")
    .argument("<to>", "a .gguf file, or a directory for Hugging Face's layout")
    .option(
      "--type <name>",
      "q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, q4_1, q4_0 (GGUF); e4m3 (FP8, directory); f32, f16, bf16 (default: q8_0 for GGUF, bf16 for a directory)",
    );
  command.option("--tensors", "list every tensor that lost anything, not only the largest errors");
  jsonFlag(command);
  computeFlags(command);
  command.action(async (from, to, flags) => (await import("./convert.js")).convert(from, to, flags));
}

function addBench(program: Command): void {
  const example = "luciole bench decode random:r1-distill-qwen-1.5b@q8_0";
  const command = verb(program, "bench", "measure a model's speed here, or the engine beside its peers and this machine's ceilings", example);
  command
    .argument("[names...]", "decode, prefill, batch or drafts and a model; else which claims of a checkout to measure (default: all)")
    .option("--streams <n>", "of a model: requests at once (default: 1, for batch 16)", wholeNumber(1))
    .option("--prompt-tokens <n>", "of a model: tokens of each prompt (default: 32, for prefill 512)", wholeNumber(1))
    .option("--new-tokens <n>", "of a model: new tokens of each request (default: 64, for prefill 1)", wholeNumber(1))
    .option("--rounds <n>", "of a model: rounds to take the median of (default: 3)", wholeNumber(1))
    .option("--quick", "of claims: leave out the peers' compiled variants")
    .option("--no-peers", "of claims: ours only")
    .option("--threads <n>", "threads of both sides (default: one per core)", wholeNumber(1, 256));
  jsonFlag(command);
  debugFlag(command);
  command.action(async (names, flags) => (await import("./bench.js")).bench(names, flags));
}

function addSetup(program: Command): void {
  const command = verb(program, "setup", "build the kernels for this CPU; otherwise the first verb that needs them does", "luciole setup");
  command.option("--to <dir>", "folder for the kernels, such as luciole-kernels beside a bundled program (default: the package's own)");
  command.option("--all", "build them for every CPU of this architecture");
  jsonFlag(command);
  debugFlag(command);
  command.action(async (flags) => (await import("./setup.js")).setup(flags));
}

function addDoctor(program: Command): void {
  const command = verb(program, "doctor", "check this machine: Node, compiler, kernels, speed, memory, disk", "luciole doctor");
  jsonFlag(command);
  command.option("--threads <n>", "threads to measure with", wholeNumber(1, 256));
  debugFlag(command);
  command.action(async (flags) => (await import("./doctor.js")).doctor(flags));
}

function addHelp(program: Command): void {
  const command = program.command("help").argument("[verb]").argument("[topic]", '"options": what --set takes').description("show what a verb takes");
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
    .option("--set <key=value>", `one option, such as ${example}; may be repeated; luciole help ${verb} options lists them`, collect)
    .option("--config <file>", "options from a JSON file; --set wins over it");
}

function taskFlags(command: Command): void {
  command
    .option("--task <name|file.ts>", "countdown, arithmetic, linear-equations, knights-and-knaves, jsonl, or a module whose default export is a task")
    .option("--data <file>", "JSONL data set with prompt and answer columns (task jsonl)");
}

function runFlags(command: Command): void {
  seedFlag(command);
  jsonFlag(command);
  command
    .option("--out <dir>", "directory of the run (default: runs/<verb>-<date>-<time>)")
    .option("--resume <dir>", "go on with an interrupted run, exactly as if it had not stopped")
    .option("--accept-changes", "with --resume: go on although the run's data, task or rewards have changed since it began");
}

const cacheTypeOption = (): Option =>
  new Option("--cache-type <type>", "type of the attention cache; fp8 halves that of latent attention (default: bf16)").choices(["bf16", "f32", "fp8"]);

function computeFlags(command: Command): void {
  command
    .option("--threads <n>", "threads of the kernels (default: one per core)", wholeNumber(1, 256))
    .addOption(new Option("--backend <name>", "native kernels, or plain TypeScript (very slow)").choices(["native", "reference"]));
  debugFlag(command);
}

function seedFlag(command: Command): void {
  command.option("--seed <n>", "seed of everything (default: 0)", wholeNumber(0));
}

function jsonFlag(command: Command): void {
  command.option("--json", "end with exactly one JSON object on standard output");
}

function debugFlag(command: Command): void {
  command.option("--debug", "show the stack of an error");
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`}.`);
  };
}

/** A whole number, or the word for all that there are. */
const numberOrAll = (text: string): number | "all" => (text === "all" ? text : wholeNumber(1)(text));

function number(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= min && value <= max && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`Expected a number ${max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`}.`);
  };
}
