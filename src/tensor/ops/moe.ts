// Mixture of experts: gate, sequence-wise balance loss, device-side dispatch, grouped products, combination.
// Routing never leaves the device: counts and permutations are tensors.
import { exp } from "../../elementary.js";
import { type ComputeType, computeOf, type DType } from "../dtype.js";
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec, type VjpContext } from "../op.js";
import { numElements, type Tensor } from "../tensor.js";
import { cast, scaleBy, streamCost } from "./elementwise.js";
import { gatherRows, sumPicked } from "./rows.js";

/** The gate: DeepSeek-V3 uses sigmoid scores, groups ranked by the sum of their two best; V2 softmax and the best. */
export interface RouterParams {
  topK: number;
  numGroups: number;
  topkGroups: number;
  scoring: "softmax" | "sigmoid";
  groupScore: "max" | "top2sum";
  /** Divide the chosen scores by their sum (+1e-20). */
  normalize: boolean;
  /** routed_scaling_factor. */
  scale: number;
}

function scoreRow(
  logits: ArrayLike<number>,
  at: number,
  experts: number,
  scoring: RouterParams["scoring"],
): Float64Array {
  const row = Float64Array.from({ length: experts }, (_, e) => logits[at + e]);
  if (scoring === "sigmoid") return row.map((z) => 1 / (1 + exp(-z)));
  const max = Math.max(...row);
  const exps = row.map((z) => exp(z - max));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((e) => e / sum);
}

/** Choice scores with the groups that are not kept at -inf. */
function maskGroups(choice: Float64Array, p: RouterParams): Float64Array {
  const size = choice.length / p.numGroups;
  const groupScores = Array.from({ length: p.numGroups }, (_, g) => {
    const sorted = [...choice.slice(g * size, (g + 1) * size)].sort((a, b) => b - a);
    return choosable(p.groupScore === "max" ? sorted[0] : sorted[0] + (sorted[1] ?? 0));
  });
  const kept = new Set(topIndices(groupScores, p.topkGroups));
  return choice.map((c, e) => (kept.has(Math.floor(e / size)) ? c : Number.NEGATIVE_INFINITY));
}

/**
 * Indexes of the k largest, descending, ties to the lower index. NaN comes after every number but masked ones (-inf).
 */
function topIndices(values: ArrayLike<number>, k: number): number[] {
  const ranks = Array.from(values, (x) => (Number.isNaN(x) ? LOWEST : x));
  return Array.from(ranks.keys())
    .sort((a, b) => (ranks[a] === ranks[b] ? a - b : ranks[a] > ranks[b] ? -1 : 1))
    .slice(0, k);
}
/** The lowest f32. */
const LOWEST = -3.4028234663852886e38;
/** A score to choose by: what is no number, or below every f32, ranks last but can be chosen. */
const choosable = (score: number): number => (score > LOWEST ? score : LOWEST);

/**
 * Expert choice (DeepSeek-V3 eqs. 12–16): logits [T,E] and an optional selection-only bias [E]
 * → scores [T,E], indices i32 [T,K] by descending choice score, gate weights [T,K].
 */
export const routerOp: OpSpec<RouterParams> = {
  name: "router",
  infer: ([logits, bias], { topK, numGroups }) => {
    const [tokens, experts] = logits!.shape;
    checkShape(
      logits!.dtype === "f32" && experts % numGroups === 0 && topK <= experts && (!bias || bias.shape[0] === experts),
      "router",
      "f32 logits [T,E] and a bias [E] or none",
      logits,
      bias,
    );
    return [
      { shape: [tokens, experts], dtype: "f32" },
      { shape: [tokens, topK], dtype: "i32" },
      { shape: [tokens, topK], dtype: "f32" },
    ];
  },
  reference: ([logits, bias], [scores, indices, weights], p) => {
    const [tokens, experts] = logits!.shape;
    for (let t = 0; t < tokens; t++) {
      const row = scoreRow(logits!.data, t * experts, experts, p.scoring);
      scores.data.set(row, t * experts);
      const chosen = topIndices(
        maskGroups(
          row.map((s, e) => choosable(s + (bias ? bias.data[e] : 0))),
          p,
        ),
        p.topK,
      );
      const total = p.normalize ? chosen.reduce((sum, e) => sum + row[e], 0) + 1e-20 : 1;
      chosen.forEach((e, i) => {
        indices.data[t * p.topK + i] = e;
        weights.data[t * p.topK + i] = (row[e] / total) * p.scale;
      });
    }
  },
  cost: (i, o) => streamCost(10, i, o),
  saves: { outputs: [0, 1] },
  vjp: (c, [dScores, , dWeights]) => {
    if (!dScores && !dWeights) return [null, null];
    return [dispatch(routerBackwardOp, [c.output(0), c.output(1), dWeights, dScores], c.params)[0], null];
  },
};

