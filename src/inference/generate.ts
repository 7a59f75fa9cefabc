// Batched sampling with a cache: rows that finish are refilled from the queue. Tokens in, tokens out; knows no text.
// A request's tokens depend on its prompt, its seed and the weights alone, not on its neighbours.
import { ConfigError } from "../errors.js";
import type { LanguageModel } from "../models/language-model.js";
import { packSequences } from "../nn/batch.js";
import type { CacheKind, KvCache } from "../nn/kv-cache.js";
import { Random } from "../random.js";
import { scopeAsync, tensor } from "../tensor/engine.js";
import { gatherRows } from "../tensor/ops/rows.js";
import { type SamplingParams, sampleTokens } from "../tensor/ops/sampling.js";
import type { Tensor } from "../tensor/tensor.js";

/** One completion to sample. */
export interface GenerateRequest {
  readonly prompt: ArrayLike<number>;
  readonly seed: number;
  readonly maxNewTokens: number;
}

/** Why a completion ended. */
export type StopReason = "stop" | "length" | "aborted";

/** A finished completion; the stop token is included. */
export interface Completion {
  readonly ids: Int32Array;
  /** Log-probability of each token under the tempered distribution it was drawn from (before any cut). */
  readonly logProbs: Float32Array;
  readonly stopReason: StopReason;
}

/** How to sample. */
export interface GenerateOptions extends Partial<SamplingParams> {
  /** Rows decoded at once. */
  readonly slots?: number;
  readonly stopIds: readonly number[];
  readonly cache?: CacheKind;
  /** Called for every new token. */
  readonly onToken?: (request: number, id: number) => void;
  readonly signal?: AbortSignal;
}

interface Row {
  readonly request: number;
  readonly slot: number;
  readonly random: Random;
  readonly ids: Int32Array;
  readonly logProbs: Float32Array;
  numNew: number;
  /** Tokens in the cache. */
  length: number;
}

/** Samples all requests; results are in their order. Throws ConfigError for a prompt that does not fit the context. */
export async function generate(model: LanguageModel, requests: readonly GenerateRequest[], options: GenerateOptions): Promise<Completion[]> {
  if (requests.length === 0) return [];
  const maxTokens = longest(model, requests);
  const slots = Math.min(options.slots ?? 64, requests.length);
  const cache = model.createCache(slots, maxTokens, options.cache ?? "heads");
  try {
    return await model.parameters.whilePacked(() => new Batch(model, requests, options, cache).run());
  } finally {
    cache.dispose();
  }
}

function longest(model: LanguageModel, requests: readonly GenerateRequest[]): number {
  const needed = requests.reduce((most, r) => Math.max(most, r.prompt.length + r.maxNewTokens), 0);
  if (requests.some((r) => r.prompt.length === 0)) throw new ConfigError("generate: a prompt needs at least one token");
  if (needed > model.maxPositions)
    throw new ConfigError(
      `generate: prompt and new tokens need ${needed} positions, the model has ${model.maxPositions}; shorten the prompt or ask for fewer tokens`,
    );
  return needed;
}

class Batch {
  private readonly rows: Row[] = [];
  private readonly results: Completion[];
  private readonly freeSlots: number[];
  private readonly sampling: SamplingParams;
  private next = 0;
  private numSteps = 0;

  constructor(
    private readonly model: LanguageModel,
    private readonly requests: readonly GenerateRequest[],
    private readonly options: GenerateOptions,
    private readonly cache: KvCache,
  ) {
    this.results = new Array(requests.length);
    this.freeSlots = Array.from({ length: cache.slots }, (_, i) => i).reverse();
    this.sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, ...pickSampling(options) };
  }

  async run(): Promise<Completion[]> {
    while (this.rows.length > 0 || this.next < this.requests.length) {
      if (this.options.signal?.aborted) return this.abort();
      if (this.freeSlots.length > 0 && this.next < this.requests.length) await scopeAsync(() => this.admit());
      else await scopeAsync(() => this.advance());
      // Reads of a synchronous backend resolve at once: without this, timers and signals would wait for the whole batch.
      if (++this.numSteps % 8 === 0) await new Promise(setImmediate);
    }
    return this.results;
  }

  /** Prefills as many waiting prompts as there are free rows, and samples their first tokens. */
  private async admit(): Promise<void> {
    const fresh: Row[] = [];
    while (this.freeSlots.length > 0 && this.next < this.requests.length) {
      const request = this.next++;
      const { prompt, seed, maxNewTokens } = this.requests[request];
      const slot = this.freeSlots.pop() as number;
      fresh.push({
        request,
        slot,
        random: new Random(seed),
        ids: new Int32Array(maxNewTokens),
        logProbs: new Float32Array(maxNewTokens),
        numNew: 0,
        length: prompt.length,
      });
    }
    const prompts = fresh.map((row) => this.requests[row.request].prompt);
    const batch = packSequences(prompts);
    const slots = Int32Array.from(fresh.flatMap((row, i) => new Array<number>(prompts[i].length).fill(row.slot)));
    const hidden = this.model.prefill(batch, this.cache, { slots: tensor(slots, [slots.length], "i32") });
    let end = 0;
    const last = prompts.map((p) => (end += p.length) - 1);
    this.rows.push(...fresh);
    await this.sample(fresh, gatherRows(hidden, i32(last)));
  }

  /** One more token for every row. */
  private async advance(): Promise<void> {
    const rows = [...this.rows];
    const step = {
      ids: i32(rows.map((r) => r.ids[r.numNew - 1])),
      positions: i32(rows.map((r) => r.length)),
      slots: i32(rows.map((r) => r.slot)),
      lengths: i32(rows.map((r) => ++r.length)),
    };
    await this.sample(rows, this.model.decode(step, this.cache));
  }

  private async sample(rows: readonly Row[], hidden: Tensor): Promise<void> {
    const logits = this.model.logits(hidden);
    const uniforms = tensor(
      rows.map((r) => r.random.float()),
      [rows.length],
    );
    const drawn = sampleTokens(logits, uniforms, this.sampling);
    const [ids, logProbs] = await Promise.all([drawn.ids.data(), drawn.logp.data()]);
    rows.forEach((row, i) => {
      this.append(row, ids[i], logProbs[i]);
    });
  }

  private append(row: Row, id: number, logProb: number): void {
    row.ids[row.numNew] = id;
    row.logProbs[row.numNew++] = logProb;
    this.options.onToken?.(row.request, id);
    if (this.options.stopIds.includes(id)) this.finish(row, "stop");
    else if (row.numNew === row.ids.length) this.finish(row, "length");
  }

  private finish(row: Row, stopReason: StopReason): void {
    this.results[row.request] = { ids: row.ids.slice(0, row.numNew), logProbs: row.logProbs.slice(0, row.numNew), stopReason };
    this.rows.splice(this.rows.indexOf(row), 1);
    this.freeSlots.push(row.slot);
  }

  private abort(): Completion[] {
    for (const row of [...this.rows]) this.finish(row, "aborted");
    return Array.from(this.results, (r) => r ?? { ids: new Int32Array(0), logProbs: new Float32Array(0), stopReason: "aborted" });
  }
}

const i32 = (values: readonly number[]) => tensor(values, [values.length], "i32");

function pickSampling({ temperature, topK, topP, minP }: Partial<SamplingParams>): Partial<SamplingParams> {
  return Object.fromEntries(Object.entries({ temperature, topK, topP, minP }).filter(([, v]) => v !== undefined));
}
