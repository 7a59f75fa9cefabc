// The output head with its log-probabilities and losses, in chunks of rows: the logits of a whole batch never exist.
// Its weight may be of any storage type, packed or not: it is multiplied as `storedLinear` does, and the gradient of h
// goes through the decoded numbers.
import { exp, log, tanh } from "../../elementary.js";
import { type ComputeType, computeOf, type DType } from "../dtype.js";
import { dispatch, isRecording } from "../engine.js";
import { type Cost, checkShape, type HostView, type OpSpec } from "../op.js";
import type { Tensor, TensorSpec } from "../tensor.js";
import { scale, scaledInPlace, streamCost, unary } from "./elementwise.js";
import { type RowSoftmax, rowSoftmax } from "./softmax-row.js";
import { activations, checkStored, weightRow } from "./stored.js";

function headCost(products: number, h: TensorSpec, w: TensorSpec, outputs: readonly TensorSpec[]): Cost {
  return { flops: 2 * products * h.shape[0] * w.shape[0] * w.shape[1], bytes: streamCost(0, [h, w], outputs).bytes };
}

function checkHead(op: string, h: TensorSpec, w: TensorSpec, scales: TensorSpec | null, targets: TensorSpec): void {
  checkStored(op, w, scales, 2);
  checkShape(
    h.shape.length === 2 && w.shape[1] === h.shape[1] && targets.dtype === "i32" && targets.shape[0] === h.shape[0],
    op,
    "h [T,d], W [V,d], i32 targets [T]",
    h,
    w,
    targets,
  );
}

/** Stored numbers stand still: what has a gradient is plain. */
const checkGradient = (op: string, w: TensorSpec, ofWeight: boolean): void =>
  checkShape(!ofWeight || (!w.isPacked && (w.dtype === "f32" || w.dtype === "bf16")), op, "W in f32 or bf16 for dW", w);

/** An output head: logits = h·Wᵀ of a weight [V,d]. */
export interface Head {
  readonly weight: Tensor;
  /** Of e4m3 that is not packed; see `storedLinear`. */
  readonly scales?: Tensor | null;
  /** Logits become cap·tanh(logit/cap) (Gemma 2); absent: they stay as they are. */
  readonly softCap?: number;
}

/** cap·tanh(x/cap), with the arithmetic of the heads below. */
export const softlyCapped = (x: Tensor, cap: number): Tensor => scale(unary("tanh", scale(x, 1 / cap)), cap);

/** The softmax of one row's logits, and the slope of each logit over its product. */
function softmaxOf(
  h: HostView,
  w: HeadRows,
  row: number,
  temperature: number,
  softCap = 0,
): RowSoftmax & { readonly logits: Float64Array; slope(v: number): number } {
  const state = activations(h, row, w.dtype);
  const logits = Float64Array.from(w.rows, (weights) => {
    let sum = 0;
    for (let j = 0; j < state.length; j++) sum += state[j] * weights[j];
    return softCap ? softCap * tanh(sum / softCap) : sum;
  });
  const slope = (v: number) => (softCap ? 1 - (logits[v] / softCap) ** 2 : 1);
  return { ...rowSoftmax(logits, temperature), logits, slope };
}

/** A head's rows, decoded. */
interface HeadRows {
  readonly dtype: DType;
  readonly rows: readonly ArrayLike<number>[];
}
const rowsOf = (w: HostView, scales: HostView | null): HeadRows => ({
  dtype: w.dtype,
  rows: Array.from({ length: w.shape[0] }, (_, v) => weightRow(w, scales, v)),
});

/** Adds what a row's slopes dLogit give to dh, whose row it fills, and to the sums [V·d] of dW. */
function addRowGradients(
  dLogit: (v: number) => number,
  h: HostView,
  { rows }: HeadRows,
  r: number,
  dh: HostView,
  sums: Float64Array,
): void {
  const d = h.shape[1];
  const row = new Float64Array(d);
  for (let v = 0; v < rows.length; v++) {
    const slope = dLogit(v);
    for (let j = 0; j < d; j++) {
      row[j] += slope * rows[v][j];
      sums[v * d + j] += slope * h.data[r * d + j];
    }
  }
  dh.data.set(row, r * d);
}