/** dLogits from (scores, indices, dWeights or null, dScores or null). */
export const routerBackwardOp: OpSpec<RouterParams> = {
  name: "routerBackward",
  indexes: ([scores]) => [{ input: 1, below: scores!.shape[1] }],
  infer: ([scores]) => [{ shape: scores!.shape, dtype: "f32" }],
  reference: ([scores, indices, dWeights, dScores], [dLogits], p) => {
    const [tokens, experts] = scores!.shape;
    const K = indices!.shape[1];
    for (let t = 0; t < tokens; t++) {
      const ds = Float64Array.from({ length: experts }, (_, e) => (dScores ? dScores.data[t * experts + e] : 0));
      const chosen = Array.from({ length: K }, (_, i) => indices!.data[t * K + i]);
      const s = (e: number) => scores!.data[t * experts + e];
      const total = p.normalize ? chosen.reduce((sum, e) => sum + s(e), 0) + 1e-20 : 1;
      const g = (i: number) => (dWeights ? dWeights.data[t * K + i] * p.scale : 0);
      const mean = p.normalize ? chosen.reduce((sum, e, i) => sum + g(i) * s(e), 0) / (total * total) : 0;
      chosen.forEach((e, i) => {
        ds[e] += g(i) / total - mean;
      });
      const inner = p.scoring === "softmax" ? ds.reduce((sum, d, e) => sum + d * s(e), 0) : 0;
      for (let e = 0; e < experts; e++)
        dLogits.data[t * experts + e] = p.scoring === "softmax" ? s(e) * (ds[e] - inner) : ds[e] * s(e) * (1 - s(e));
    }
  },
  cost: (i, o) => streamCost(10, i, o),
};
/** See `routerOp`. */
export function router(
  logits: Tensor,
  bias: Tensor | null,
  params: RouterParams,
): { scores: Tensor; indices: Tensor; weights: Tensor } {
  const [scores, indices, weights] = dispatch(routerOp, [logits, bias], params);
  return { scores, indices, weights };
}

/**
 * Complementary sequence-wise balance loss (DeepSeek-V3 eqs. 17–20), mean over non-empty sequences: scores [T,E],
 * indices [T,K], cuSeqlens → loss and its gradient with respect to the scores (the counts f are constants).
 */
export const balanceLossOp: OpSpec<{ alpha: number }> = {
  name: "balanceLoss",
  indexes: ([scores]) => [
    { input: 1, below: scores!.shape[1] },
    { input: 2, risesTo: scores!.shape[0], within: true },
  ],
  infer: ([scores]) => [
    { shape: [1], dtype: "f32" },
    { shape: scores!.shape, dtype: "f32" },
  ],
  reference: ([scores, indices, cu], [loss, dScores], { alpha }) => {
    const experts = scores!.shape[1];
    const K = indices!.shape[1];
    const sequences = Array.from({ length: cu!.data.length - 1 }, (_, q) => [cu!.data[q], cu!.data[q + 1]]).filter(
      ([begin, end]) => end > begin,
    );
    loss.data[0] = 0;
    dScores.data.fill(0);
    for (const [begin, end] of sequences) {
      const f = new Float64Array(experts);
      for (let i = begin * K; i < end * K; i++) f[indices!.data[i]] += experts / (K * (end - begin));
      const weight = alpha / ((end - begin) * sequences.length);
      for (let t = begin; t < end; t++) {
        const s = (e: number) => scores!.data[t * experts + e];
        let total = 0;
        let weighted = 0;
        for (let e = 0; e < experts; e++) {
          total += s(e);
          weighted += f[e] * s(e);
        }
        loss.data[0] += (weight * weighted) / total;
        for (let e = 0; e < experts; e++) dScores.data[t * experts + e] = (weight * (f[e] - weighted / total)) / total;
      }
    }
  },
  cost: (i, o) => streamCost(6, i, [o[1]]),
  saves: { outputs: [1] },
  vjp: (c, [dLoss]) => [dLoss && scaleBy(c.output(1), dLoss), null, null],
};
/** See `balanceLossOp`. */
export const balanceLoss = (scores: Tensor, indices: Tensor, cuSeqlens: Tensor, alpha: number): Tensor =>
  dispatch(balanceLossOp, [scores, indices, cuSeqlens], { alpha })[0];

