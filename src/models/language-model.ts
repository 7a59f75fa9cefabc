// The decoder-only language model all families share: embedding, blocks, final norm, head.
// Families say which blocks; files and losses are others' business.

import { ConfigError } from "../errors.js";
import type { PackedBatch, StepBatch } from "../nn/batch.js";
import type { DecoderLayer } from "../nn/decoder-layer.js";
import type { AdapterSpec } from "../nn/lora.js";
import { MoeLayer } from "../nn/moe.js";
import { type NormConfig, RmsNorm } from "../nn/norm.js";
import { type CacheKind, PagedCache, type PagedDType, type PagedShape } from "../nn/paged-cache.js";
import { ParameterSet } from "../nn/parameters.js";
import type { ExpertShare } from "../nn/routed-experts.js";
import type { Trains } from "../nn/trains.js";
import type { Weight } from "../nn/weight.js";
import type { Device } from "../tensor/device.js";
import type { ComputeType } from "../tensor/dtype.js";
import { scope } from "../tensor/engine.js";
import { addScaled, cast, scale } from "../tensor/ops/elementwise.js";
import { type Head, softlyCapped } from "../tensor/ops/head.js";
import { linear } from "../tensor/ops/linear.js";
import type { Parameter } from "../tensor/parameter.js";
import { recompute } from "../tensor/recompute.js";
import { numElements, type Tensor } from "../tensor/tensor.js";
import { type HfConfig, scoresTexts } from "./config-fields.js";
import { LayerRange } from "./layer-range.js";
import { contextOf } from "./rope-scaling.js";

/** How a model is made. */
export interface ModelOptions {
  readonly compute?: ComputeType;
  /**
   * Seed of the initial weights. null: there are none, for weights that are loaded next or never looked at; those that
   * do not train are then held as files store them (stored-weights.ts).
   */
  readonly seed?: number | null;
  /** Which weights train, by their Hugging Face names; "none": a model for inference alone. Default: all. */
  readonly trains?: Trains;
  /** Where its weights lie and it runs; default: the default device. */
  readonly device?: Device;
  /**
   * Longest sequence it will see, where that decides how positions are scaled (LongRoPE); default: the original
   * context.
   */
  readonly context?: number;
  /**
   * A stage of a pipeline: the layers [first, end) alone, with the embedding if they are the first, and with the final
   * norm, the head and multi-token prediction if they are the last. Default: all.
   */
  readonly layers?: readonly [first: number, end: number];
  /** The routed experts that it holds of every mixture layer, and who computes the others' rows. Default: all. */
  readonly experts?: ExpertShare;
  /** Low-rank adapters over its matrices, the first of them in use. Nothing else should train then. */
  readonly adapters?: readonly AdapterSpec[];
}

/** Size and kind of a paged cache. */
export interface PagedCacheOptions {
  readonly numBlocks: number;
  readonly kind?: CacheKind;
  readonly dtype?: PagedDType;
  /** Also for the layer of multi-token prediction, for `draft`; default false. */
  readonly forDrafts?: boolean;
}

/**
 * What one multi-token-prediction depth reads; T' = T − k rows of every sequence of T tokens that is longer than k
 * (DeepSeek-V3 §2.2).
 */
export interface MtpInputs {
  /** Tokens k places on; sequences without a row are absent. */
  readonly batch: PackedBatch;
  /** Each row's index among the rows of the depth before (first depth: of the main model), i32 [T']. */
  readonly rows: Tensor;
}

/** How a training forward runs. */
export interface ForwardOptions {
  /** Weight of the sequence-wise balance loss (mixture models); 0 or absent: none. */
  readonly balanceAlpha?: number;
  /** Keep only block inputs and compute the rest again in backward. */
  readonly recomputeLayers?: boolean;
  /** Multi-token-prediction depths 1, 2, … to run; absent: none. */
  readonly mtp?: readonly MtpInputs[];
}

