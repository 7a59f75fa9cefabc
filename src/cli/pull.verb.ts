// The verb `pull` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { collect } from "./flag-values.js";
import { debugFlag, jsonFlag, verb } from "./flags.js";

/** Declares `luciole pull`: its arguments and flags. */
export function addPull(program: Command): void {
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
