// Claims on running released shapes: ours against llama.cpp (through node-llama-cpp) and ik_llama.cpp, round by round
// in turn, on one GGUF file of random weights. `npm run bench:peers`. Files of some gigabytes are written to a
// temporary folder and removed again.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { InferenceKind } from "../src/inference/runtime/measure.js";
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { nativeBackend } from "./ceilings.js";
import { type BenchOptions, type Claim, type Line, median } from "./claim.js";
import { type InferencePeer, installedPeers } from "./inference-peers.js";
import { type ComparedType, writeRandomGguf } from "./random-gguf.js";
import { Stepper, type StepResult } from "./stepper.js";
import { type PeerSide, type Side, type Turns, takeTurns } from "./turns.js";

type PeerLabel = InferencePeer["label"];
type Targets = Readonly<Partial<Record<InferenceKind, number>>>;

/** A model to compare on, and the ratios wanted of each kind against llama.cpp. */
interface Comparison {
  readonly shape: string;
  readonly type: ComparedType;
  readonly llama: Targets;
  /** Share of the sustained read that one stream is to reach. */
  readonly read: number;
}

/**
 * V2-Lite is cut to twelve of its 27 layers, so that all sides' copies fit beside each other; every layer is of the
 * full size. `--quick` takes the first two.
 */
const COMPARISONS: readonly Comparison[] = [
  { shape: "r1-distill-qwen-1.5b", type: "q8_0", llama: { decode: 1.6, prefill: 3.3, batch: 2 }, read: 0.85 },
  { shape: "r1-distill-qwen-1.5b", type: "q4_0", llama: { decode: 1.3, prefill: 2.6, batch: 2 }, read: 0.85 },
  { shape: "r1-distill-qwen-1.5b", type: "q4_k", llama: {}, read: 0.75 },
  { shape: "v2-lite:layers=12", type: "q8_0", llama: { decode: 1.5, prefill: 2 }, read: 0.85 },
];
const IK_LLAMA: Targets = { decode: 1.1, prefill: 2.2, batch: 3 };
/** What is wanted against llama.cpp where both are held to an older instruction set. */
const LLAMA_HELD: Targets = { prefill: 1.5 };
/**
 * Rounds of one stream are short and many: the bandwidth that a machine's neighbours leave changes from second to
 * second.
 */
const ROUNDS: Readonly<Record<InferenceKind, number>> = { decode: 10, prefill: 3, batch: 3 };
const LARGE_BYTES = 512 * 2 ** 20;
const PROBE_SECONDS = 0.3;
const ourScript = join(dirname(fileURLToPath(import.meta.url)), "inference-child.js");

const rates = ({ rounds }: Side): number[] => rounds.map(({ tokens, seconds }) => tokens / seconds);
const rate = (side: Side): number => median(rates(side));
/** Ours over the peer's, round by round in turn. */
const ratio = (ours: Side, peer: Side): number => median(rates(ours).map((own, i) => own / rates(peer)[i]));

