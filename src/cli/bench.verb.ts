// The verb `bench` as the command line shows it. What it does is loaded when it runs.
import type { Command } from "commander";
import { wholeNumber } from "./flag-values.js";
import { adapterOption, debugFlag, jsonFlag, verb } from "./flags.js";

/** Declares `luciole bench`: its arguments and flags. */
export function addBench(program: Command): void {
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