/** What one stage of a pipeline gives to the next. */
export interface StageOutput {
  /** [T,d]: normalised, ready for the head; from a stage without it, the residual stream in f32. */
  readonly hidden: Tensor;
  /** Sum of the balance losses of all layers so far. */
  readonly balanceLoss: Tensor | null;
}

/** What a training forward gives; hidden states are normalised, ready for the head. */
export interface ForwardResult extends StageOutput {
  /** One [T',d] per multi-token-prediction depth. */
  readonly mtpHidden: readonly Tensor[];
}

/** How a step over a paged cache runs. */
export interface ModelStepOptions {
  /** The residual stream [T,d] that the stage before gave; a stage with the embedding has none. */
  readonly hidden?: Tensor;
  /** Sees each state of the residual stream by the name of what made it. */
  readonly onState?: (name: string, state: Tensor) => void;
}

/** What stands before and after a model's layers. */
export interface ModelEnds {
  /** What the rows of the embedding are multiplied by (Gemma: √hidden_size); default 1. */
  readonly embeddingScale?: number;
  /** The final norm; default: `rms_norm_eps` of the configuration. */
  readonly norm?: NormConfig;
  /** Logits become cap·tanh(logit/cap) (Gemma 2); absent: they stay as they are. */
  readonly logitCap?: number;
  /** Layers of multi-token prediction after the last; default 0. */
  readonly numMtp?: number;
}

/** The name of a score head in files, as `transformers` has it. */
export const SCORE_HEAD = "score.weight";
/** The name of a tensor of the model that an adapter holds whole, as PEFT has it. */
export const adapterPart = (name: string): string => `base_model.model.${name}`;

/** A decoder-only language model. Parameter names in files are Hugging Face's. */
export abstract class LanguageModel {
  readonly parameters: ParameterSet;
  /** The longest sequence the model takes. */
  readonly maxPositions: number;
  /** The layers it holds. */
  readonly range: LayerRange;
  protected readonly layers: DecoderLayer[];
  private readonly embedTokens: Weight | null;
  private readonly finalNorm: RmsNorm | null;
  private readonly lmHead: Weight | null;
  private readonly scoreHead: Parameter | null;

  /** `buildLayer` makes the layer of that index. */
  constructor(
    readonly config: HfConfig,
    { compute = "f32", seed = 0, trains, device, context, layers, adapters = [] }: ModelOptions,
    buildLayer: (parameters: ParameterSet, index: number) => DecoderLayer,
    private readonly ends: ModelEnds = {},
  ) {
    const { norm = { eps: config.rms_norm_eps }, numMtp = 0 } = ends;
    const { vocab_size: vocab, hidden_size: hidden, initializer_range: std, tie_word_embeddings: isTied } = config;
    const range = new LayerRange(config.num_hidden_layers, numMtp, layers);
    this.range = range;
    this.maxPositions = contextOf(config, context);
    this.parameters = new ParameterSet({ compute, seed, trains, device, adapters });
    if (!range.isWhole) this.parameters.leaveOut((name) => range.isElsewhere(name));
    const embeds = range.hasEmbedding || (range.hasHead && (isTied || numMtp > 0));
    this.embedTokens = embeds
      ? this.parameters.matrix({
          name: "model.embed_tokens.weight",
          shape: [vocab, hidden],
          init: { std },
          use: isTied ? "products" : "rows",
        })
      : null;
    this.layers = range.indexes.map((i) => buildLayer(this.parameters, i));
    this.finalNorm = range.hasHead ? new RmsNorm(this.parameters, "model.norm", hidden, norm) : null;
    const scores = scoresTexts(config);
    this.scoreHead = range.hasHead && scores ? this.addScoreHead() : null;
    this.lmHead =
      !range.hasHead || scores
        ? null
        : isTied
          ? this.embedTokens
          : this.parameters.matrix({ name: "lm_head.weight", shape: [vocab, hidden], init: { std } });
  }

