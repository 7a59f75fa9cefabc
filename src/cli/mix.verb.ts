// The verb `mix` as the command line shows it: the recipe, and mixes of one's own. What it does is loaded when it runs.
import { type Command, Option } from "commander";
import { collect, number, wholeNumber } from "./flag-values.js";
import { computeFlags, jsonFlag, runFlags, seedFlag, settings, taskFlags, verb } from "./flags.js";

/** Declares `luciole mix`, `luciole mix make` and `luciole mix fit`: their arguments and flags. */
export function addMix(program: Command): void {
  const command = verb(
    program,
    "mix",
    "several models behind one name: make and fit a mix, or train specialists against one larger model",
    'luciole mix make runs/a runs/b --policy vote --out team && luciole run team "3 5 8 = 23"\n  luciole mix --seed 0',
  );
  command.enablePositionalOptions(); // flags behind make and fit are theirs
  command.addOption(
    new Option(
      "--preset <name>",
      "size of the recipe's run (default: tiny, planned for 40 minutes on two cores)",
    ).choices(["tiny", "smoke"]),
  );
  settings(command, "mix", "measure.problems=100");
  runFlags(command);
  computeFlags(command);
  command.action(async (flags) => (await import("./mix.js")).mix(flags));
  addMake(command);
  addFit(command);
}

function addMake(mix: Command): void {
  const command = verb(
    mix,
    "make",
    "write mix.json for some models; it stands wherever a model does",
    "luciole mix make small=runs/a large=runs/b --policy cascade --out team",
  );
  command
    .argument("<models...>", "runs, model directories, .gguf files or pulled models (org/name), as path or name=path")
    .addOption(
      new Option("--policy <name>", "how they answer together (default: vote)").choices([
        "vote",
        "best-of",
        "cascade",
        "route",
        "blend",
      ]),
    )
    .option("--set <key=value>", "an option of the policy, such as samples=8; repeatable (docs/options.md)", collect)
    .requiredOption("--out <dir>", "folder for mix.json");
  jsonFlag(command);
  computeFlags(command);
  command.action(async (models, flags) => (await import("./mix-make.js")).makeMix(models, flags));
}

function addFit(mix: Command): void {
  const command = verb(
    mix,
    "fit",
    "fit the thresholds of a cascade or the router of a route on training problems of a task",
    "luciole mix fit team --task countdown --problems 200",
  );
  command.argument("<mix>", "folder of mix.json, or the file");
  taskFlags(command);
  command
    .option("--problems <n>", "number of distinct training problems (default: 200)", wholeNumber(1))
    .option("--samples <k>", "samples of each member for a problem, for a router (default: 4)", wholeNumber(1))
    .option("--keep <share>", "share of the last member's accuracy a cascade must keep (default: 0.98)", number(0, 1))
    .option("--max-tokens <n>", "maximum number of new tokens per sample (default: whatever fits)", wholeNumber(1))
    .option("--set <key=value>", "an option of the task, such as maxNumber=20; repeatable", collect);
  seedFlag(command);
  jsonFlag(command);
  computeFlags(command);
  command.action(async (path, flags) => (await import("./mix-make.js")).fit(path, flags));
}
