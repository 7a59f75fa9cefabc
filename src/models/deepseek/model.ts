// DeepSeek-V2/V3/R1: MLA, dense first layers, DeepSeekMoE, multi-token prediction. Architecture only: no files, no
// losses.
import type { PackedBatch, StepBatch } from "../../nn/batch.js";
import { DecoderLayer, type FeedForward } from "../../nn/decoder-layer.js";
import { MlaAttention } from "../../nn/mla.js";
import { GatedMlp } from "../../nn/mlp.js";
import { MoeLayer } from "../../nn/moe.js";
import type { CacheKind, PagedCache, PagedShape } from "../../nn/paged-cache.js";
import type { ParameterSet } from "../../nn/parameters.js";
import { scope } from "../../tensor/engine.js";
import { gatherRows } from "../../tensor/ops/rows.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type ForwardOptions, LanguageModel, type ModelOptions } from "../language-model.js";
import { mlaConfigOf, moeConfigOf, mtpDepth } from "./config.js";
import { MtpModule } from "./mtp.js";
import type { DeepseekHfConfig } from "./schemas.js";

/** A DeepSeek model made from its Hugging Face configuration. */
export class DeepseekModel extends LanguageModel {
  private readonly mtp: MtpModule[];

  declare readonly config: DeepseekHfConfig;

  constructor(config: DeepseekHfConfig, options: ModelOptions = {}) {
    const { first_k_dense_replace: dense } = config;
    const layer = (parameters: ParameterSet, i: number) => buildLayer(config, options, parameters, i, i >= dense);
    super(config, options, layer, { numMtp: mtpDepth(config) });
    this.mtp = Array.from({ length: this.numMtp }, (_, i) => this.buildMtp(config.num_hidden_layers + i, options));
  }

  override get moeLayers(): MoeLayer[] {
    return [
      ...super.moeLayers,
      ...this.mtp.flatMap((m) => (m.layer.feedForward instanceof MoeLayer ? [m.layer.feedForward] : [])),
    ];
  }

  protected override forwardMtp(
    hidden: Tensor,
    main: PackedBatch,
    options: ForwardOptions,
  ): { hidden: Tensor[]; balanceLosses: Tensor[] } {
    const states: Tensor[] = [];
    const balanceLosses: Tensor[] = [];
    const { mtp: depths = [], balanceAlpha: alpha } = options;
    depths.slice(0, this.numMtp).forEach(({ batch, rows }, k) => {
      const module = this.mtp[k];
      const joined = scope(() => module.join(gatherRows(states[k - 1] ?? hidden, rows), this.embed(batch.ids)));
      // Sequences too short for this depth count as 0 in the mean over sequences, so that micro-batches add up.
      const balance = alpha
        ? { cuSeqlens: batch.cuSeqlens, alpha: (alpha * numSequences(batch)) / numSequences(main) }
        : undefined;
      states.push(module.normalise(this.runLayer(module.layer, joined, batch, options, balance, balanceLosses)));
    });
    return { hidden: states, balanceLosses };
  }

  override draft(hidden: Tensor, batch: StepBatch, cache: PagedCache): Tensor | null {
    const [module] = this.mtp;
    if (!module) return null;
    return this.parameters.adapters.usingRows(batch.groups, () => {
      const joined = scope(() => module.join(hidden, this.embed(batch.ids)));
      return module.normalise(scope(() => module.layer.step(joined, batch, cache.layers[this.layers.length])));
    });
  }

  override pagedShapes(kind: CacheKind, forDrafts = false): PagedShape[] {
    return [
      ...super.pagedShapes(kind),
      ...this.mtp.slice(0, forDrafts ? 1 : 0).map(({ layer }) => layer.attention.pagedShape(kind)),
    ];
  }

  override dispose(): void {
    for (const { layer } of this.mtp) layer.attention.dispose();
    super.dispose();
  }

  private buildMtp(index: number, options: ModelOptions): MtpModule {
    return new MtpModule(
      this.parameters,
      `model.layers.${index}`,
      this.config.hidden_size,
      this.config.rms_norm_eps,
      { std: this.config.initializer_range },
      buildLayer(this.config, options, this.parameters, index, true),
    );
  }
}

const numSequences = ({ cuSeqlens }: PackedBatch): number => cuSeqlens.shape[0] - 1;

function buildLayer(
  config: DeepseekHfConfig,
  options: ModelOptions,
  parameters: ParameterSet,
  index: number,
  isMoe: boolean,
): DecoderLayer {
  const prefix = `model.layers.${index}`;
  const init = { std: config.initializer_range };
  const attention = new MlaAttention(parameters, `${prefix}.self_attn`, mlaConfigOf(config, options), init);
  const feedForward: FeedForward = isMoe
    ? new MoeLayer(parameters, `${prefix}.mlp`, moeConfigOf(config), init, options.experts)
    : new GatedMlp(parameters, `${prefix}.mlp`, config.hidden_size, config.intermediate_size, init);
  const norm = { eps: config.rms_norm_eps };
  return new DecoderLayer(parameters, prefix, config.hidden_size, norm, attention, feedForward);
}