  /** Over a base with an adapter the score head is a part of what is trained, as PEFT's `modules_to_save` has it. */
  private addScoreHead(): Parameter {
    const { hidden_size: hidden, initializer_range: std } = this.config;
    const [adapter] = this.parameters.adapters.all;
    const spec = { shape: [1, hidden], init: { std }, alwaysF32: true };
    return adapter
      ? adapter.parameters.add({ ...spec, name: adapterPart(SCORE_HEAD) })
      : this.parameters.add({ ...spec, name: SCORE_HEAD });
  }

  /** Multi-token-prediction states from the main model's, one per depth of `options.mtp`; none for families without. */
  protected forwardMtp(
    _hidden: Tensor,
    _batch: PackedBatch,
    _options: ForwardOptions,
  ): { hidden: Tensor[]; balanceLosses: Tensor[] } {
    return { hidden: [], balanceLosses: [] };
  }

  /** The weights that training moves and saves: an adapter's, where there is one; else the model's own. */
  get trainable(): ParameterSet {
    return this.parameters.adapters.all[0]?.parameters ?? this.parameters;
  }

  /** Where the model runs. */
  get device(): Device {
    return this.parameters.device;
  }
  /** The head to compute losses with. */
  get head(): Head {
    const { weights, scales } = this.own(this.lmHead, "head").held();
    return { weight: weights, scales, softCap: this.ends.logitCap };
  }
  /** Logits [B,V] in f32 of normalised hidden states. */
  logits(hidden: Tensor): Tensor {
    const logits = this.own(this.lmHead, "head").multiply(hidden, { dtype: "f32" });
    return this.ends.logitCap ? softlyCapped(logits, this.ends.logitCap) : logits;
  }
  /** One number for each of some normalised hidden states [S,d], f32 [S,1]; of models with a score head alone. */
  score(hidden: Tensor): Tensor {
    return linear(cast(hidden, "f32"), this.own(this.scoreHead, "score head"));
  }
  get vocabSize(): number {
    return this.config.vocab_size;
  }
  /** Mixture layers, for balancing and load figures. */
  get moeLayers(): MoeLayer[] {
    return this.layers.map((l) => l.feedForward).filter((f): f is MoeLayer => f instanceof MoeLayer);
  }

  /**
   * Whether `forward` takes batches whose rows stand in several sequences. Mixtures do not: each token of each sequence
   * counts in the load of their experts.
   */
  get takesCopies(): boolean {
    return this.moeLayers.length === 0 && this.layers.every(({ attention }) => attention.takesCopies);
  }

  /** Multi-token-prediction depths. */
  get numMtp(): number {
    return this.range.numMtp;
  }

