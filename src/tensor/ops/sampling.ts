// Drawing tokens from logits, by numbers the host drew: the same seed gives the same tokens in any batch.
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** How a token is drawn. */
export interface SamplingParams {
  /** 0 is argmax. */
  temperature: number;
  /** Keep the k most likely; 0 keeps all. */
  topK: number;
  /** Keep the smallest set of most likely tokens whose probabilities reach topP; 1 keeps all. */
  topP: number;
  /** Drop tokens less likely than minP times the most likely; 0 keeps all. */
  minP: number;
}

/** Tokens that stay, by the cuts in order top-k, top-p, min-p on the tempered distribution. */
function keptTokens(probabilities: Float64Array, { topK, topP, minP }: SamplingParams): Uint8Array {
  const order = Array.from(probabilities, (_, i) => i).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  const kept = new Uint8Array(probabilities.length);
  const limit = topK > 0 ? Math.min(topK, order.length) : order.length;
  const floor = minP * probabilities[order[0]];
  const mass = order.slice(0, limit).reduce((sum, v) => sum + probabilities[v], 0);
  let before = 0;
  for (const v of order.slice(0, limit)) {
    if (before >= topP * mass || probabilities[v] < floor) break;
    kept[v] = 1;
    before += probabilities[v];
  }
  return kept;
}

/**
 * Draws one token a row: logits [B,V], uniforms [B] in [0,1) → ids i32 [B] and logp [B], the log-probability of the token
 * under the full softmax(logits/temperature) (temperature 0: argmax, logp under softmax(logits)).
 */
export const sampleTokensOp: OpSpec<SamplingParams> = {
  name: "sampleTokens",
  infer: ([logits, uniforms]) => {
    checkShape(logits!.dtype === "f32" && logits!.shape[0] === uniforms!.shape[0], "sampleTokens", "f32 logits [B,V] and uniforms [B]", logits, uniforms);
    return [
      { shape: [logits!.shape[0]], dtype: "i32" },
      { shape: [logits!.shape[0]], dtype: "f32" },
    ];
  },
  reference: ([logits, uniforms], [ids, logp], p) => {
    const [batch, vocab] = logits!.shape;
    for (let b = 0; b < batch; b++) {
      const row = Float64Array.from({ length: vocab }, (_, v) => logits!.data[b * vocab + v] / (p.temperature || 1));
      const max = Math.max(...row);
      const lse = max + Math.log(row.reduce((sum, z) => sum + Math.exp(z - max), 0));
      const probabilities = row.map((z) => Math.exp(z - lse));
      const id = p.temperature === 0 ? row.indexOf(max) : draw(probabilities, keptTokens(probabilities, p), uniforms!.data[b]);
      ids.data[b] = id;
      logp.data[b] = row[id] - lse;
    }
  },
  cost: (i, o) => streamCost(6, [i[0]], o),
  samples: [
    {
      name: "argmax",
      inputs: [
        { shape: [4, 33], dtype: "f32" },
        { shape: [4], dtype: "f32", values: [0.1, 0.5, 0.9, 0] },
      ],
      params: { temperature: 0, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "plain",
      inputs: [
        { shape: [4, 33], dtype: "f32" },
        { shape: [4], dtype: "f32", values: [0.1, 0.5, 0.9, 0] },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "top-k",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.93] },
      ],
      params: { temperature: 0.7, topK: 5, topP: 1, minP: 0 },
    },
    {
      name: "top-p",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.93] },
      ],
      params: { temperature: 1.3, topK: 0, topP: 0.6, minP: 0 },
    },
    {
      name: "min-p",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.93] },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0.3 },
    },
    {
      name: "every cut at once",
      inputs: [
        { shape: [3, 50], dtype: "f32" },
        { shape: [3], dtype: "f32", values: [0.11, 0.52, 0.999] },
      ],
      params: { temperature: 0.9, topK: 20, topP: 0.8, minP: 0.05 },
    },
    {
      name: "ties",
      inputs: [
        { shape: [2, 4], dtype: "f32", values: [1, 3, 3, 2, 0, 0, 0, 0] },
        { shape: [2], dtype: "f32", values: [0.9, 0.9] },
      ],
      params: { temperature: 0, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "tied top-k",
      inputs: [
        { shape: [1, 5], dtype: "f32", values: [0, 1, 1, 1, 0] },
        { shape: [1], dtype: "f32", values: [0.99] },
      ],
      params: { temperature: 1, topK: 2, topP: 1, minP: 0 },
    },
    {
      name: "no rows",
      inputs: [
        { shape: [0, 5], dtype: "f32" },
        { shape: [0], dtype: "f32" },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
    {
      name: "masked tokens",
      inputs: [
        {
          shape: [2, 4],
          dtype: "f32",
          values: [Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY, 2, 0, 0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
        },
        { shape: [2], dtype: "f32", values: [0.001, 0.999] },
      ],
      params: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    },
  ],
};

/** Inverse CDF in index order over the kept tokens. */
function draw(probabilities: Float64Array, kept: Uint8Array, uniform: number): number {
  let mass = 0;
  for (let v = 0; v < kept.length; v++) if (kept[v]) mass += probabilities[v];
  let rest = uniform * mass;
  let last = 0;
  for (let v = 0; v < kept.length; v++) {
    if (!kept[v]) continue;
    last = v;
    rest -= probabilities[v];
    if (rest < 0) return v;
  }
  return last;
}
/** See `sampleTokensOp`. */
export function sampleTokens(logits: Tensor, uniforms: Tensor, params: SamplingParams): { ids: Tensor; logp: Tensor } {
  const [ids, logp] = dispatch(sampleTokensOp, [logits, uniforms], params);
  return { ids, logp };
}
