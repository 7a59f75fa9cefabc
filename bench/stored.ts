// Claim: products with stored weights reach 75% of the measured read bandwidth for one row and 60% of the int8 ceiling for 512 rows, at the
// matrices of R1-Distill-Qwen-1.5B and the experts of DeepSeek-V2-Lite, and no type falls more than 15% behind its sibling.
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { type BlockType, blockSizes, blockTypes } from "../src/tensor/dtype.js";
import { dispatch, emptyPacked, scope, tensor } from "../src/tensor/engine.js";
import { zeros } from "../src/tensor/ops/elementwise.js";
import { storedGroupedLinearOp, storedLinearOp } from "../src/tensor/ops/stored.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median } from "./claim.js";

const SECONDS = 0.5;
const CEILING_SECONDS = 1;
/** More than any cache holds: each call of a memory-bound product meets weights that are not there. */
const CYCLED_BYTES = 256 * 2 ** 20;
const ROWS = [1, 16, 512] as const;

interface Matrix {
  readonly what: string;
  readonly n: number;
  readonly k: number;
  readonly experts?: { readonly count: number; readonly perToken: number };
}

const QWEN: readonly Matrix[] = [
  { what: "gate_up", n: 2 * 8960, k: 1536 },
  { what: "down", n: 1536, k: 8960 },
];
const EXPERTS = { count: 64, perToken: 6 };
/** Types with blocks of 256 have no expert of width 1408 to multiply with. */
const V2_LITE: readonly Matrix[] = [
  { what: "experts gate_up", n: 2 * 1408, k: 2048, experts: EXPERTS },
  { what: "experts down", n: 2048, k: 1408, experts: EXPERTS },
];

/**
 * Whom a type is held against: one of as many bits in the same blocks, or the narrowest wider one. What is compared is the bytes of weights read in
 * a second for one row, and operations in a second for more.
 */
const SIBLINGS: Readonly<Partial<Record<BlockType, BlockType>>> = {
  q4_1: "q4_0",
  iq4_nl: "q4_0",
  mxfp4: "q4_0",
  q5_0: "q5_k",
  q5_1: "q5_k",
  iq4_xs: "q4_k",
  q3_k: "q4_k",
  q2_k: "q4_k",
};

/** Packed weights of any content: bytes that give small, finite numbers in every type. */
function packedWeights(type: BlockType, shape: readonly number[]): Tensor {
  const { packer, addon } = nativeBackend(1);
  const sizeBytes = packer?.packedBytes({ shape, dtype: type }) ?? 0;
  const weights = emptyPacked(shape, type, sizeBytes);
  addon.fill((weights.storage.buffer as unknown as { address: number }).address, 0, Math.floor(sizeBytes / 4), 1e-3);
  return weights;
}

/** Token t's experts: neighbours, so that many tokens meet all experts evenly. */
function routing(tokens: number, { count, perToken }: { count: number; perToken: number }): { offsets: Tensor; rowToken: Tensor } {
  const byExpert = Array.from({ length: count }, () => [] as number[]);
  for (let t = 0; t < tokens; t++) for (let j = 0; j < perToken; j++) byExpert[(t * perToken + j) % count].push(t);
  const offsets = [0];
  for (const list of byExpert) offsets.push((offsets.at(-1) as number) + list.length);
  return { offsets: tensor(offsets, [count + 1], "i32"), rowToken: tensor(byExpert.flat(), [tokens * perToken], "i32") };
}

/** Seconds of one call for `rows` tokens, over weights that no cache holds: the best and the median of many. The ceilings are bests too. */
function secondsOf({ n, k, experts }: Matrix, type: BlockType, rows: number): { best: number; middle: number } {
  return scope(() => {
    const shape = experts ? [experts.count, n, k] : [n, k];
    const first = packedWeights(type, shape);
    const size = nativeBackend(1).packer?.packedBytes(first) ?? 1;
    const weights = [first, ...Array.from({ length: Math.ceil(CYCLED_BYTES / size) - 1 }, () => packedWeights(type, shape))];
    const x = tensor(
      Float32Array.from({ length: rows * k }, (_, i) => (i % 17) - 8.3),
      [rows, k],
    );
    const y = zeros([rows * (experts?.perToken ?? 1), n]);
    const to = experts && routing(rows, experts);
    const call = (w: Tensor) =>
      to
        ? dispatch(storedGroupedLinearOp, [x, w, null, to.offsets, to.rowToken], { dtype: "f32" }, [y])
        : dispatch(storedLinearOp, [x, w, null, null, null], { dtype: "f32" }, [y]);
    const times: number[] = [];
    for (const end = performance.now() + SECONDS * 1000; performance.now() < end || times.length < 5; ) {
      const started = performance.now();
      call(weights[times.length % weights.length]);
      times.push((performance.now() - started) / 1000);
    }
    return { best: Math.min(...times), middle: median(times) };
  });
}

