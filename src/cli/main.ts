#!/usr/bin/env node
// The command line: which verbs there are. Each verb's code is loaded only when it runs, so that --help is quick.
import { Command } from "commander";

const program = new Command("luciole").description(
  "DeepSeek-R1-style reasoning models: built, pretrained, reinforced, evaluated and run on the hardware you have",
);
program
  .command("zero")
  .description("R1-Zero from nothing: build, pretrain, reinforce, evaluate")
  .option("--preset <name>", "tiny or smoke", "tiny")
  .option("--seed <n>", "seed of everything", "0")
  .option("--out <dir>", "run directory")
  .option("--resume <dir>", "go on with an interrupted run")
  .option("--set <json>", "options to override, as JSON")
  .option("--json", "end with one JSON object on standard output")
  .action(async (options) => (await import("./zero.js")).zero(options));
await program.parseAsync();