/** Parameters of the log-probability head. */
export interface HeadLogProbParams {
  temperature: number;
  /** See `Head`. */
  softCap?: number;
  /** Whether there is a fourth output. */
  withMean?: boolean;
  compute: ComputeType;
}
/**
 * log softmax(logits/temperature)[target] per row, logits = h·Wᵀ, softly capped where a cap is given; h [T,d], W [V,d],
 * targets i32 [T] (-1: the row does not count, all its outputs are 0), scales of W or null. Outputs logp, log Σ
 * exp(logit − the largest), entropy (nats) and, `withMean`, the mean of the logits before the temperature, all f32 [T];
 * only logp has a gradient. Temperature 0 counts as 1.
 */
export const headLogProbOp: OpSpec<HeadLogProbParams> = {
  name: "headLogProb",
  indexes: ([, w]) => [{ input: 2, from: -1, below: w!.shape[0] }],
  infer: ([h, w, t, scales], { withMean }) => {
    checkHead("headLogProb", h!, w!, scales, t!);
    const perRow: TensorSpec = { shape: [h!.shape[0]], dtype: "f32" };
    return withMean ? [perRow, perRow, perRow, perRow] : [perRow, perRow, perRow];
  },
  reference: ([h, w, t, scales], [logp, logSum, entropy, mean], { temperature, softCap }) => {
    const head = rowsOf(w!, scales);
    for (let r = 0; r < h!.shape[0]; r++) {
      if (t!.data[r] < 0) {
        for (const output of [logp, logSum, entropy, mean]) output?.data.fill(0, r, r + 1);
        continue;
      }
      const row = softmaxOf(h!, head, r, temperature, softCap);
      logSum.data[r] = row.logSum;
      logp.data[r] = row.logProbs[t!.data[r]];
      entropy.data[r] = -row.logProbs.reduce((sum, z) => sum + (z === Number.NEGATIVE_INFINITY ? 0 : z * exp(z)), 0);
      mean?.data.fill(row.logits.reduce((sum, x) => sum + x, 0) / row.logits.length, r, r + 1);
    }
  },
  cost: ([h, w], o) => headCost(1, h!, w!, o),
  takesPacked: [1],
  saves: { inputs: [0, 1, 2, 3], outputs: [1] },
  vjp: (c, [dLogp]) => {
    if (!dLogp) return [null, null, null, null];
    const [ofWeight, target] = [c.wants(1), c.gradTarget(1, "f32")];
    const inputs = [c.input(0), c.input(1), c.input(2), c.output(1), dLogp, c.maybeInput(3)];
    const params = { ...c.params, ofWeight, accumulate: ofWeight && !!target };
    const [dh, dw] = dispatch(headLogProbBackwardOp, inputs, params, ofWeight ? [undefined, target] : []);
    return [dh, dw ?? null, null, null];
  },
};
/** Parameters of the gradient of `headLogProb`: whether dW is computed too, and added to what it holds. */
export interface HeadLogProbBackwardParams extends HeadLogProbParams {
  ofWeight: boolean;
  accumulate: boolean;
}
/** dh and, `ofWeight`, dW of `headLogProb` from (h, W, targets, logSum, dLogp, scales); logits are computed again. */
export const headLogProbBackwardOp: OpSpec<HeadLogProbBackwardParams> = {
  name: "headLogProbBackward",
  indexes: ([, w]) => [{ input: 2, from: -1, below: w!.shape[0] }],
  infer: ([h, w, t, , , scales], { ofWeight }) => {
    checkHead("headLogProbBackward", h!, w!, scales, t!);
    checkGradient("headLogProbBackward", w!, ofWeight);
    return [{ shape: h!.shape, dtype: h!.dtype }, ...(ofWeight ? [{ shape: w!.shape, dtype: "f32" as const }] : [])];
  },
  reference: ([h, w, t, , dLogp, scales], [dh, dw], { temperature, softCap, accumulate }) => {
    const [vocab, d] = w!.shape;
    const head = rowsOf(w!, scales);
    const sums = accumulate ? Float64Array.from(dw.data) : new Float64Array(vocab * d);
    for (let r = 0; r < h!.shape[0]; r++) {
      const { logProbs, slope } = softmaxOf(h!, head, r, temperature, softCap);
      const upstream = t!.data[r] < 0 ? 0 : dLogp!.data[r];
      const toTarget = (v: number) => (v === t!.data[r] ? 1 : 0) - exp(logProbs[v]);
      const dLogit = (v: number) => (upstream * toTarget(v) * slope(v)) / (temperature || 1);
      addRowGradients(dLogit, h!, head, r, dh, sums);
    }
    dw?.data.set(sums);
  },
  cost: ([h, w], o) => headCost(o.length > 1 ? 3 : 2, h!, w!, o),
  takesPacked: [1],
};
/** What `headLogProb` says of each target, all f32 [T]. */
export interface HeadLogProbs {
  readonly logp: Tensor;
  /** −`logSum` is the log-probability of the likeliest token. */
  readonly logSum: Tensor;
  readonly entropy: Tensor;
  /** The mean of the row's logits, where it was asked for. */
  readonly meanLogit?: Tensor;
}
/** Log-probabilities of the targets and what goes with them; see `headLogProbOp`. */
export function headLogProb(
  h: Tensor,
  { weight: w, scales = null, softCap }: Head,
  target: Tensor,
  temperature = 1,
  withMean = false,
): HeadLogProbs {
  const params = { temperature, softCap, withMean, compute: computeOf(w) };
  const [logp, logSum, entropy, meanLogit] = dispatch(headLogProbOp, [h, w, target, scales], params);
  return { logp, logSum, entropy, meanLogit };
}

