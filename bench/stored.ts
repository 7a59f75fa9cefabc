// Claim: products with stored weights reach 75% of the measured read bandwidth for one row and 60% of the int8 ceiling
// for 512 rows, at the matrices of R1-Distill-Qwen-1.5B and the experts of DeepSeek-V2-Lite, and no type gives more
// than 15% fewer tokens than its sibling.
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
 * Whom a type is held against: one of as many bits, in blocks of the same size where there is one, else the narrowest
 * wider one.
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
function routing(
  tokens: number,
  { count, perToken }: { count: number; perToken: number },
): { offsets: Tensor; rowToken: Tensor } {
  const byExpert = Array.from({ length: count }, () => [] as number[]);
  for (let t = 0; t < tokens; t++) for (let j = 0; j < perToken; j++) byExpert[(t * perToken + j) % count].push(t);
  const offsets = [0];
  for (const list of byExpert) offsets.push((offsets.at(-1) as number) + list.length);
  return {
    offsets: tensor(offsets, [count + 1], "i32"),
    rowToken: tensor(byExpert.flat(), [tokens * perToken], "i32"),
  };
}

/**
 * A product for `rows` tokens over weights that no cache holds; each call gives the seconds it took. Its tensors belong
 * to the caller's scope.
 */
function timedProduct({ n, k, experts }: Matrix, type: BlockType, rows: number): () => number {
  const shape = experts ? [experts.count, n, k] : [n, k];
  const first = packedWeights(type, shape);
  const size = nativeBackend(1).packer?.packedBytes(first) ?? 1;
  const weights = [
    first,
    ...Array.from({ length: Math.ceil(CYCLED_BYTES / size) - 1 }, () => packedWeights(type, shape)),
  ];
  const x = tensor(
    Float32Array.from({ length: rows * k }, (_, i) => (i % 17) - 8.3),
    [rows, k],
  );
  const y = zeros([rows * (experts?.perToken ?? 1), n]);
  const to = experts && routing(rows, experts);
  let calls = 0;
  return () => {
    const w = weights[calls++ % weights.length];
    const started = performance.now();
    if (to) dispatch(storedGroupedLinearOp, [x, w, null, to.offsets, to.rowToken], { dtype: "f32" }, [y]);
    else dispatch(storedLinearOp, [x, w, null, null, null], { dtype: "f32" }, [y]);
    return (performance.now() - started) / 1000;
  };
}

/** What `measure` gives, again and again for `seconds`, five times at least. */
function repeated(seconds: number, measure: () => number): number[] {
  const values: number[] = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end || values.length < 5; )
    values.push(measure());
  return values;
}

/** Seconds of one call: the best and the median of many. The ceilings are bests too. */
function secondsOf(matrix: Matrix, type: BlockType, rows: number): { best: number; middle: number } {
  return scope(() => {
    const times = repeated(SECONDS, timedProduct(matrix, type, rows));
    return { best: Math.min(...times), middle: median(times) };
  });
}

/** Bytes of weights that `rows` tokens read. */
function bytesRead({ n, k, experts }: Matrix, type: BlockType, rows: number): number {
  const chosen = experts ? Math.min(experts.count, rows * experts.perToken) : 1;
  return chosen * (nativeBackend(1).packer?.packedBytes({ shape: [n, k], dtype: type }) ?? 0);
}

function lineOf(
  model: string,
  matrices: readonly Matrix[],
  type: BlockType,
  rows: number,
  ceilings: { read: number; int8: number; bf16: number },
): Line {
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
    return {
      claim: "stored",
      what,
      unit: "GB/s",
      ours: read / 1e9,
      ceiling: ceilings.read / 1e9,
      reached,
      target: { atLeast: 0.75 },
      note: `${(operations / 2 / seconds / 1e9).toFixed(1)} G weights/s; ${parts.join(", ")}`,
    };
  }
  const note = `${parts.join(", ")}; ${(read / 1e9).toFixed(1)} GB/s of weights`;
  const target = rows === 512 && type !== "e4m3" && !matrices[0].experts ? { atLeast: 0.6 } : undefined;
  return {
    claim: "stored",
    what,
    unit: "GOP/s",
    ours: compute / 1e9,
    ceiling: peak / 1e9,
    reached: compute / peak,
    target,
    note,
  };
}

/**
 * A type beside its sibling, call by call in turn: weights a second, which are what tokens take. For one row, where
 * memory decides, a note says how the bytes a second compare; the narrower type reads fewer.
 */
function siblingLine(type: BlockType, sibling: BlockType, rows: number): Line {
  const ratios = scope(() => {
    const products = (of: BlockType) => QWEN.map((matrix) => timedProduct(matrix, of, rows));
    const [own, other] = [products(type), products(sibling)];
    const seconds = (calls: readonly (() => number)[]) => calls.reduce((sum, call) => sum + call(), 0);
    return repeated(SECONDS, () => seconds(other) / seconds(own));
  });
  const reached = median(ratios);
  const bytes = (of: BlockType) => QWEN.reduce((sum, matrix) => sum + bytesRead(matrix, of, rows), 0);
  const what = `${caseName("Qwen-1.5B", type, rows)}, over ${sibling}`;
  const note = rows === 1 ? `bytes a second ${((reached * bytes(type)) / bytes(sibling)).toFixed(2)}` : undefined;
  return { claim: "stored", what, unit: "x", ours: reached, reached, target: { atLeast: 0.85 }, note };
}

const caseName = (model: string, type: BlockType, rows: number): string =>
  `${model} ${type}, ${rows} row${rows === 1 ? "" : "s"}`;

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
        log(
          `stored ${line.what}: ${line.ours.toFixed(1)} ${line.unit}, ` +
            `${(100 * (line.reached ?? 0)).toFixed(0)}% of the ceiling`,
        );
    }
  for (const [type, sibling] of Object.entries(SIBLINGS))
    for (const rows of ROWS) {
      const line = siblingLine(type as BlockType, sibling, rows);
      lines.push(line);
      log(`stored ${line.what}: ${line.ours.toFixed(2)}`);
    }
  return lines;
};
