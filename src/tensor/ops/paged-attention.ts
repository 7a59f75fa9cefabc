// Attention over a paged cache: writing tokens into blocks, any number of new queries a sequence against its blocks,
// latents read back. One op serves decoding, chunks of a prompt and the checking of drafts. Inference only: there are
// no gradients. Legend: T new tokens, S sequences, a block table [S, maxBlocks] lists the blocks of each sequence in
// order (unused entries are not read).
import { exp } from "../../elementary.js";
import { dispatch } from "../engine.js";
import { checkShape, type HostView, type OpSpec } from "../op.js";
import { numElements, type Tensor, type TensorSpec } from "../tensor.js";
import { scoreOf } from "./attention.js";
import {
  BLOCK_TOKENS,
  encodeFp8Latent,
  isPaged,
  type PagedReader,
  type PagedRole,
  pagedIndex,
  pagedReader,
  pagedWidths,
} from "./paged-layout.js";

/** Parameters of `pagedWrite`. */
export interface PagedWriteParams {
  role: PagedRole;
  /** Width of the latent proper (dc), which FP8 stores as e4m3; 0 for every other cache. */
  latent: number;
}

/** Parameters of `pagedAttention`. */
export interface PagedAttentionParams {
  scale: number;
  /** Width of a value; in a latent cache the first numbers of each entry. */
  valueWidth: number;
  /**
   * Scores over a cache of heads become cap·tanh(score/cap) before the softmax. Absent: they stay as they are.
   */
  softCap?: number;
  /**
   * Sliding window over a cache of heads: keys that a query sees at most, its own included. Absent: all up to its own.
   */
  window?: number;
}

/** Parameters of `gatherPaged`. */
export interface GatherPagedParams {
  /** Rows of the result: the last of cuKeys. */
  rows: number;
  latent: number;
  dtype: "f32" | "bf16";
}

/**
 * Entry (blockIds[r], offsets[r]) of the cache = row r of x [R,Hkv,D] or, for a latent, [R,dc+dR]; converts to the
 * cache's type, in place. No two rows may have the same entry.
 */
export const pagedWriteOp: OpSpec<PagedWriteParams> = {
  name: "pagedWrite",
  indexes: ([, cache]) => [
    { input: 2, below: cache!.shape[0] },
    { input: 3, below: BLOCK_TOKENS },
  ],
  infer: ([x, cache, blockIds], { role, latent }) => {
    const isCache = isPaged(cache!, role, latent);
    const { heads, width } = isCache ? pagedWidths(cache!, role, latent) : { heads: 0, width: 0 };
    const fits = isCache && numElements(x!.shape.slice(1)) === heads * width && blockIds!.shape[0] === x!.shape[0];
    checkShape(fits, "pagedWrite", `rows as wide as an entry of a cache of ${role}`, x, cache, blockIds);
    return [];
  },
  mutates: [1],
  takesPacked: [1],
  reference: ([x, cache, blockIds, offsets], _, { role, latent }) => {
    const { heads, width } = pagedWidths(cache!, role, latent);
    for (let r = 0; r < x!.shape[0]; r++) {
      const [block, offset] = [blockIds!.data[r], offsets!.data[r]];
      if (cache!.dtype === "u8") {
        const bytes = cache!.shape[2];
        encodeFp8Latent(
          x!.data,
          r * width,
          latent,
          width - latent,
          cache!.data,
          (block * BLOCK_TOKENS + offset) * bytes,
        );
        continue;
      }
      for (let h = 0; h < heads; h++)
        for (let d = 0; d < width; d++)
          cache!.data[pagedIndex(cache!, block, offset, h, d)] = x!.data[(r * heads + h) * width + d];
    }
  },
};
/** See `pagedWriteOp`. */
export const pagedWrite = (
  x: Tensor,
  cache: Tensor,
  blockIds: Tensor,
  offsets: Tensor,
  params: PagedWriteParams,
): void => {
  dispatch(pagedWriteOp, [x, cache, blockIds, offsets], params);
};