/**
 * Sorts (token, choice) pairs by expert, stably: indices [T,K] → offsets [E+1], rowToken [T·K] (token of each sorted
 * row), tokenRow [T,K] (row of each pair). `load` [E], if given, gains the counts.
 */
export const moeDispatchOp: OpSpec<{ experts: number }> = {
  name: "moeDispatch",
  indexes: (_, { experts }) => [{ input: 0, below: experts }],
  infer: ([indices], { experts }) => [
    { shape: [experts + 1], dtype: "i32" },
    { shape: [numElements(indices!.shape)], dtype: "i32" },
    { shape: indices!.shape, dtype: "i32" },
  ],
  mutates: [1],
  reference: ([indices, load], [offsets, rowToken, tokenRow], { experts }) => {
    const K = indices!.shape[1];
    let row = 0;
    for (let e = 0; e < experts; e++) {
      offsets.data[e] = row;
      for (let i = 0; i < indices!.data.length; i++) {
        if (indices!.data[i] !== e) continue;
        rowToken.data[row] = Math.floor(i / K);
        tokenRow.data[i] = row++;
      }
      if (load) load.data[e] += row - offsets.data[e];
    }
    offsets.data[experts] = row;
  },
};
/** Rows sorted by expert: expert e has the rows [offsets[e], offsets[e+1]). */
export interface ExpertRows {
  /** i32 [E+1]. */
  readonly offsets: Tensor;
  /** i32 [R]: row r is row rowToken[r] of what is multiplied. Absent: row r itself. */
  readonly rowToken?: Tensor;
  /** i32 [T,K], the inverse of `rowToken`, for the gradient: the rows of each token. */
  readonly tokenRow?: Tensor;
}
/** The permutation that groups (token, choice) pairs by expert; all on the device. */
export type Dispatch = Required<ExpertRows>;
/** See `moeDispatchOp`. */
export function moeDispatch(indices: Tensor, experts: number, load: Tensor | null): Dispatch {
  const [offsets, rowToken, tokenRow] = dispatch(moeDispatchOp, [indices, load], { experts });
  return { offsets, rowToken, tokenRow };
}

/** Parameters of `groupedGemm`. */
export interface GroupedGemmParams {
  /** W is [E,N,K] (a linear layer per expert); false: [E,K,N]. */
  transW: boolean;
  dtype: DType;
  compute: ComputeType;
}
/**
 * Rows of expert e, [offsets[e], offsets[e+1]), times that expert's weight; rows of none of them are zero. Inputs x, W,
 * offsets, rowToken or null (row r reads x[rowToken[r]]), tokenRow or null (the inverse, for the gradient).
 */