export const inference: Claim = async (options) => {
  setDefaultDevice(new Device(nativeBackend(options.threads)));
  const peers = options.oursOnly ? [] : installedPeers(options.log, options.isa);
  const folder = mkdtempSync(join(tmpdir(), "luciole-bench-"));
  const lines: Line[] = [];
  try {
    for (const comparison of options.quick ? COMPARISONS.slice(0, 2) : COMPARISONS)
      lines.push(...(await compare(comparison, folder, options, peers)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return lines;
};

async function compare(
  comparison: Comparison,
  folder: string,
  options: BenchOptions,
  installed: readonly InferencePeer[],
): Promise<Line[]> {
  const { shape, type, llama } = comparison;
  const file = join(folder, `${shape.replaceAll(/[^a-z0-9.]+/g, "-")}-${type}.gguf`);
  await writeRandomGguf(file, shape, type);
  const targets: Readonly<Record<PeerLabel, Targets>> = {
    "llama.cpp": options.isa === undefined ? llama : LLAMA_HELD,
    "ik_llama.cpp": IK_LLAMA,
  };
  const lines: Line[] = [];
  let single: number | undefined;
  for (const kind of options.kinds) {
    const { ours, peers } = await contest(file, kind, options, installed);
    const what = `${shape} ${type} ${kind}${options.isa === undefined ? "" : ` on ${options.isa}`}`;
    options.log([`${what}: ours ${rate(ours).toFixed(1)} tokens/s`, ...peers.map(standing)].join(", "));
    lines.push(...speedLines(what, ours, peers, (label) => targets[label][kind]));
    if (kind === "decode") {
      single = rate(ours);
      lines.push(
        bandwidthLine(what, ours, comparison.read),
        ...peerBandwidthLines(what, ours, peers),
        memoryLine(what, ours),
      );
    }
    if (kind === "prefill") lines.push(loadLine(`${shape} ${type}, opening`, ours, peers));
    if (kind === "batch" && single !== undefined)
      lines.push(ratioLine(`${what} / one stream`, rate(ours) / single, { atLeast: 5 }));
  }
  rmSync(file, { force: true });
  return lines;
}

const standing = (peer: PeerSide): string =>
  "side" in peer ? `${peer.label} ${rate(peer.side).toFixed(1)}` : peer.failure;
/** Probes are read bandwidths in GB/s. */
function contest(
  file: string,
  kind: InferenceKind,
  { threads }: BenchOptions,
  installed: readonly InferencePeer[],
): Promise<Turns<PeerLabel>> {
  const { addon } = nativeBackend(threads);
  const ours = () => Stepper.start("ours", process.execPath, [ourScript, file, kind, `${threads}`], threads);
  const peers = installed.map(({ label, command, args, environment }) => ({
    label,
    start: () =>
      Stepper.start(label, command, [...args, file, kind, "plain", `${threads}`], threads, undefined, environment),
  }));
  return takeTurns(
    ours,
    peers,
    ROUNDS[kind],
    () => addon.sustainedReadBandwidth(threads, LARGE_BYTES, PROBE_SECONDS) / 1e9,
  );
}

/** One line beside each peer, or one of ours alone. */
function speedLines(
  what: string,
  ours: Side,
  peers: readonly PeerSide<PeerLabel>[],
  targetOf: (label: PeerLabel) => number | undefined,
): Line[] {
  const line: Line = { claim: "inference", what, unit: "tokens/s", ours: rate(ours) };
  if (peers.length === 0) return [{ ...line, note: kernelShares(ours) }];
  return peers.map((peer, i) => {
    const beside = { ...line, what: `${what}, beside ${peer.label}`, ...(i === 0 ? { note: kernelShares(ours) } : {}) };
    if ("failure" in peer) return { ...beside, peerFailure: peer.failure };
    const target = targetOf(peer.label);
    return {
      ...beside,
      peer: rate(peer.side),
      reached: ratio(ours, peer.side),
      ...(target ? { target: { atLeast: target } } : {}),
    };
  });
}

/** Where the last round's time went. */
function kernelShares({ rounds }: Side): string {
  const { profile = [], seconds } = rounds.at(-1) as StepResult;
  const top = [...profile].sort((a, b) => b.seconds - a.seconds).slice(0, 4);
  const inKernels = profile.reduce((sum, op) => sum + op.seconds, 0);
  const share = (part: number) => `${((100 * part) / seconds).toFixed(0)}%`;
  return (
    `${top.map((op) => `${op.op} ${share(op.seconds)}`).join(", ")}; outside kernels ` + `${share(seconds - inKernels)}`
  );
}

/** Bytes that a token takes by the ops' own costs. */
const bytesPerToken = ({ rounds }: Side): number => median(rounds.map(({ bytes = 0, tokens }) => bytes / tokens));

/** What a side reads a second, round by round, against the read bandwidth around the round. */
function readFigures(side: Side, bytes: number): Line & { reached: number } {
  const moved = rates(side).map((tokens) => (tokens * bytes) / 1e9);
  const reached = median(moved.map((read, i) => read / side.probes[i]));
  return {
    claim: "inference",
    what: "memory read",
    unit: "GB/s",
    ours: median(moved),
    ceiling: median(side.probes),
    reached,
  };
}

const bandwidthLine = (what: string, ours: Side, target: number): Line => ({
  ...readFigures(ours, bytesPerToken(ours)),
  what: `${what}, memory read`,
  target: { atLeast: target },
});

/**
 * The peers read the same weights: how near to the ceiling one is bounds how many times faster anyone can be who reads
 * them all.
 */
function peerBandwidthLines(what: string, ours: Side, peers: readonly PeerSide[]): Line[] {
  return peers.flatMap((peer) => {
    if ("failure" in peer) return [];
    const figures = readFigures(peer.side, bytesPerToken(ours));
    const rounds = rates(ours).map(
      (own, i) => `${ours.probes[i].toFixed(0)}: ${(own / rates(peer.side)[i]).toFixed(2)}`,
    );
    const bound = `whoever reads every weight can be ${(1 / figures.reached).toFixed(2)} times as fast at most`;
    return [
      {
        ...figures,
        what: `${what}, memory read by ${peer.label}`,
        note: `${bound}; GB/s around each round and ours / peer in it: ${rounds.join(", ")}`,
      },
    ];
  });
}

function memoryLine(what: string, { facts, memory }: Side): Line {
  return ratioLine(
    `${what}, peak memory / (weights + cache)`,
    memory.peakRssBytes / (facts.weightBytes + facts.cacheBytes),
    { atMost: 1.15 },
  );
}

function ratioLine(what: string, reached: number, target: NonNullable<Line["target"]>): Line {
  return { claim: "inference", what, unit: "x", ours: reached, reached, target };
}

/**
 * Opening a file that another process has read before; what the claim asks of a file of 1.9 GB it asks of smaller ones
 * too.
 */
function loadLine(what: string, ours: Side, peers: readonly PeerSide[]): Line {
  const { loadSeconds, weightBytes } = ours.facts;
  const target = weightBytes < 2e9 ? { atMost: 2 } : undefined;
  const note = peers
    .flatMap((peer) => ("side" in peer ? [`${peer.label} ${peer.side.facts.loadSeconds.toFixed(2)} s`] : []))
    .join(", ");
  return { claim: "inference", what, unit: "s", ours: loadSeconds, reached: loadSeconds, target, note };
}
