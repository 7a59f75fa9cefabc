// The command line: the list of its verbs. Each is declared in `<verb>.verb.ts`.
import { Command } from "commander";
import { packageVersion } from "../package-root.js";
import { addBench } from "./bench.verb.js";
import { addChat } from "./chat.verb.js";
import { addConvert } from "./convert.verb.js";
import { addDistill } from "./distill.verb.js";
import { addDoctor } from "./doctor.verb.js";
import { addDpo } from "./dpo.verb.js";
import { addEval } from "./eval.verb.js";
import { addHelp } from "./help.verb.js";
import { addInspect } from "./inspect.verb.js";
import { addMerge } from "./merge.verb.js";
import { addMix } from "./mix.verb.js";
import { addPretrain } from "./pretrain.verb.js";
import { addPull } from "./pull.verb.js";
import { addR1 } from "./r1.verb.js";
import { addReport } from "./report.verb.js";
import { addRewardModel } from "./reward-model.verb.js";
import { addRl } from "./rl.verb.js";
import { addRun } from "./run.verb.js";
import { addServe } from "./serve.verb.js";
import { addSetup } from "./setup.verb.js";
import { addSft } from "./sft.verb.js";
import { addWatch } from "./watch.verb.js";
import { addZero } from "./zero.verb.js";

/** In the order of the help. */
const VERBS = [
  addZero,
  addR1,
  addPretrain,
  addSft,
  addDpo,
  addRewardModel,
  addRl,
  addDistill,
  addMix,
  addEval,
  addReport,
  addWatch,
  addPull,
  addRun,
  addChat,
  addServe,
  addInspect,
  addConvert,
  addMerge,
  addBench,
  addSetup,
  addDoctor,
  addHelp,
];

/**
 * The whole command line. Parsing throws CommanderError after having printed one line (or the help that was asked for).
 */
export function buildProgram(): Command {
  const program = new Command("luciole")
    .description("Build, pretrain, reinforce, evaluate and run DeepSeek-R1-style reasoning models on your CPU")
    .version(packageVersion(), "--version", "print the version")
    .enablePositionalOptions() // a flag belongs to the verb that it follows: `eval compare --out`
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${withFlagHint(text.trim().replaceAll(/\s*\n\s*/g, " "), program)}\n`),
    })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .helpCommand(false);
  for (const add of VERBS) add(program);
  return program;
}

/** Commander knows slips of a letter; what is cut short (`--temp`) is completed here, and for others the usage shown. */
function withFlagHint(message: string, program: Command): string {
  const [whole, given] = /unknown option '(--[^']+)'(?: \(Did you mean --help\?\))?$/.exec(message) ?? [];
  const verb = program.commands.find((each) => each.name() === program.args[0]);
  if (!whole || !given || !verb) return message;
  const meant = verb.options.flatMap(({ long }) => (long?.startsWith(given) ? [long] : []));
  const hint =
    meant.length > 0
      ? ` (Did you mean ${meant.join(" or ")}?)`
      : `; expected: luciole ${verb.name()} ${verb.usage()} (luciole ${verb.name()} --help)`;
  return message.replace(whole, `unknown option '${given}'${hint}`);
}