/** Softmax attention of one query row over keys begin … end-1, in f64. */
function attendReference(
  q: Float64Array,
  begin: number,
  end: number,
  keyOf: (t: number) => Float64Array,
  valuesOf: (t: number) => Float64Array,
  params: Pick<PagedAttentionParams, "scale" | "softCap">,
): Float64Array {
  const p = new Float64Array(end - begin);
  let max = Number.NEGATIVE_INFINITY;
  for (let t = begin; t < end; t++) {
    const key = keyOf(t);
    let dot = 0;
    for (let d = 0; d < key.length; d++) dot += key[d] * q[d];
    p[t - begin] = scoreOf(dot, params);
    max = Math.max(max, p[t - begin]);
  }
  let total = 0;
  for (let i = 0; i < p.length; i++) {
    p[i] = exp(p[i] - max);
    total += p[i];
  }
  const out = new Float64Array(end > begin ? valuesOf(begin).length : 0);
  for (let t = begin; t < end; t++) {
    const values = valuesOf(t);
    const share = p[t - begin] / total;
    for (let d = 0; d < out.length; d++) out[d] += share * values[d];
  }
  return out;
}

/** Decodes every entry once: each is read for many rows and heads. */
function remembering(read: PagedReader): PagedReader {
  const known = new Map<string, Float64Array>();
  return (block, offset, head) => {
    const key = `${block} ${offset} ${head}`;
    const entry = known.get(key) ?? read(block, offset, head);
    known.set(key, entry);
    return entry;
  };
}

const kvHeadsOf = (keys: TensorSpec, values: TensorSpec | null) => (values ? keys.shape[1] : 1);

function fitsAttention(q: TensorSpec, keys: TensorSpec, values: TensorSpec | null, valueWidth: number): boolean {
  const dk = q.shape[2];
  if (!values)
    return (
      isPaged(keys, "latent", valueWidth) && pagedWidths(keys, "latent", valueWidth).width === dk && valueWidth <= dk
    );
  return (
    isPaged(keys, "keys") &&
    isPaged(values, "values") &&
    keys.dtype === values.dtype &&
    pagedWidths(keys, "keys").width === dk &&
    pagedWidths(values, "values").width === valueWidth &&
    values.shape[1] === keys.shape[1]
  );
}

/**
 * softmax(scale·q·kᵀ)·v of new queries q [T,Hq,Dk] over cached keys: sequence s has rows cuQueries[s] …
 * cuQueries[s+1]-1, of which the last sits at position contextLengths[s]-1, and a row sees every position up to its
 * own, or the last `window` of them (all must have been written). Values null: a latent cache, whose entries' first
 * `valueWidth` numbers are the values. A row's bits depend on its query and its context alone, and are those of
 * `attention` for keys and values of the same type.
 */