export const groupedGemmOp: OpSpec<GroupedGemmParams> = {
  name: "groupedGemm",
  indexes: ([x, , , rowToken]) => [
    { input: 2, risesTo: (rowToken ?? x)!.shape[0], within: true },
    { input: 3, below: x!.shape[0] },
    { input: 4, unchecked: "for the gradient, whose op checks it" },
  ],
  infer: ([x, w, offsets, rowToken], { transW, dtype, compute }) => {
    const [experts, a, b] = w!.shape;
    checkShape(
      x!.shape[1] === (transW ? b : a) && offsets!.shape[0] === experts + 1,
      "groupedGemm",
      "x [R,K], W [E,N,K], offsets [E+1]",
      x,
      w,
      offsets,
    );
    checkShape(
      !w!.isPacked || w!.dtype === compute,
      "groupedGemm",
      "packed weights of the type that the product computes in",
      w,
    );
    return [{ shape: [rowToken ? rowToken.shape[0] : x!.shape[0], transW ? a : b], dtype }];
  },
  reference: ([x, w, offsets, rowToken], [y], { transW }) => {
    const [experts, a, b] = w!.shape;
    const [n, k] = transW ? [a, b] : [b, a];
    y.data.fill(0);
    for (let e = 0; e < experts; e++)
      for (let r = offsets!.data[e]; r < offsets!.data[e + 1]; r++)
        for (let j = 0; j < n; j++) {
          const from = (rowToken ? rowToken.data[r] : r) * k;
          let sum = 0;
          for (let q = 0; q < k; q++) sum += x!.data[from + q] * w!.data[e * n * k + (transW ? j * k + q : q * n + j)];
          y.data[r * n + j] = sum;
        }
  },
  cost: (i, o) => ({
    flops: 2 * numElements(o[0].shape) * i[0]!.shape[1],
    bytes: streamCost(0, [i[0], i[1]], o).bytes,
  }),
  takesPacked: [1],
  saves: { inputs: [0, 1, 2, 3, 4] },
  vjp: (c, [dy]) =>
    dy
      ? [c.wants(0) ? groupedGradX(c, dy) : null, c.wants(1) ? groupedGradW(c, dy) : null, null, null, null]
      : [null, null, null, null, null],
};
type GroupedContext = VjpContext<GroupedGemmParams>;

function groupedGradX(c: GroupedContext, dy: Tensor): Tensor {
  const { compute, transW } = c.params;
  const dtype = c.inputSpec(0).dtype;
  const [rows] = dispatch(groupedGemmOp, [dy, c.input(1), c.input(2), null, null], {
    transW: !transW,
    dtype,
    compute,
  });
  return sumPicked(rows, c.maybeInput(3), c.maybeInput(4), c.inputSpec(0));
}

function groupedGradW(c: GroupedContext, dy: Tensor): Tensor {
  const target = c.gradTarget(1, "f32");
  const params = { shape: c.inputSpec(1).shape, accumulate: !!target, compute: c.params.compute };
  const [x, offsets, rowToken] = [c.input(0), c.input(2), c.maybeInput(3)];
  if (c.params.transW) return dispatch(groupedWeightGradOp, [dy, x, offsets, rowToken], params, [target])[0];
  // W [E,K,N]: the roles change places, and only the second operand's rows can be picked by index.
  return dispatch(groupedWeightGradOp, [rowToken ? gatherRows(x, rowToken) : x, dy, offsets, null], params, [
    target,
  ])[0];
}

/** dW[e] [N,K] (+)= dYᵀ·X over the rows of expert e; experts without rows get zero. */
export const groupedWeightGradOp: OpSpec<{ shape: readonly number[]; accumulate: boolean; compute: ComputeType }> = {
  name: "groupedWeightGrad",
  indexes: ([dy, x]) => [
    { input: 2, risesTo: dy!.shape[0], within: true },
    { input: 3, below: x!.shape[0] },
  ],
  infer: (_, { shape }) => [{ shape, dtype: "f32" }],
  reference: ([dy, x, offsets, rowToken], [dw], { shape: [experts, n, k], accumulate }) => {
    for (let e = 0; e < experts; e++)
      for (let j = 0; j < n; j++)
        for (let q = 0; q < k; q++) {
          let sum = accumulate ? dw.data[(e * n + j) * k + q] : 0;
          for (let r = offsets!.data[e]; r < offsets!.data[e + 1]; r++)
            sum += dy!.data[r * n + j] * x!.data[(rowToken ? rowToken.data[r] : r) * k + q];
          dw.data[(e * n + j) * k + q] = sum;
        }
  },
  cost: (i, _, { shape }) => ({
    flops: 2 * i[0]!.shape[0] * shape[1] * shape[2],
    bytes: streamCost(0, [i[0], i[1]], [{ shape, dtype: "f32" }]).bytes,
  }),
};
/** x·W[e]ᵀ for the rows of each expert; rows of none are zero. bf16 compute when W is bf16. */
export function groupedLinear(x: Tensor, w: Tensor, { offsets, rowToken, tokenRow }: ExpertRows): Tensor {
  return dispatch(groupedGemmOp, [x, w, offsets, rowToken ?? null, tokenRow ?? null], {
    transW: true,
    dtype: x.dtype,
    compute: computeOf(w),
  })[0];
}

