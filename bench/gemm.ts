// Claim: matrix products reach 75% (f32) and 60% (bf16) of the register-only ceiling at 1024³, and 50% at the shapes
// that training uses.

import { Device, setDefaultDevice } from "../src/tensor/device.js";
import type { ComputeType } from "../src/tensor/dtype.js";
import { dispatch, scope, tensor } from "../src/tensor/engine.js";
import { zeros } from "../src/tensor/ops/elementwise.js";
import { type GemmParams, gemmOp } from "../src/tensor/ops/linear.js";
import { groupedGemmOp, groupedWeightGradOp } from "../src/tensor/ops/moe.js";
import { arithmeticPeaks, nativeBackend } from "./ceilings.js";
import { type Claim, type Line, median } from "./claim.js";
import { shapes } from "./workload.js";

const CALLS_SECONDS = 0.4;

/**
 * FLOP/s of a body: the best and the median of the calls that fit into a fraction of a second. The ceiling is a best
 * too.
 */
function rate(flops: number, body: () => void): { best: number; middle: number } {
  body();
  const rates: number[] = [];
  for (const end = performance.now() + CALLS_SECONDS * 1000; performance.now() < end || rates.length < 5; ) {
    const started = performance.now();
    body();
    rates.push((flops / (performance.now() - started)) * 1000);
  }
  return { best: Math.max(...rates), middle: median(rates) };
}

/** One product as training runs it: forward x·Wᵀ, dX = dY·W or dW = dYᵀ·X of a linear layer [n, k] on `tokens` rows. */
type Direction = "forward" | "dX" | "dW";

function productRate(
  direction: Direction,
  tokens: number,
  n: number,
  k: number,
  compute: ComputeType,
): { best: number; middle: number } {
  return scope(() => {
    const [x, dy] = [zeros([tokens, k], compute), zeros([tokens, n], compute)];
    const w = zeros([n, k], compute);
    const [a, b, shape] = { forward: [x, w, [tokens, n]], dX: [dy, w, [tokens, k]], dW: [dy, x, [n, k]] }[
      direction
    ] as [typeof x, typeof x, number[]];
    const dtype = direction === "dW" ? "f32" : compute;
    const params: GemmParams = {
      transA: direction === "dW",
      transB: direction === "forward",
      accumulate: false,
      dtype,
      compute,
    };
    const out = zeros(shape, dtype);
    return rate(2 * tokens * n * k, () => void dispatch(gemmOp, [a, b, null, null], params, [out]));
  });
}

/** The expert products with tokens spread evenly. */
function expertRate(
  direction: Direction,
  tokens: number,
  experts: number,
  n: number,
  k: number,
  compute: ComputeType,
): { best: number; middle: number } {
  return scope(() => {
    const offsets = tensor(
      Array.from({ length: experts + 1 }, (_, e) => Math.round((e * tokens) / experts)),
      [experts + 1],
      "i32",
    );
    const [x, dy, w] = [zeros([tokens, k], compute), zeros([tokens, n], compute), zeros([experts, n, k], compute)];
    const flops = 2 * tokens * n * k;
    if (direction === "dW") {
      const out = zeros([experts, n, k]);
      return rate(
        flops,
        () =>
          void dispatch(
            groupedWeightGradOp,
            [dy, x, offsets, null],
            { shape: [experts, n, k], accumulate: false, compute },
            [out],
          ),
      );
    }
    const isForward = direction === "forward";
    const out = zeros([tokens, isForward ? n : k], compute);
    const params = { transW: isForward, dtype: compute, compute };
    return rate(flops, () => void dispatch(groupedGemmOp, [isForward ? x : dy, w, offsets, null, null], params, [out]));
  });
}

interface Shape {
  readonly what: string;
  readonly n: number;
  readonly k: number;
  readonly experts?: number;
}

function trainingShapes(): { model: string; list: Shape[] }[] {
  const d = shapes.models.dense as Record<string, number>;
  const m = shapes.models.deepseek as Record<string, number>;
  const heads = m.num_attention_heads;
  return [
    {
      model: "dense",
      list: [
        { what: "qkv", n: (d.num_attention_heads + 2 * d.num_key_value_heads) * d.head_dim, k: d.hidden_size },
        { what: "o", n: d.hidden_size, k: d.num_attention_heads * d.head_dim },
        { what: "gate_up", n: 2 * d.intermediate_size, k: d.hidden_size },
        { what: "down", n: d.hidden_size, k: d.intermediate_size },
      ],
    },
    {
      model: "deepseek",
      list: [
        { what: "q_a", n: m.q_lora_rank, k: m.hidden_size },
        { what: "q_b", n: heads * (m.qk_nope_head_dim + m.qk_rope_head_dim), k: m.q_lora_rank },
        { what: "kv_b", n: heads * (m.qk_nope_head_dim + m.v_head_dim), k: m.kv_lora_rank },
        { what: "o", n: m.hidden_size, k: heads * m.v_head_dim },
        { what: "experts gate_up", n: 2 * m.moe_intermediate_size, k: m.hidden_size, experts: m.n_routed_experts },
        { what: "experts down", n: m.hidden_size, k: m.moe_intermediate_size, experts: m.n_routed_experts },
      ],
    },
  ];
}

function shapeLines(compute: ComputeType, ceiling: number): Line[] {
  const tokens = shapes.train.batchSize * shapes.train.sequenceLength;
  const chosen = (shapes.models.deepseek.num_experts_per_tok as number) * tokens;
  return trainingShapes().map(({ model, list }) => {
    let [flops, seconds] = [0, 0];
    const fractions: string[] = [];
    for (const { what, n, k, experts } of list)
      for (const direction of ["forward", "dX", "dW"] as const) {
        const rows = experts ? chosen : tokens;
        const { best } = experts
          ? expertRate(direction, rows, experts, n, k, compute)
          : productRate(direction, rows, n, k, compute);
        flops += 2 * rows * n * k;
        seconds += (2 * rows * n * k) / best;
        fractions.push(`${what} ${direction} ${((100 * best) / ceiling).toFixed(0)}%`);
      }
    const ours = flops / seconds;
    const reached = ours / ceiling;
    return {
      claim: "gemm",
      what: `${model} shapes ${compute}`,
      unit: "GFLOP/s",
      ours: ours / 1e9,
      ceiling: ceiling / 1e9,
      reached,
      target: { atLeast: 0.5 },
      note: fractions.join(", "),
    };
  });
}

export const gemm: Claim = async ({ threads, log }) => {
  setDefaultDevice(new Device(nativeBackend(threads)));
  const lines: Line[] = [];
  for (const [compute, target] of [
    ["f32", 0.75],
    ["bf16", 0.6],
  ] as const) {
    const ceiling = arithmeticPeaks(threads)[compute];
    const { best, middle } = productRate("forward", 1024, 1024, 1024, compute);
    const note = `median of the calls ${(middle / 1e9).toFixed(0)} GFLOP/s`;
    lines.push({
      claim: "gemm",
      what: `1024³ ${compute}`,
      unit: "GFLOP/s",
      ours: best / 1e9,
      ceiling: ceiling / 1e9,
      reached: best / ceiling,
      target: { atLeast: target },
      note,
    });
    log(`gemm 1024³ ${compute}: ${((100 * best) / ceiling).toFixed(0)}% of the ceiling`);
    lines.push(...shapeLines(compute, ceiling));
  }
  return lines;
};