export const pagedAttentionOp: OpSpec<PagedAttentionParams> = {
  name: "pagedAttention",
  indexes: ([q]) => [
    { input: 3, unchecked: "how much of a table is read depends on the lengths: the kernel checks it" },
    { input: 4, risesTo: q!.shape[0] },
    { input: 5, unchecked: "the kernel compares them with tables and queries" },
  ],
  infer: ([q, keys, values, tables, cu, lengths], { valueWidth, window, softCap }) => {
    const fits =
      (softCap === undefined || (values !== null && softCap > 0)) &&
      (window === undefined || (values !== null && Number.isInteger(window) && window > 0)) &&
      q!.shape.length === 3 &&
      fitsAttention(q!, keys!, values, valueWidth) &&
      q!.shape[1] % kvHeadsOf(keys!, values) === 0 &&
      tables!.shape[0] === lengths!.shape[0] &&
      cu!.shape[0] === lengths!.shape[0] + 1;
    checkShape(
      fits,
      "pagedAttention",
      "q [T,Hq,Dk], a paged cache, block tables [S,maxBlocks], cuQueries [S+1], contextLengths [S], a " +
        "window or a cap only over heads",
      q,
      keys,
      values,
      tables,
      cu,
      lengths,
    );
    return [{ shape: [q!.shape[0], q!.shape[1], valueWidth], dtype: q!.dtype }];
  },
  takesPacked: [1, 2],
  reference: ([q, keys, values, tables, cu, lengths], [o], params) => {
    const { valueWidth, window } = params;
    const [, heads, dk] = q!.shape;
    const group = heads / kvHeadsOf(keys!, values);
    const readKey = remembering(pagedReader(keys!, values ? "keys" : "latent", valueWidth));
    const readValue = values ? remembering(pagedReader(values, "values")) : readKey;
    eachRow(cu!, lengths!, (row, s, visible) => {
      const at = (read: PagedReader, h: number) => (t: number) =>
        read(
          tables!.data[s * tables!.shape[1] + Math.floor(t / BLOCK_TOKENS)],
          t % BLOCK_TOKENS,
          Math.floor(h / group),
        );
      for (let h = 0; h < heads; h++) {
        const from = (row * heads + h) * dk;
        const begin = window ? Math.max(0, visible - window) : 0;
        const out = attendReference(
          Float64Array.from(q!.data.subarray(from, from + dk)),
          begin,
          visible,
          at(readKey, h),
          at(readValue, h),
          params,
        );
        for (let d = 0; d < valueWidth; d++) o.data[(row * heads + h) * valueWidth + d] = out[d] ?? 0;
      }
    });
  },
  cost: ([q, keys, , tables], [o], { valueWidth }) => ({
    flops: 2 * q!.shape[0] * q!.shape[1] * tables!.shape[1] * BLOCK_TOKENS * (q!.shape[2] + valueWidth),
    bytes: numElements(o.shape) * 8 + tables!.shape[0] * tables!.shape[1] * numElements(keys!.shape.slice(1)) * 2,
  }),
};
/** See `pagedAttentionOp`. */
export function pagedAttention(
  q: Tensor,
  keys: Tensor,
  values: Tensor | null,
  blockTables: Tensor,
  cuQueries: Tensor,
  contextLengths: Tensor,
  params: PagedAttentionParams,
): Tensor {
  return dispatch(pagedAttentionOp, [q, keys, values, blockTables, cuQueries, contextLengths], params)[0];
}

/** Visits every (query row, its sequence, the number of keys it sees). */
function eachRow(
  cu: HostView,
  lengths: HostView,
  visit: (row: number, sequence: number, visible: number) => void,
): void {
  for (let s = 0; s < lengths.data.length; s++)
    for (let row = cu.data[s]; row < cu.data[s + 1]; row++) visit(row, s, lengths.data[s] - (cu.data[s + 1] - 1 - row));
}

/**
 * The latents of whole contexts, end to end: rows cuKeys[s] … cuKeys[s+1]-1 of the result [rows, dc+dR] are the cached
 * entries of sequence s from position 0. FP8 entries come as the numbers that attention computes with.
 */
export const gatherPagedOp: OpSpec<GatherPagedParams> = {
  name: "gatherPaged",
  indexes: (_, { rows }) => [
    { input: 1, unchecked: "how much of a table is read depends on cuKeys: the kernel checks it" },
    { input: 2, risesTo: rows },
  ],
  infer: ([cache, tables, cuKeys], { rows, latent, dtype }) => {
    const fits = isPaged(cache!, "latent", latent) && tables!.shape[0] + 1 === cuKeys!.shape[0];
    checkShape(
      fits,
      "gatherPaged",
      "a latent cache [blocks,64,width], block tables [S,maxBlocks], cuKeys [S+1]",
      cache,
      tables,
      cuKeys,
    );
    return [{ shape: [rows, pagedWidths(cache!, "latent", latent).width], dtype }];
  },
  reference: ([cache, tables, cuKeys], [out], { latent }) => {
    const read = pagedReader(cache!, "latent", latent);
    const [sequences, maxBlocks] = tables!.shape;
    for (let s = 0; s < sequences; s++)
      for (let t = 0; t < cuKeys!.data[s + 1] - cuKeys!.data[s]; t++) {
        const row = read(tables!.data[s * maxBlocks + Math.floor(t / BLOCK_TOKENS)], t % BLOCK_TOKENS, 0);
        out.data.set(row, (cuKeys!.data[s] + t) * row.length);
      }
  },
  cost: (_, [out]) => ({ flops: 0, bytes: numElements(out.shape) * 4 }),
};
/** See `gatherPagedOp`. */
export const gatherPaged = (cache: Tensor, blockTables: Tensor, cuKeys: Tensor, params: GatherPagedParams): Tensor =>
  dispatch(gatherPagedOp, [cache, blockTables, cuKeys], params)[0];