/** Parameters of the fused loss. */
export interface HeadCrossEntropyParams {
  /** Also compute the gradient of the loss for h, in the same pass over the logits. */
  withGrad: boolean;
  /** And that for W. */
  ofWeight: boolean;
  /** See `Head`. */
  softCap?: number;
  compute: ComputeType;
}
/** Outputs of a loss that finds its own gradients: loss [1], one value per row and, as asked, dh and dW. */
function lossOutputs(h: TensorSpec, w: TensorSpec, { withGrad, ofWeight }: HeadCrossEntropyParams): TensorSpec[] {
  const outputs: TensorSpec[] = [
    { shape: [1], dtype: "f32" },
    { shape: [h.shape[0]], dtype: "f32" },
  ];
  if (withGrad) outputs.push({ shape: h.shape, dtype: h.dtype });
  if (withGrad && ofWeight) outputs.push({ shape: w.shape, dtype: "f32" });
  return outputs;
}

/** What all such losses share; only the first two of their inputs, h and W, have a gradient. */
const fusedLoss = (inputs: number): Pick<OpSpec<HeadCrossEntropyParams>, "cost" | "takesPacked" | "saves" | "vjp"> => ({
  cost: ([h, w], o) => headCost(o.length - 1, h!, w!, o),
  takesPacked: [1],
  saves: { outputs: [2, 3] },
  // Nobody else reads the two gradients: they are scaled where they lie.
  vjp: (c, [dLoss]) => {
    const none = Array.from({ length: inputs - 2 }, () => null);
    if (!dLoss) return [null, null, ...none];
    const dw = c.params.ofWeight ? scaledInPlace(c.output(3), dLoss) : null;
    return [scaledInPlace(c.output(2), dLoss), dw, ...none];
  },
});

/**
 * loss = Σ weights·nll of softmax(logits), logits as in `headLogProb`; inputs h [T,d], W [V,d], targets i32 [T],
 * weights f32 [T], scales of W or null.
 * A row with target -1 or weight 0 does not count: its nll and gradients are 0.
 * Outputs loss [1], nll [T] and, `withGrad`, dh and, `ofWeight`, dW of the loss: one pass, no logits kept (the idea of
 * Liger Kernel, Hsu et al. 2024).
 */
