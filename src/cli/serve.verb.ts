// The verb `serve` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { addAdapter, collect, number, wholeNumber } from "./flag-values.js";
import { cacheTypeOption, computeFlags, contextOption, verb } from "./flags.js";

/** Declares `luciole serve`: its arguments and flags. */
export function addServe(program: Command): void {
  const command = verb(
    program,
    "serve",
    "serve models over HTTP to the clients of OpenAI's, DeepSeek's, Anthropic's and Ollama's APIs",
    "luciole serve deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B --port 8080",
  );
  command
    .argument(
      "[models...]",
      "runs, model directories, .gguf files or pulled models (org/name), each optionally as name=path",
    )
    .option("--model <name=path>", "a further model under a name; repeatable", collect)
    .option("--host <address>", "address to listen on; 0.0.0.0 lets other machines in (default: 127.0.0.1)")
    .option("--port <n>", "port to listen on; 0 takes a free one (default: 8080)", wholeNumber(0, 65535))
    .option(
      "--api-key-file <file>",
      "keys, one of which every request must carry: one a line, optionally as name:key or name:key:requests-a-minute " +
        "(default: the one in LUCIOLE_API_KEY, else none)",
    )
    .option("--allow-host <name>", "name by which clients may call this server, such as a proxy's; repeatable", collect)
    .option("--cors-origin <origin>", "web pages of this origin may ask; * for all; repeatable", collect)
    .option("--tls-cert <file>", "certificate for TLS, with --tls-key")
    .option("--tls-key <file>", "key for TLS, with --tls-cert")
    .addOption(contextOption())
    .option(
      "--cache-tokens <n>",
      "tokens of all requests together that the cache holds (default: four contexts, fewer where memory is short)",
      wholeNumber(1),
    )
    .addOption(cacheTypeOption())
    .option(
      "--adapter <[name=]dir>",
      "LoRA adapter to put over the model; with a name it is served as a model of that name beside it; repeatable",
      addAdapter,
    )
    .option(
      "--max-sequences <n>",
      "requests of an engine that run at the same time (default: 64)",
      wholeNumber(1, 4096),
    )
    .option("--max-queue <n>", "requests of an engine that may wait; more are refused (default: 256)", wholeNumber(0))
    .option(
      "--keep-alive <seconds>",
      "unload a model that nobody asked for so long; -1: never (default: 300, or never for a single model)",
      number(-1),
    )
    .option("--max-body <bytes>", "largest body of a request (default: 16777216)", wholeNumber(1024))
    .option("--drain <seconds>", "time that requests have to end when the server is stopped (default: 30)", number(0))
    .option("--allow-pull", "clients may have models pulled from the hub, which are then served too")
    .option("--runs <folder>", "folder of training runs that the web page shows (default: ./runs where it is there)")
    .option("--log-content", "write prompts and answers into the log, which otherwise holds neither")
    .option("--config <file>", "read settings from a JSON file; flags take precedence (see docs/serve.md)");
  command.option("--json", "when the server is ready, print one JSON object with its address on standard output");
  computeFlags(command);
  command.action(async (models, flags) => (await import("./serve.js")).serve(models, flags));
}
