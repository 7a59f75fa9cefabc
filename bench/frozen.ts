// Claim: the gradient through a frozen matrix of any storage type, in bf16 for 512 rows, reaches 85% of the rate of
// that through a bf16 matrix, at the matrices of R1-Distill-Qwen-1.5B.
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { type BlockType, blockTypes } from "../src/tensor/dtype.js";
import { dispatch, emptyPacked, scope } from "../src/tensor/engine.js";
import { zeros } from "../src/tensor/ops/elementwise.js";
import { gemmOp } from "../src/tensor/ops/linear.js";
import { storedLinearBackwardOp } from "../src/tensor/ops/stored.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median } from "./claim.js";
import { frozenMemory } from "./frozen-memory.js";

const ROWS = 512;
const PAIRS = 9;
const MATRICES = [
  { what: "gate_up", n: 2 * 8960, k: 1536 },
  { what: "down", n: 1536, k: 8960 },
] as const;
const TYPES = ["f16", ...blockTypes] as const;

/** Packed weights of any content: bytes that give small, finite numbers in every type. */
function packedWeights(dtype: BlockType | "f16", shape: readonly number[]): Tensor {
  const { packer, addon } = nativeBackend(1);
  const sizeBytes = packer?.packedBytes({ shape, dtype }) ?? 0;
  const weights = emptyPacked(shape, dtype, sizeBytes);
  addon.fill((weights.storage.buffer as unknown as { address: number }).address, 0, Math.floor(sizeBytes / 4), 1e-3);
  return weights;
}

function seconds(call: () => void): number {
  const started = performance.now();
  call();
  return (performance.now() - started) / 1000;
}

/** Rates of the two products, and the median of their ratios, call by call in turn. */
function compared(type: BlockType | "f16", { n, k }: { n: number; k: number }) {
  return scope(() => {
    const [dy, dx, plain] = [zeros([ROWS, n], "bf16"), zeros([ROWS, k], "bf16"), zeros([n, k], "bf16")];
    const weights = packedWeights(type, [n, k]);
    const params = { transA: false, transB: false, accumulate: false, dtype: "bf16", compute: "bf16" } as const;
    const ours = () =>
      void dispatch(storedLinearBackwardOp, [dy, weights, null], { dtype: "bf16", accumulate: false }, [dx]);
    const bf16 = () => void dispatch(gemmOp, [dy, plain, null, null], params, [dx]);
    ours();
    bf16();
    const pairs = Array.from({ length: PAIRS }, () => [seconds(ours), seconds(bf16)] as const);
    return {
      ratio: median(pairs.map(([own, other]) => other / own)),
      rate: (2 * ROWS * n * k) / Math.min(...pairs.map(([own]) => own)),
      bf16Rate: (2 * ROWS * n * k) / Math.min(...pairs.map(([, other]) => other)),
    };
  });
}

export const frozen: Claim = async ({ threads, log }) => {
  setDefaultDevice(new Device(nativeBackend(threads)));
  const lines: Line[] = await frozenMemory();
  for (const type of TYPES)
    for (const matrix of MATRICES) {
      const { ratio, rate, bf16Rate } = compared(type, matrix);
      const what = `gradient through ${type}, ${matrix.what}`;
      lines.push({
        claim: "frozen",
        what,
        unit: "GFLOP/s",
        ours: rate / 1e9,
        ceiling: bf16Rate / 1e9,
        reached: ratio,
        target: { atLeast: 0.85 },
      });
      log(`${what}: ${(rate / 1e9).toFixed(0)} GFLOP/s, ${(100 * ratio).toFixed(0)}% of a bf16 matrix's`);
    }
  return lines;
};