export const headCrossEntropyOp: OpSpec<HeadCrossEntropyParams> = {
  name: "headCrossEntropy",
  indexes: ([, w]) => [{ input: 2, from: -1, below: w!.shape[0] }],
  infer: ([h, w, t, , scales], params) => {
    checkHead("headCrossEntropy", h!, w!, scales, t!);
    checkGradient("headCrossEntropy", w!, params.ofWeight);
    return lossOutputs(h!, w!, params);
  },
  reference: ([h, w, t, weights, scales], [loss, nll, dh, dw], { softCap }) => {
    const [vocab, d] = w!.shape;
    const head = rowsOf(w!, scales);
    let total = 0;
    const sums = new Float64Array(vocab * d);
    for (let r = 0; r < h!.shape[0]; r++) {
      const weight = t!.data[r] < 0 ? 0 : weights!.data[r];
      nll.data[r] = 0;
      dh?.data.fill(0, r * d, (r + 1) * d);
      if (weight === 0) continue;
      const { logProbs, slope } = softmaxOf(h!, head, r, 1, softCap);
      nll.data[r] = -logProbs[t!.data[r]];
      total += weight * nll.data[r];
      if (!dh) continue;
      const dLogit = (v: number) => weight * (exp(logProbs[v]) - (v === t!.data[r] ? 1 : 0)) * slope(v);
      addRowGradients(dLogit, h!, head, r, dh, sums);
    }
    loss.data[0] = total;
    dw?.data.set(sums);
  },
  ...fusedLoss(5),
};
/** Weighted cross-entropy of the head, Σ weights·nll, with the per-row nll; see `headCrossEntropyOp`. */
export function headCrossEntropy(
  h: Tensor,
  { weight: w, scales = null, softCap }: Head,
  target: Tensor,
  weights: Tensor,
): { loss: Tensor; nll: Tensor } {
  const withGrad = isRecording() && (h.requiresGrad || w.requiresGrad);
  const [loss, nll] = dispatch(headCrossEntropyOp, [h, w, target, weights, scales], {
    withGrad,
    ofWeight: withGrad && w.requiresGrad,
    softCap,
    compute: computeOf(w),
  });
  return { loss, nll };
}

/** How a divergence is taken: KL(teacher‖head), which covers the teacher, or KL(head‖teacher), which seeks modes. */
export type DivergenceDirection = "forward" | "reverse";

/** A divergence between two distributions over the vocabulary. */
export interface Divergence {
  direction: DivergenceDirection;
  /** Of both. */
  temperature: number;
}
/** Parameters of the divergence from a teacher. */
export interface HeadDivergenceParams extends HeadCrossEntropyParams, Divergence {}
/**
 * loss = Σ weights·KL between the distribution p of a teacher and q = softmax(logits/temperature), logits as in
 * `headLogProb`. p is told by some tokens, i32 [T,k], each once (-1: none, behind the others), and log-probabilities
 * f32 [T,k+1], of which the last is that of all other tokens together; q is summed up alike, so that k+1 outcomes are
 * compared. With k = V there are no others. Inputs h [T,d], W [V,d], tokens, log-probabilities, weights f32 [T], scales
 * of W or null. A row without tokens or with weight 0 does not count: its divergence and gradients are 0. Outputs loss
 * [1], KL [T] in nats and, `withGrad`, dh and, `ofWeight`, dW of the loss.
 */
