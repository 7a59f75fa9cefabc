// Claims on running released shapes: ours against llama.cpp through node-llama-cpp, round by round in turn, on one GGUF file of random weights.
// `npm run bench:peers`. Files of some gigabytes are written to a temporary folder and removed again.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { InferenceKind } from "../src/inference/measure.js";
import { packageRoot } from "../src/package-root.js";
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { nativeBackend } from "./ceilings.js";
import { type BenchOptions, type Claim, type Line, median } from "./claim.js";
import { type ComparedType, writeRandomGguf } from "./random-gguf.js";
import { Stepper, type StepResult } from "./stepper.js";
import { type Side, type Turns, takeTurns } from "./turns.js";

/** A model to compare on, and the ratios wanted of each kind. */
interface Comparison {
  readonly shape: string;
  readonly type: ComparedType;
  readonly targets: Readonly<Partial<Record<InferenceKind, number>>>;
}

/** V2-Lite is cut to twelve of its 27 layers, so that both sides' copies fit beside each other; every layer is of the full size. */
const COMPARISONS: readonly Comparison[] = [
  { shape: "r1-distill-qwen-1.5b", type: "q8_0", targets: { decode: 1.6, prefill: 3, batch: 2 } },
  { shape: "r1-distill-qwen-1.5b", type: "q4_0", targets: { decode: 1.3, prefill: 1.8, batch: 2 } },
  { shape: "r1-distill-qwen-1.5b", type: "q4_k", targets: {} },
  { shape: "v2-lite:layers=12", type: "q8_0", targets: { decode: 1.5, prefill: 2 } },
];
const KINDS: readonly InferenceKind[] = ["decode", "prefill", "batch"];
/** Rounds of one stream are short and many: the bandwidth that a machine's neighbours leave changes from second to second. */
const ROUNDS: Readonly<Record<InferenceKind, number>> = { decode: 9, prefill: 3, batch: 3 };
const LARGE_BYTES = 512 * 2 ** 20;
const PROBE_SECONDS = 0.3;
const peerScript = join(packageRoot(), "bench", "peers", "llama-cpp", "serve.mjs");
const ourScript = join(dirname(fileURLToPath(import.meta.url)), "inference-child.js");

const rates = ({ rounds }: Side): number[] => rounds.map(({ tokens, seconds }) => tokens / seconds);
const rate = (side: Side): number => median(rates(side));
/** Ours over the peer's, round by round in turn. */
const ratio = (ours: Side, peer: Side): number => median(rates(ours).map((own, i) => own / rates(peer)[i]));