/** Bytes of weights that `rows` tokens read. */
function bytesRead({ n, k, experts }: Matrix, type: BlockType, rows: number): number {
  const chosen = experts ? Math.min(experts.count, rows * experts.perToken) : 1;
  return chosen * (nativeBackend(1).packer?.packedBytes({ shape: [n, k], dtype: type }) ?? 0);
}

function lineOf(model: string, matrices: readonly Matrix[], type: BlockType, rows: number, ceilings: { read: number; int8: number; bf16: number }): Line {
  let [seconds, bytes, operations] = [0, 0, 0];
  const parts: string[] = [];
  for (const matrix of matrices) {
    const { best, middle } = secondsOf(matrix, type, rows);
    seconds += best;
    bytes += bytesRead(matrix, type, rows);
    operations += 2 * rows * (matrix.experts?.perToken ?? 1) * matrix.n * matrix.k;
    parts.push(`${matrix.what} ${(best * 1e3).toFixed(2)} ms (median ${(middle * 1e3).toFixed(2)})`);
  }
  const [read, compute] = [bytes / seconds, operations / seconds];
  const peak = type === "e4m3" ? ceilings.bf16 : ceilings.int8;
  const what = caseName(model, type, rows);
  if (rows === 1) {
    const reached = read / ceilings.read;
    return { claim: "stored", what, unit: "GB/s", ours: read / 1e9, ceiling: ceilings.read / 1e9, reached, target: { atLeast: 0.75 }, note: parts.join(", ") };
  }
  const note = `${parts.join(", ")}; ${(read / 1e9).toFixed(1)} GB/s of weights`;
  const target = rows === 512 && type !== "e4m3" && !matrices[0].experts ? { atLeast: 0.6 } : undefined;
  return { claim: "stored", what, unit: "GOP/s", ours: compute / 1e9, ceiling: peak / 1e9, reached: compute / peak, target, note };
}

const caseName = (model: string, type: BlockType, rows: number): string => `${model} ${type}, ${rows} row${rows === 1 ? "" : "s"}`;

/** What a type reaches of its sibling's figure, at the matrices that fit the blocks of all types. */
function siblingLines(lines: readonly Line[]): Line[] {
  const figures = new Map(lines.map(({ what, ours }) => [what, ours]));
  const figure = (type: string, rows: number) => figures.get(caseName("Qwen-1.5B", type as BlockType, rows)) as number;
  return Object.entries(SIBLINGS).flatMap(([type, sibling]) =>
    ROWS.map((rows): Line => {
      const reached = figure(type, rows) / figure(sibling, rows);
      const what = `${caseName("Qwen-1.5B", type as BlockType, rows)}, over ${sibling}`;
      return { claim: "stored", what, unit: "x", ours: reached, reached, target: { atLeast: 0.85 } };
    }),
  );
}

export const stored: Claim = async ({ threads, log }) => {
  const backend = nativeBackend(threads);
  setDefaultDevice(new Device(backend));
  const { addon } = backend;
  const ceilings = {
    read: addon.readBandwidth(threads, CYCLED_BYTES, CEILING_SECONDS),
    int8: addon.peakDotInt8(threads, CEILING_SECONDS),
    bf16: addon.peakDotBf16(threads, CEILING_SECONDS),
  };
  const lines: Line[] = [];
  for (const type of blockTypes)
    for (const rows of ROWS) {
      lines.push(lineOf("Qwen-1.5B", QWEN, type, rows, ceilings));
      const experts = V2_LITE.filter(({ k }) => k % blockSizes[type].numbers === 0);
      lines.push(lineOf("V2-Lite", experts, type, rows, ceilings));
      for (const line of lines.slice(-2))
        log(`stored ${line.what}: ${line.ours.toFixed(1)} ${line.unit}, ${(100 * (line.reached ?? 0)).toFixed(0)}% of the ceiling`);
    }
  return [...lines, ...siblingLines(lines)];
};
