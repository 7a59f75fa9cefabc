// A language model as the runtime sees it: host arrays become tensors, the model steps, the rows asked for become
// logits. Knows no weights and no requests.
import type { LanguageModel } from "../../models/language-model.js";
import { FiniteWatch, nonFiniteWeight } from "../../models/non-finite.js";
import { packSequences, stepBatch } from "../../nn/batch.js";
import type { CacheKind, PagedCache, PagedDType } from "../../nn/paged-cache.js";
import type { Device } from "../../tensor/device.js";
import { keep, scope, tensor } from "../../tensor/engine.js";
import { BLOCK_TOKENS } from "../../tensor/ops/paged-layout.js";
import { gatherRows } from "../../tensor/ops/rows.js";
import { sampleTokens } from "../../tensor/ops/sampling.js";
import { noGrad } from "../../tensor/tape.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { DraftPlan, ModelRunner, MtpRunner, StepPlan } from "./model-runner.js";

/** What the cache of a model is like. */
export interface CacheOptions {
  readonly cacheKind: CacheKind;
  readonly cacheType: PagedDType;
  /** Tokens the cache holds, of all sequences. */
  readonly cacheTokens: number;
  /** Whether the layer of multi-token prediction is run too. */
  readonly usesDrafts: boolean;
}

/** How a runner works. */
export interface RunnerOptions extends CacheOptions {
  /**
   * Bytes of buffers kept for reuse between steps, beyond which they go back to the system; default: no bound but the
   * pool's own.
   */
  readonly spareBytes?: number;
  /** Files that weights are read from: a step refuses to go on when one has been written to. */
  readonly files?: { refuseChanged(): void };
}

/** A runner over a cache of its own, which `dispose` frees; the model is the caller's. */
export class PagedRunner implements ModelRunner {
  readonly cache: PagedCache;
  readonly mtp?: MtpRunner;
  /** Hidden states of the last step, for drafting from them. */
  private hidden: Tensor | null = null;

  constructor(
    private readonly model: LanguageModel,
    private readonly options: RunnerOptions,
  ) {
    const { cacheKind: kind, cacheType: dtype, usesDrafts: forDrafts } = options;
    this.cache = model.createPagedCache({
      numBlocks: Math.max(1, Math.ceil(options.cacheTokens / BLOCK_TOKENS)),
      kind,
      dtype,
      forDrafts,
    });
    if (forDrafts) this.mtp = { draft: (plan) => this.draft(plan) };
  }

  get device(): Device {
    return this.model.device;
  }
  get vocabSize(): number {
    return this.model.vocabSize;
  }
  get maxPositions(): number {
    return this.model.maxPositions;
  }
  get blockSize(): number {
    return this.cache.blockSize;
  }
  get numBlocks(): number {
    return this.cache.numBlocks;
  }
  get adapters(): readonly string[] {
    return this.model.parameters.adapters.all.map(({ name }) => name);
  }
  /** Over heads prompts and generated tokens take one path; over latents two, which agree but for rounding. */
  get pathsAgree(): boolean {
    return this.options.cacheKind === "heads";
  }

  step(plan: StepPlan, watch?: FiniteWatch): Tensor {
    this.options.files?.refuseChanged();
    this.forget();
    const { heldBytes, liveBytes } = this.model.device.memory();
    if (heldBytes - liveBytes > (this.options.spareBytes ?? Number.POSITIVE_INFINITY)) this.model.device.trim();
    return scope(() => {
      const hidden = this.model.step(stepBatch(plan, this.model.device), this.cache, {
        onState: watch && ((name, state) => watch.note(name, state)),
      });
      if (this.mtp) this.hidden = keep(hidden);
      const logits = this.model.logits(rowsOf(hidden, plan.logitRows));
      watch?.note("lm_head", logits);
      return logits;
    });
  }

  promptState(prompt: ArrayLike<number>): Tensor {
    this.options.files?.refuseChanged();
    return scope(() => {
      const { hidden } = noGrad(() => this.model.forward(packSequences([prompt], this.model.device)));
      return rowsOf(hidden, Int32Array.of(prompt.length - 1));
    });
  }

  async explainNonFinite(plan: StepPlan): Promise<string | null> {
    const weight = await nonFiniteWeight(this.model.parameters);
    if (weight) return `weight ${weight} contains NaN or infinity`;
    const watch = new FiniteWatch();
    scope(() => void this.step(plan, watch));
    const layer = await watch.first();
    return layer && `the output of ${layer} contains NaN or infinity, although all weights are finite`;
  }

  dispose(): void {
    this.forget();
    this.cache.dispose();
  }

  private draft(plan: DraftPlan): Tensor {
    return scope(() => {
      const { device } = this.model;
      const before = gatherRows(
        this.hidden as Tensor,
        tensor(plan.hiddenRows, [plan.hiddenRows.length], "i32", device),
      );
      const states = this.model.draft(before, stepBatch(plan, device), this.cache) as Tensor;
      const logits = this.model.logits(rowsOf(states, plan.draftRows));
      const uniforms = tensor(new Float32Array(plan.draftRows.length), [plan.draftRows.length], "f32", device);
      return sampleTokens(logits, uniforms, { temperature: 0, topK: 0, topP: 1, minP: 0 }).ids;
    });
  }

  private forget(): void {
    this.hidden?.dispose();
    this.hidden = null;
  }
}

/** Rows of x by rising indexes; x itself where they are all of them. */
const rowsOf = (x: Tensor, rows: Int32Array): Tensor =>
  rows.length === x.shape[0] ? x : gatherRows(x, tensor(rows, [rows.length], "i32", x.device));
