// From logits to tokens: changing logits where penalties and grammars ask for it, drawing by numbers the host drew (the
// same seed gives the same tokens in any batch), and telling the likeliest.
import { dispatch } from "../engine.js";
import { checkShape, type HostView, type OpSpec } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";
import { argmax, rowSoftmax } from "./softmax-row.js";

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

/** Order of falling numbers, ties (infinities too) to the lower index. None may be NaN. */
const falling = (row: Float64Array) => (a: number, b: number) => (row[a] === row[b] ? a - b : row[a] > row[b] ? -1 : 1);

/**
 * Tokens that stay, by the cuts in order top-k, top-p, min-p on the tempered distribution. Logits tell apart what a
 * high temperature makes equal. The likeliest one stays always.
 */
function keptTokens(row: Float64Array, masses: Float64Array, { topK, topP, minP }: SamplingParams): Uint8Array {
  const byLogit = falling(row.map((x) => (Number.isNaN(x) ? Number.NEGATIVE_INFINITY : x)));
  const order = Array.from(masses.keys()).sort((a, b) => masses[b] - masses[a] || byLogit(a, b));
  const kept = new Uint8Array(masses.length);
  const limit = topK >= 1 ? Math.min(topK, order.length) : order.length;
  const floor = minP * masses[order[0]];
  const mass = order.slice(0, limit).reduce((sum, v) => sum + masses[v], 0);
  let before = 0;
  for (const v of order.slice(0, limit)) {
    if (before > 0 && ((topP < 1 && before >= topP * mass) || masses[v] < floor)) break;
    kept[v] = 1;
    before += masses[v];
  }
  return kept;
}

/** Numbers of a row of `settings`: temperature, topK, topP, minP. */
export const NUM_SETTINGS = 4;

/** Row `b` of [B,V] logits. */
const rowOf = (logits: HostView, b: number): Float64Array =>
  Float64Array.from(logits.data.subarray(b * logits.shape[1], (b + 1) * logits.shape[1]));

const paramsOfRow = (settings: HostView, b: number): SamplingParams => {
  const [temperature, topK, topP, minP] = settings.data.subarray(NUM_SETTINGS * b, NUM_SETTINGS * (b + 1));
  return { temperature, topK, topP, minP };
};

/**
 * Draws one token a row: logits [B,V], uniforms [B] in [0,1) → ids i32 [B] and logp [B], the log-probability of the
 * token under the full softmax(logits/temperature) (temperature 0: argmax, logp under softmax(logits)). NaN is never
 * drawn, and the logp is NaN where the row is no distribution: NaN or +inf among its logits, or none above -inf.
 * `settings` f32 [B,4] (temperature, topK, topP, minP of each row) stands in for the parameters where it is given.
 */
export const sampleTokensOp: OpSpec<SamplingParams> = {
  name: "sampleTokens",
  infer: ([logits, uniforms, settings = null]) => {
    checkShape(
      logits!.dtype === "f32" && logits!.shape[0] === uniforms!.shape[0],
      "sampleTokens",
      "f32 logits [B,V] and uniforms [B]",
      logits,
      uniforms,
    );
    const rows = settings?.shape[0];
    checkShape(
      rows === undefined || (rows === logits!.shape[0] && settings!.shape[1] === NUM_SETTINGS),
      "sampleTokens",
      "settings [B,4]",
      logits,
      settings,
    );
    return [
      { shape: [logits!.shape[0]], dtype: "i32" },
      { shape: [logits!.shape[0]], dtype: "f32" },
    ];
  },
  reference: ([logits, uniforms, settings = null], [ids, logp], params) => {
    for (let b = 0; b < logits!.shape[0]; b++) {
      const p = settings ? paramsOfRow(settings, b) : params;
      const row = rowOf(logits!, b);
      const { logProbs, masses } = rowSoftmax(row, p.temperature);
      const id = p.temperature === 0 ? argmax(row) : draw(masses, keptTokens(row, masses, p), uniforms!.data[b]);
      ids.data[b] = id;
      logp.data[b] = logProbs[id];
    }
  },
  cost: (i, o) => streamCost(6, [i[0]], o),
};

/** Inverse CDF in index order over the kept tokens; 0 where no token can be drawn. */
function draw(masses: Float64Array, kept: Uint8Array, uniform: number): number {
  const mass = masses.reduce((sum, m, v) => sum + kept[v] * m, 0);
  let rest = uniform * mass;
  let last = 0;
  for (let v = 0; v < kept.length; v++) {
    if (!kept[v] || masses[v] === 0) continue;
    last = v;
    rest -= masses[v];
    if (rest < 0) return v;
  }
  return last;
}
/** See `sampleTokensOp`. */
export function sampleTokens(logits: Tensor, uniforms: Tensor, params: SamplingParams): { ids: Tensor; logp: Tensor } {
  const [ids, logp] = dispatch(sampleTokensOp, [logits, uniforms, null], params);
  return { ids, logp };
}
/** `sampleTokens` with each row's own settings f32 [B,4]: temperature, topK, topP, minP. */
export function sampleRows(logits: Tensor, uniforms: Tensor, settings: Tensor): { ids: Tensor; logp: Tensor } {
  const [ids, logp] = dispatch(sampleTokensOp, [logits, uniforms, settings], {
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
  });
  return { ids, logp };
}

/**
 * Changes single logits in place. Row b's changes are cu[b] … cu[b+1] of ids, scales, offsets [N]; an id stands at most
 * once in a row. A logit x becomes (x > 0 ? x / scale : x · scale) − offset: the repetition penalty (Keskar et al.
 * 2019, CTRL, §4.1, with the sign minded) as scale; presence and frequency penalties, and a bias, as offset.
 */
