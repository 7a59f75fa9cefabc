// Claim: attention over a paged cache runs at the machine's limits: decoding of grouped heads at 75% of the read
// bandwidth, latents and chunks of a prompt at 60% of the bf16 ceiling. Blocks are read cold: each call takes other
// blocks of a cache much larger than the processor's.
import { Random } from "../src/random.js";
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { scope, tensor } from "../src/tensor/engine.js";
import { zeros } from "../src/tensor/ops/elementwise.js";
import { expandedAttention } from "../src/tensor/ops/expanded-attention.js";
import { pagedAttention } from "../src/tensor/ops/paged-attention.js";
import { BLOCK_TOKENS, emptyPagedHeads, fp8LatentBytes } from "../src/tensor/ops/paged-layout.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { reshape } from "../src/tensor/view.js";
import { arithmeticPeaks, nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median } from "./claim.js";

const CACHE_BYTES = 256 * 2 ** 20;
const SECONDS = 0.5;
const LATENT = 512;
const LATENT_WIDTH = 576;

const i32 = (values: readonly number[]) => tensor(Int32Array.from(values), [values.length], "i32");

/** Seconds of a call, the median of those that fit into a fraction of a second; `round` counts the calls. */
function secondsOf(call: (round: number) => void): number {
  call(0);
  const times: number[] = [];
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end || times.length < 5; ) {
    const started = performance.now();
    call(times.length + 1);
    times.push((performance.now() - started) / 1000);
  }
  return median(times);
}

/** Keys that `queries` new queries at the end of a context see, in all. */
const visible = (queries: number, context: number) => queries * context - (queries * (queries - 1)) / 2;

/** What decoding reads: block bytes, and the cache with any number of blocks. */
interface Kind {
  readonly what: string;
  readonly heads: number;
  readonly keyWidth: number;
  readonly valueWidth: number;
  readonly blockBytes: number;
  cache(numBlocks: number): { keys: Tensor; values: Tensor | null };
}

const grouped: Kind = {
  what: "12 heads on 2, 128 wide",
  heads: 12,
  keyWidth: 128,
  valueWidth: 128,
  blockBytes: 2 * 2 * 128 * BLOCK_TOKENS * 2,
  cache: (numBlocks) => ({
    keys: emptyPagedHeads("keys", numBlocks, 2, 128, "bf16"),
    values: emptyPagedHeads("values", numBlocks, 2, 128, "bf16"),
  }),
};

function latent(heads: number, fp8: boolean): Kind {
  const width = fp8 ? fp8LatentBytes(LATENT, LATENT_WIDTH - LATENT) : LATENT_WIDTH;
  return {
    what: `latents${fp8 ? " in FP8" : ""}, ${heads} heads`,
    heads,
    keyWidth: LATENT_WIDTH,
    valueWidth: LATENT,
    blockBytes: width * BLOCK_TOKENS * (fp8 ? 1 : 2),
    cache: (numBlocks) => ({ keys: zeros([numBlocks, BLOCK_TOKENS, width], fp8 ? "u8" : "bf16"), values: null }),
  };
}

/** Bytes and FLOP per second of `queries` new queries for each of `sequences` contexts. */
function pagedRate(kind: Kind, sequences: number, context: number, queries = 1): { bytes: number; flops: number } {
  return scope(() => {
    const blocks = Math.ceil(context / BLOCK_TOKENS);
    const numBlocks = Math.max(2 * sequences * blocks, Math.floor(CACHE_BYTES / kind.blockBytes));
    const { keys, values } = kind.cache(numBlocks);
    const deck = new Random(1).shuffle(Array.from({ length: numBlocks }, (_, i) => i));
    const tables = Array.from({ length: Math.floor(numBlocks / (sequences * blocks)) }, (_, i) =>
      reshape(i32(deck.slice(i * sequences * blocks, (i + 1) * sequences * blocks)), [sequences, blocks]),
    );
    const q = zeros([sequences * queries, kind.heads, kind.keyWidth], "bf16");
    const cu = i32(Array.from({ length: sequences + 1 }, (_, s) => s * queries));
    const lengths = i32(new Array(sequences).fill(context));
    const params = { scale: 0.1, valueWidth: kind.valueWidth };
    const seconds = secondsOf((round) =>
      scope(() => void pagedAttention(q, keys, values, tables[round % tables.length], cu, lengths, params)),
    );
    const flops = 2 * sequences * visible(queries, context) * kind.heads * (kind.keyWidth + kind.valueWidth);
    return { bytes: (sequences * blocks * kind.blockBytes) / seconds, flops: flops / seconds };
  });
}