export const inference: Claim = async (options) => {
  setDefaultDevice(new Device(nativeBackend(options.threads)));
  const hasPeer = existsSync(join(dirname(peerScript), "node_modules"));
  if (!hasPeer) options.log("llama.cpp is not installed, ours only; to install: cd bench/peers/llama-cpp && npm ci");
  const folder = mkdtempSync(join(tmpdir(), "luciole-bench-"));
  const lines: Line[] = [];
  try {
    for (const comparison of options.quick ? COMPARISONS.slice(0, 1) : COMPARISONS) lines.push(...(await compare(comparison, folder, options, hasPeer)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return lines;
};

async function compare({ shape, type, targets }: Comparison, folder: string, options: BenchOptions, hasPeer: boolean): Promise<Line[]> {
  const file = join(folder, `${shape.replaceAll(/[^a-z0-9.]+/g, "-")}-${type}.gguf`);
  await writeRandomGguf(file, shape, type);
  const lines: Line[] = [];
  let single = 0;
  for (const kind of KINDS) {
    const { ours, peer, peerFailure } = await contest(file, kind, options, hasPeer);
    const what = `${shape} ${type} ${kind}`;
    options.log(`${what}: ${rate(ours).toFixed(1)} tokens/s${peer ? `, llama.cpp ${rate(peer).toFixed(1)}` : peerFailure ? `, ${peerFailure}` : ""}`);
    lines.push({ ...speedLine(what, ours, peer, targets[kind]), peerFailure });
    if (kind === "decode") {
      single = rate(ours);
      lines.push(bandwidthLine(what, ours), ...(peer ? [peerBandwidthLine(what, ours, peer)] : []), memoryLine(what, ours));
    }
    if (kind === "prefill") lines.push(loadLine(`${shape} ${type}, opening`, ours, peer));
    if (kind === "batch")
      lines.push({
        claim: "inference",
        what: `${what} / one stream`,
        unit: "x",
        ours: rate(ours) / single,
        reached: rate(ours) / single,
        target: { atLeast: 5 },
      });
  }
  rmSync(file, { force: true });
  return lines;
}

/** Probes are read bandwidths in GB/s. */
function contest(file: string, kind: InferenceKind, { threads }: BenchOptions, hasPeer: boolean): Promise<Turns> {
  const { addon } = nativeBackend(threads);
  const node = (label: string, args: readonly string[]) => () => Stepper.start(label, process.execPath, args, threads);
  const ours = node("ours", [ourScript, file, kind, `${threads}`]);
  const peer = hasPeer ? node("llama.cpp", [peerScript, file, kind, "plain", `${threads}`]) : undefined;
  return takeTurns(ours, peer, ROUNDS[kind], () => addon.sustainedReadBandwidth(threads, LARGE_BYTES, PROBE_SECONDS) / 1e9);
}

function speedLine(what: string, ours: Side, peer: Side | undefined, target: number | undefined): Line {
  const { profile = [], seconds } = ours.rounds.at(-1) as StepResult;
  const top = [...profile].sort((a, b) => b.seconds - a.seconds).slice(0, 4);
  const inKernels = profile.reduce((sum, op) => sum + op.seconds, 0);
  const share = (part: number) => `${((100 * part) / seconds).toFixed(0)}%`;
  return {
    claim: "inference",
    what,
    unit: "tokens/s",
    ours: rate(ours),
    ...(peer ? { peer: rate(peer), reached: ratio(ours, peer), ...(target ? { target: { atLeast: target } } : {}) } : {}),
    note: `${top.map((op) => `${op.op} ${share(op.seconds)}`).join(", ")}; outside kernels ${share(seconds - inKernels)}`,
  };
}

/** Bytes that a token takes by the ops' own costs. */
const bytesPerToken = ({ rounds }: Side): number => median(rounds.map(({ bytes = 0, tokens }) => bytes / tokens));

/** What a side reads a second, round by round, against the read bandwidth around the round. */
function bandwidthLine(what: string, side: Side, bytes = bytesPerToken(side)): Line {
  const moved = rates(side).map((tokens) => (tokens * bytes) / 1e9);
  const reached = median(moved.map((read, i) => read / side.probes[i]));
  return {
    claim: "inference",
    what: `${what}, memory read`,
    unit: "GB/s",
    ours: median(moved),
    ceiling: median(side.probes),
    reached,
    target: { atLeast: 0.75 },
  };
}

/** The peer reads the same weights: how near to the ceiling it is bounds how many times faster anyone can be who reads them all. */
function peerBandwidthLine(what: string, ours: Side, peer: Side): Line {
  const { target: _, ours: peerReads, ...line } = bandwidthLine(what, peer, bytesPerToken(ours));
  const bound = 1 / (line.reached as number);
  const rounds = rates(ours).map((own, i) => `${ours.probes[i].toFixed(0)}: ${(own / rates(peer)[i]).toFixed(2)}`);
  const note = `whoever reads every weight can be ${bound.toFixed(2)} times as fast at most; GB/s around each round and ours / peer in it: ${rounds.join(", ")}`;
  return { ...line, what: `${what}, memory read by llama.cpp`, ours: peerReads, note };
}

function memoryLine(what: string, ours: Side): Line {
  const needed = ours.facts.weightBytes + ours.facts.cacheBytes;
  const reached = ours.memory.peakRssBytes / needed;
  return { claim: "inference", what: `${what}, peak memory / (weights + cache)`, unit: "x", ours: reached, reached, target: { atMost: 1.15 } };
}

/** Opening a file that another process has read before; what the claim asks of a file of 1.9 GB it asks of smaller ones too. */
function loadLine(what: string, ours: Side, peer: Side | undefined): Line {
  const { loadSeconds, weightBytes } = ours.facts;
  const target = weightBytes < 2e9 ? { atMost: 2 } : undefined;
  return { claim: "inference", what, unit: "s", ours: loadSeconds, peer: peer?.facts.loadSeconds, reached: loadSeconds, target };
}