export const adjustLogitsOp: OpSpec<Record<string, never>> = {
  name: "adjustLogits",
  indexes: ([logits, , ids]) => [
    { input: 1, risesTo: ids!.shape[0] },
    { input: 2, below: logits!.shape[1] },
  ],
  infer: ([logits, cu, ids, scales, offsets]) => {
    const given = [ids, scales, offsets].every((t) => t!.shape[0] === ids!.shape[0]);
    checkShape(
      logits!.dtype === "f32" && cu!.shape[0] === logits!.shape[0] + 1 && given,
      "adjustLogits",
      "f32 logits [B,V], cu [B+1], ids, scales, offsets [N]",
      logits,
      cu,
      ids,
    );
    return [];
  },
  mutates: [0],
  reference: ([logits, cu, ids, scales, offsets]) => {
    const [batch, vocab] = logits!.shape;
    for (let b = 0; b < batch; b++)
      for (let i = cu!.data[b]; i < cu!.data[b + 1]; i++) {
        const at = b * vocab + ids!.data[i];
        const x = logits!.data[at];
        logits!.data[at] = (x > 0 ? x / scales!.data[i] : x * scales!.data[i]) - offsets!.data[i];
      }
  },
};
/** See `adjustLogitsOp`. */
export const adjustLogits = (logits: Tensor, cu: Tensor, ids: Tensor, scales: Tensor, offsets: Tensor): void => {
  dispatch(adjustLogitsOp, [logits, cu, ids, scales, offsets], {});
};

/**
 * Sets logits to -inf in place where a mask forbids their token: bit v mod 32 of word floor(v / 32) of masks i32 [M,
 * ceil(V/32)] is 0; mask m is for row rows[m].
 */
export const maskLogitsOp: OpSpec<Record<string, never>> = {
  name: "maskLogits",
  indexes: ([logits]) => [
    { input: 1, below: logits!.shape[0] },
    { input: 2, unchecked: "bits" },
  ],
  infer: ([logits, rows, masks]) => {
    const words = Math.ceil(logits!.shape[1] / 32);
    checkShape(
      logits!.dtype === "f32" && masks!.shape[0] === rows!.shape[0] && masks!.shape[1] === words,
      "maskLogits",
      "f32 logits [B,V], rows [M], masks [M, ceil(V/32)]",
      logits,
      rows,
      masks,
    );
    return [];
  },
  mutates: [0],
  reference: ([logits, rows, masks]) => {
    const vocab = logits!.shape[1];
    const words = masks!.shape[1];
    for (let m = 0; m < rows!.shape[0]; m++)
      for (let v = 0; v < vocab; v++)
        if (((masks!.data[m * words + (v >> 5)] >>> (v & 31)) & 1) === 0)
          logits!.data[rows!.data[m] * vocab + v] = Number.NEGATIVE_INFINITY;
  },
};
/** See `maskLogitsOp`. */
export const maskLogits = (logits: Tensor, rows: Tensor, masks: Tensor): void => {
  dispatch(maskLogitsOp, [logits, rows, masks], {});
};

/** Parameters of `topLogProbs`. */
export interface TopLogProbsParams {
  /** Tokens told of each row, at most V. */
  k: number;
}

/**
 * The k likeliest tokens of row rows[r] of logits [B,V], likeliest first (ties to the lower id), and their
 * log-probabilities under softmax(logits / temperatures[r]), temperature 0 counting as 1: ids i32 [R,k], logp f32
 * [R,k]. Where fewer than k logits are numbers, the rest of the ids are -1 with logp NaN.
 */
export const topLogProbsOp: OpSpec<TopLogProbsParams> = {
  name: "topLogProbs",
  indexes: ([logits]) => [{ input: 1, below: logits!.shape[0] }],
  infer: ([logits, rows, temperatures], { k }) => {
    const fits = rows!.shape[0] === temperatures!.shape[0] && k >= 1 && k <= logits!.shape[1];
    checkShape(
      logits!.dtype === "f32" && fits,
      "topLogProbs",
      "f32 logits [B,V], rows and temperatures [R], k of at most V",
      logits,
      rows,
      temperatures,
    );
    return [
      { shape: [rows!.shape[0], k], dtype: "i32" },
      { shape: [rows!.shape[0], k], dtype: "f32" },
    ];
  },
  reference: ([logits, rows, temperatures], [ids, logp], { k }) => {
    for (let r = 0; r < rows!.shape[0]; r++) {
      const row = rowOf(logits!, rows!.data[r]);
      const { logProbs } = rowSoftmax(row, temperatures!.data[r]);
      const numbers = Array.from(row.keys()).filter((v) => !Number.isNaN(row[v]));
      const order = numbers.sort(falling(row));
      for (let i = 0; i < k; i++) {
        ids.data[r * k + i] = order[i] ?? -1;
        logp.data[r * k + i] = i < order.length ? logProbs[order[i]] : Number.NaN;
      }
    }
  },
  cost: (i, o) => streamCost(3, [i[0]], o),
};
/** See `topLogProbsOp`. */
export function topLogProbs(
  logits: Tensor,
  rows: Tensor,
  temperatures: Tensor,
  k: number,
): { ids: Tensor; logp: Tensor } {
  const [ids, logp] = dispatch(topLogProbsOp, [logits, rows, temperatures], { k });
  return { ids, logp };
}