/** FLOP/s of a chunk of an MLA prompt over its expanded context. */
function expandedRate(heads: number, queries: number, context: number): number {
  return scope(() => {
    const [q, kv, kRope] = [
      zeros([queries, heads, 192], "bf16"),
      zeros([context, heads, 256], "bf16"),
      zeros([context, 64], "bf16"),
    ];
    const [cuQueries, cuKeys] = [i32([0, queries]), i32([0, context])];
    const seconds = secondsOf(() =>
      scope(() => void expandedAttention(q, kv, kRope, cuQueries, cuKeys, { scale: 0.1 })),
    );
    return (2 * visible(queries, context) * heads * (192 + 128)) / seconds;
  });
}

const lineOf = (what: string, unit: string, ours: number, ceiling: number, atLeast: number, note?: string): Line => ({
  claim: "paged",
  what,
  unit,
  ours: ours / 1e9,
  ceiling: ceiling / 1e9,
  reached: ours / ceiling,
  target: { atLeast },
  note,
});

const tokens = (n: number) => (n >= 1024 ? `${n / 1024}K` : String(n));

export const paged: Claim = async ({ threads, log }) => {
  setDefaultDevice(new Device(nativeBackend(threads)));
  const bandwidth = nativeBackend(threads).addon.readBandwidth(threads, CACHE_BYTES, 1);
  const { bf16 } = arithmeticPeaks(threads);
  const lines: Line[] = [];
  const add = (line: Line) => {
    lines.push(line);
    log(
      `paged: ${line.what}: ${line.ours.toFixed(1)} ${line.unit}, ` +
        `${((100 * line.ours) / (line.ceiling ?? 1)).toFixed(0)}% of the ceiling`,
    );
  };
  for (const [sequences, context] of [1, 16].flatMap((s) => [1024, 8192, 32768].map((n) => [s, n] as const))) {
    const { bytes } = pagedRate(grouped, sequences, context);
    add(lineOf(`decode, ${grouped.what}, ${sequences} × ${tokens(context)}`, "GB/s", bytes, bandwidth, 0.75));
  }
  for (const kind of [latent(16, false), latent(16, true), latent(128, false), latent(128, true)])
    for (const [sequences, context] of [
      [1, 1024],
      [1, 32768],
      [16, 1024],
    ]) {
      const { flops, bytes } = pagedRate(kind, sequences, context);
      add(
        lineOf(
          `decode, ${kind.what}, ${sequences} × ${tokens(context)}`,
          "GFLOP/s",
          flops,
          bf16,
          0.6,
          `${(bytes / 1e9).toFixed(1)} ` +
            `GB/s${kind.what.includes("FP8") ? ", int8 products held against the bf16 ceiling" : ""}`,
        ),
      );
    }
  for (const context of [512, 2048, 8192]) {
    add(
      lineOf(
        `512 queries, ${grouped.what}, ${tokens(context)}`,
        "GFLOP/s",
        pagedRate(grouped, 1, context, 512).flops,
        bf16,
        0.6,
      ),
    );
    add(
      lineOf(`512 queries, MLA of 16 heads, ${tokens(context)}`, "GFLOP/s", expandedRate(16, 512, context), bf16, 0.6),
    );
  }
  return lines;
};