/** y[t] = add[t] + Σ_k weights[t,k]·rows[tokenRow[t,k]]; inputs rows, weights, tokenRow, add or null. */
export const moeCombineOp: OpSpec<{ dtype: DType }> = {
  name: "moeCombine",
  indexes: ([rows]) => [{ input: 2, below: rows!.shape[0] }],
  infer: ([rows, weights, tokenRow], { dtype }) => {
    checkShape(
      weights!.shape.join() === tokenRow!.shape.join(),
      "moeCombine",
      "weights shaped as tokenRow",
      weights,
      tokenRow,
    );
    return [{ shape: [tokenRow!.shape[0], rows!.shape[1]], dtype }];
  },
  reference: ([rows, weights, tokenRow, added], [y]) => {
    const [tokens, K] = tokenRow!.shape;
    const d = rows!.shape[1];
    for (let t = 0; t < tokens; t++)
      for (let j = 0; j < d; j++) {
        let sum = added ? added.data[t * d + j] : 0;
        for (let i = 0; i < K; i++) sum += weights!.data[t * K + i] * rows!.data[tokenRow!.data[t * K + i] * d + j];
        y.data[t * d + j] = sum;
      }
  },
  cost: (i, o) => streamCost(4, [i[0], i[3]], o),
  saves: { inputs: [0, 1, 2] },
  vjp: (c, [dy]) => {
    if (!dy) return [null, null, null, null];
    const [dRows, dWeights] = dispatch(moeCombineBackwardOp, [c.input(0), c.input(1), c.input(2), dy], {});
    return [dRows, dWeights, null, c.wants(3) ? cast(dy, c.inputSpec(3).dtype) : null];
  },
};
/** (dRows, dWeights) of `moeCombine` from (rows, weights, tokenRow, dy). */
export const moeCombineBackwardOp: OpSpec<Record<string, never>> = {
  name: "moeCombineBackward",
  indexes: ([rows]) => [{ input: 2, below: rows!.shape[0] }],
  infer: ([rows, weights]) => [
    { shape: rows!.shape, dtype: rows!.dtype },
    { shape: weights!.shape, dtype: "f32" },
  ],
  reference: ([rows, weights, tokenRow, dy], [dRows, dWeights]) => {
    const [tokens, K] = tokenRow!.shape;
    const d = rows!.shape[1];
    for (let t = 0; t < tokens; t++)
      for (let i = 0; i < K; i++) {
        const row = tokenRow!.data[t * K + i];
        let sum = 0;
        for (let j = 0; j < d; j++) {
          sum += dy!.data[t * d + j] * rows!.data[row * d + j];
          dRows.data[row * d + j] = weights!.data[t * K + i] * dy!.data[t * d + j];
        }
        dWeights.data[t * K + i] = sum;
      }
  },
  cost: (i, o) => streamCost(4, i, o),
};
/** See `moeCombineOp`; the result has the type of `added`, or of the rows. */
export function moeCombine(rows: Tensor, weights: Tensor, tokenRow: Tensor, added: Tensor | null): Tensor {
  return dispatch(moeCombineOp, [rows, weights, tokenRow, added], { dtype: (added ?? rows).dtype })[0];
}

/** bias[e] -= gamma where load[e] is above the mean, += gamma where below (DeepSeek-V3 §2.1.2); in place. */
export const routerBiasUpdateOp: OpSpec<{ gamma: number }> = {
  name: "routerBiasUpdate",
  infer: () => [],
  mutates: [0],
  reference: ([bias, load], _, { gamma }) => {
    let mean = 0;
    for (const l of load!.data) mean += l / load!.data.length;
    for (let e = 0; e < bias!.data.length; e++) bias!.data[e] += gamma * Math.sign(mean - load!.data[e]);
  },
};
/** See `routerBiasUpdateOp`. */
export const routerBiasUpdate = (bias: Tensor, load: Tensor, gamma: number): void => {
  dispatch(routerBiasUpdateOp, [bias, load], { gamma });
};