  /**
   * Numbers a token uses in the main model: of the routed experts only the chosen, and nothing of multi-token
   * prediction.
   */
  get numActiveParameters(): number {
    const share = this.moeLayers[0]?.activeShare ?? 1;
    const isMtp = (name: string) => Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? -1) >= this.range.count;
    return this.parameters.specs.reduce((n, { name, shape, isBuffer }) => {
      if (isBuffer || isMtp(name)) return n;
      return n + numElements(shape) * (name.includes(".mlp.experts.") ? share : 1);
    }, 0);
  }

  /**
   * Training forward over packed sequences; `before` is what the stage before gave, where this model is a later one of
   * a pipeline.
   */
  forward(batch: PackedBatch, options: ForwardOptions = {}, before?: StageOutput): ForwardResult {
    const balanceLosses = before?.balanceLoss ? [before.balanceLoss] : [];
    const balance = options.balanceAlpha ? { cuSeqlens: batch.cuSeqlens, alpha: options.balanceAlpha } : undefined;
    let x = this.enter(batch.ids, before?.hidden);
    for (const layer of this.layers) x = this.runLayer(layer, x, batch, options, balance, balanceLosses);
    const hidden = this.leave(x);
    const mtp = this.forwardMtp(hidden, batch, options);
    return { hidden, mtpHidden: mtp.hidden, balanceLoss: sum([...balanceLosses, ...mtp.balanceLosses]) };
  }

  /**
   * New tokens of several sequences over a paged cache, prompt pieces and generated ones together: normalised hidden
   * states [T,d], or the residual stream for the next stage.
   */
  step(batch: StepBatch, cache: PagedCache, { hidden, onState }: ModelStepOptions = {}): Tensor {
    let x = this.enter(batch.ids, hidden);
    if (this.range.hasEmbedding) onState?.("model.embed_tokens", x);
    this.parameters.adapters.usingRows(batch.groups, () => {
      this.layers.forEach((layer, i) => {
        x = scope(() => layer.step(x, batch, cache.layers[i]));
        onState?.(`model.layers.${this.range.first + i}`, x);
      });
    });
    return this.leave(x);
  }

  /**
   * Multi-token prediction after a step: row i joins `hidden` of a token [T,d] with the token after it (`batch.ids`);
   * its cache entry lies where that token's does, in a layer of its own. The block's output [T,d] is ready for
   * `logits`. Null for families without.
   */
  draft(_hidden: Tensor, _batch: StepBatch, _cache: PagedCache): Tensor | null {
    return null;
  }

  /** A paged cache of this model's layers; it outlives scopes. */
  createPagedCache({
    numBlocks,
    kind = "heads",
    dtype = this.parameters.compute,
    forDrafts = false,
  }: PagedCacheOptions): PagedCache {
    return new PagedCache(this.pagedShapes(kind, forDrafts), numBlocks, dtype, this.device);
  }

  /** What each layer's entries in a paged cache look like; with `forDrafts` that of multi-token prediction last. */
  pagedShapes(kind: CacheKind, _forDrafts = false): PagedShape[] {
    return this.layers.map((l) => l.attention.pagedShape(kind));
  }

  dispose(): void {
    for (const layer of this.layers) layer.attention.dispose();
    for (const moe of this.moeLayers) moe.dispose();
    this.parameters.dispose();
  }

  /** Embedding rows as the f32 residual stream. */
  protected embed(ids: Tensor): Tensor {
    const rows = this.own(this.embedTokens, "embedding").lookUp(ids);
    return this.ends.embeddingScale ? scale(rows, this.ends.embeddingScale) : rows;
  }

  protected runLayer(
    layer: DecoderLayer,
    x: Tensor,
    batch: PackedBatch,
    options: ForwardOptions,
    balance: { cuSeqlens: Tensor; alpha: number } | undefined,
    losses: Tensor[],
  ): Tensor {
    const run = (input: Tensor) => layer.forward(input, batch, balance);
    const [output, loss] = scope(() => (options.recomputeLayers ? recompute(run, [x]) : run(x)));
    if (loss) losses.push(loss);
    return output;
  }

  /** The residual stream that the first of its layers reads. */
  private enter(ids: Tensor, before: Tensor | undefined): Tensor {
    if (this.range.hasEmbedding === (before !== undefined))
      throw new ConfigError(
        `${this.range}: ${before ? "the first stage reads token ids, not" : "a later stage needs"} hidden states`,
      );
    return before ?? this.embed(ids);
  }

  /** The residual stream behind the last of its layers: normalised where that is the model's last. */
  private leave(x: Tensor): Tensor {
    return this.finalNorm ? this.finalNorm.apply(x, this.parameters.compute) : x;
  }

  private own<P>(part: P | null, name: string): P {
    if (!part && name === "head" && this.scoreHead)
      throw new ConfigError("this model scores texts and continues none: it has a score head");
    if (!part && this.range.isWhole) throw new ConfigError(`this model continues texts: it has no ${name}`);
    if (!part) throw new ConfigError(`${this.range}: this stage has no ${name}`);
    return part;
  }
}

function sum(losses: readonly Tensor[]): Tensor | null {
  return losses.length ? losses.reduce((a, b) => addScaled(a, b, 1, 1)) : null;
}
