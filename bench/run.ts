// `npm run bench`: every claim about speed and memory, ours beside the peer's and this machine's own ceiling, as one
// table. Knows which claims there are and where the peers' Python is looked for; each file measures its own.
import { existsSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { availableIsas } from "../src/backends/native/kernel-files.js";
import { packageRoot } from "../src/package-root.js";
import { ceilings } from "./ceilings.js";
import { type BenchOptions, type Claim, INFERENCE_KINDS, type Line, SERVE_PARTS, verdict } from "./claim.js";
import { context } from "./context.js";
import { frozen } from "./frozen.js";
import { gemm } from "./gemm.js";
import { generate } from "./generate.js";
import { grpo } from "./grpo.js";
import { inference } from "./inference.js";
import { leaks } from "./leaks.js";
import { lora } from "./lora.js";
import { memory } from "./memory.js";
import { paged } from "./paged.js";
import { peft } from "./peft.js";
import { endProcesses, endProcessesAtExit } from "./processes.js";
import { serve } from "./serve.js";
import { startup } from "./startup.js";
import { stored } from "./stored.js";
import { renderTable } from "./table.js";
import { tokenize } from "./tokenize.js";
import { trainDeepseek } from "./train-deepseek.js";
import { trainDense } from "./train-dense.js";
import { worker } from "./worker.js";

const claims: Readonly<Record<string, Claim>> = {
  ceilings,
  gemm,
  paged,
  stored,
  frozen,
  startup,
  tokenize,
  leaks,
  "train-dense": trainDense,
  "train-deepseek": trainDeepseek,
  lora,
  grpo,
  peft,
  memory,
  context,
  generate,
  inference,
  worker,
  serve,
};

const HELP = `Usage: npm run bench -- [options]

  --only NAMES     comma-separated claims: ${Object.keys(claims).join(", ")}
  --threads N      threads of both sides (default: one per core)
  --quick          leave out the peers' compiled variants, and all but the main models of inference and context
  --no-peers       ours only
  --isa NAME       hold both sides of inference to these instructions: x86-64-v3 (AVX2), ours and llama.cpp's alike
  --kinds NAMES    comma-separated parts of inference: ${INFERENCE_KINDS.join(", ")} (default: all)
  --parts NAMES    comma-separated parts of serve: ${SERVE_PARTS.join(", ")} (default: all)
  --minutes N      how long serve is under load (default: 10; with --quick 0.5)
  --json           one JSON object instead of the table

The peers in training are PyTorch models, found through LUCIOLE_PEERS_PYTHON or bench/peers/.venv. Those in inference
are llama.cpp, in bench/peers/llama-cpp/node_modules, and ik_llama.cpp, found through LUCIOLE_IK_LLAMA or
bench/peers/ik-llama-cpp/build. The peer in serving is llama.cpp's server, found through LUCIOLE_LLAMA_SERVER or
bench/peers/llama-cpp/build/server.
The READMEs of these folders say how to install them.

Examples: npm run bench -- --only train-dense,gemm --quick
          npm run bench -- --only inference --quick --isa x86-64-v3 --kinds prefill`;

/** The Python of the peers' environment, or null with a line on how to get one. */
function peersPython(log: (line: string) => void): string | null {
  const given = process.env.LUCIOLE_PEERS_PYTHON;
  const python = given ?? join(packageRoot(), "bench", "peers", ".venv", "bin", "python");
  if (existsSync(python)) return python;
  log(
    given
      ? `LUCIOLE_PEERS_PYTHON: ${given} does not exist; ours only`
      : "peers are not installed, ours only; to install: cd bench/peers && python3 -m venv .venv && " +
          ".venv/bin/pip install -r requirements.txt",
  );
  return null;
}

/** The names of a comma-separated list; throws an Error where one is not known. */
function chosenFrom<Name extends string>(what: string, list: string, known: readonly Name[]): Name[] {
  const isKnown = (name: string): name is Name => known.some((each) => each === name);
  return list.split(",").map((name) => {
    if (!isKnown(name)) throw new Error(`unknown ${what} ${name}: choose from ${known.join(", ")}`);
    return name;
  });
}

function optionsFrom(args: readonly string[]): BenchOptions & { chosen: string[]; json: boolean; help: boolean } {
  const flags = {
    only: { type: "string" },
    threads: { type: "string" },
    quick: { type: "boolean", default: false },
    "no-peers": { type: "boolean", default: false },
    isa: { type: "string" },
    kinds: { type: "string", default: INFERENCE_KINDS.join(",") },
    parts: { type: "string", default: SERVE_PARTS.join(",") },
    minutes: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ args: [...args], options: flags });
  const chosen = chosenFrom("claim", values.only ?? Object.keys(claims).join(","), Object.keys(claims));
  const kinds = chosenFrom("kind", values.kinds, INFERENCE_KINDS);
  const parts = chosenFrom("part", values.parts, SERVE_PARTS);
  const minutes = Number(values.minutes ?? (values.quick ? 0.5 : 10));
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, got ${values.minutes}`);
  const [isa] = values.isa === undefined ? [] : chosenFrom("instruction set", values.isa, availableIsas());
  // Ours, here and in the processes that are started.
  if (isa !== undefined) process.env.LUCIOLE_ISA = isa;
  const threads = Number(values.threads ?? availableParallelism());
  if (!Number.isInteger(threads) || threads < 1)
    throw new Error(`--threads takes a whole number from 1, got ${values.threads}`);
  const log = (line: string) => console.error(line);
  const python = values["no-peers"] || values.help ? null : peersPython(log);
  return {
    threads,
    peersPython: python,
    oursOnly: values["no-peers"],
    quick: values.quick,
    isa,
    kinds,
    parts,
    minutes,
    log,
    chosen,
    json: values.json,
    help: values.help,
  };
}

/** A claim's lines; one that cannot be measured is a line that says why, and the others go on. */
async function measure(name: string, options: BenchOptions): Promise<Line[]> {
  try {
    return await claims[name](options);
  } catch (error) {
    const failure = (error as Error).message;
    options.log(`${name}: ${failure}`);
    return [{ claim: name, what: "not measured", unit: "", ours: Number.NaN, failure }];
  } finally {
    endProcesses();
  }
}

async function main(): Promise<void> {
  const { chosen, json, help, ...options } = optionsFrom(process.argv.slice(2));
  if (help) return console.log(HELP);
  endProcessesAtExit();
  const load = loadavg()[0];
  const machine = {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    threads: options.threads,
    node: process.version,
    load,
  };
  if (load > 0.5)
    options.log(
      `warning: the load average is ${load.toFixed(1)}: other programs disturb these figures; per CPU ` +
        "second they are disturbed less",
    );
  const lines: Line[] = [];
  for (const name of chosen) {
    options.log(`${name} …`);
    lines.push(...(await measure(name, options)));
  }
  if (lines.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
  if (json)
    return console.log(JSON.stringify({ machine, lines: lines.map((line) => ({ ...line, verdict: verdict(line) })) }));
  console.log(
    `${machine.cpu}, ${machine.threads} of ${machine.cores} cores, Node ${machine.node}, load average ` +
      `${load.toFixed(1)}\n\n${renderTable(lines)}`,
  );
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode =
    error.message.startsWith("unknown") || error.message.startsWith("--") || error.name === "TypeError" ? 2 : 1;
});