export const headDivergenceOp: OpSpec<HeadDivergenceParams> = {
  name: "headDivergence",
  indexes: ([, w]) => [{ input: 2, from: -1, below: w!.shape[0] }],
  infer: ([h, w, tokens, logProbs, weights, scales], params) => {
    checkHead("headDivergence", h!, w!, scales, tokens!);
    checkGradient("headDivergence", w!, params.ofWeight);
    const [rows, k] = tokens!.shape;
    checkShape(
      tokens!.shape.length === 2 && logProbs!.shape[0] === rows && logProbs!.shape[1] === k + 1,
      "headDivergence",
      "tokens [T,k] and log-probabilities [T,k+1]",
      tokens,
      logProbs,
    );
    checkShape(weights!.shape[0] === rows, "headDivergence", "weights [T]", weights);
    return lossOutputs(h!, w!, params);
  },
  reference: ([h, w, tokens, told, weights, scales], [loss, kl, dh, dw], { direction, temperature, softCap }) => {
    const [vocab, d] = w!.shape;
    const k = tokens!.shape[1];
    const head = rowsOf(w!, scales);
    const sums = new Float64Array(vocab * d);
    let total = 0;
    for (let r = 0; r < h!.shape[0]; r++) {
      kl.data[r] = 0;
      dh?.data.fill(0, r * d, (r + 1) * d);
      const weight = weights!.data[r];
      if (weight === 0 || k === 0 || tokens!.data[r * k] < 0) continue;
      const { logProbs, slope } = softmaxOf(h!, head, r, temperature, softCap);
      const teacher = {
        tokens: Array.from(tokens!.data.slice(r * k, (r + 1) * k)).filter((token) => token >= 0),
        logProbs: told!.data.slice(r * (k + 1), (r + 1) * (k + 1)),
      };
      const divergence = divergenceOf(teacher, logProbs, direction);
      kl.data[r] = divergence.kl;
      total += weight * divergence.kl;
      if (!dh) continue;
      const dLogit = (v: number) => (weight * divergence.slopes[v] * slope(v)) / (temperature || 1);
      addRowGradients(dLogit, h!, head, r, dh, sums);
    }
    loss.data[0] = total;
    dw?.data.set(sums);
  },
  ...fusedLoss(6),
};

/** The divergence of a row, and its slope over each logit divided by the temperature. */
function divergenceOf(
  teacher: { readonly tokens: readonly number[]; readonly logProbs: ArrayLike<number> },
  logProbs: ArrayLike<number>,
  direction: DivergenceDirection,
): { kl: number; slopes: Float64Array } {
  const { tokens } = teacher;
  const own = Float64Array.from(logProbs, (each) => exp(each));
  const listed = new Set(tokens);
  const rest = own.reduce((sum, q, v) => sum + (listed.has(v) ? 0 : q), 0);
  const told = teacher.logProbs[teacher.logProbs.length - 1];
  const outcomes = tokens.map((token, i) => ({ q: own[token], logQ: logProbs[token], logP: teacher.logProbs[i] }));
  const hasRest = listed.size < own.length;
  const all = hasRest ? [...outcomes, { q: rest, logQ: log(rest), logP: told }] : outcomes;
  const isForward = direction === "forward";
  const kl = all.reduce((sum, { q, logQ, logP }) => {
    const [probability, ratio] = isForward ? [exp(logP), logP - logQ] : [q, logQ - logP];
    return sum + (probability === 0 ? 0 : probability * ratio);
  }, 0);
  const slopeOf = ({ q, logQ, logP }: (typeof all)[number]) => (isForward ? q - exp(logP) : q * (logQ - logP - kl));
  // Of the others, each has its share of what the rest as a whole has.
  const perOther = hasRest && rest > 0 ? slopeOf(all[all.length - 1]) / rest : 0;
  const slopes = own.map((q) => perOther * q);
  tokens.forEach((token, i) => {
    slopes[token] = slopeOf(outcomes[i]);
  });
  return { kl, slopes };
}

/** What a teacher says of each row: likely tokens i32 [T,k], and log-probabilities f32 [T,k+1]; `headDivergenceOp`. */
export interface TeacherRows {
  readonly tokens: Tensor;
  readonly logProbs: Tensor;
}

/** Weighted divergence of the head from a teacher, Σ weights·KL, with that of each row; see `headDivergenceOp`. */
export function headDivergence(
  h: Tensor,
  { weight: w, scales = null, softCap }: Head,
  { tokens, logProbs }: TeacherRows,
  weights: Tensor,
  { direction, temperature }: Divergence,
): { loss: Tensor; kl: Tensor } {
  const withGrad = isRecording() && (h.requiresGrad || w.requiresGrad);
  const [loss, kl] = dispatch(headDivergenceOp, [h, w, tokens, logProbs, weights, scales], {
    withGrad,
    ofWeight: withGrad && w.requiresGrad,
    ...{ direction, temperature, softCap },
    compute: computeOf(w),
  });
  return { loss, kl };
}
