// Draws the tokens of a step: gathers what each row of logits needs, lets the device change, draw and rank, and reads
// the few numbers that come out. Knows rows and options; neither sequences nor text.
import type { Random } from "../../random.js";
import type { Device } from "../../tensor/device.js";
import { fromBytes, keep, scope } from "../../tensor/engine.js";
import { adjustLogits, maskLogits, NUM_SETTINGS, sampleRows, topLogProbs } from "../../tensor/ops/sampling.js";
import type { Tensor } from "../../tensor/tensor.js";
import { ChangeList, type LogitChanges } from "./logit-changes.js";
import type { SamplingOptions, TokenLogProb } from "./request.js";

/** What one row of logits is drawn by. */
export interface RowSampling {
  readonly options: SamplingOptions;
  readonly random: Random;
  /** Which number of the random stream draws: the token's place in the completion. */
  readonly index: number;
  readonly changes?: LogitChanges;
  /** Bit mask of the tokens allowed (see `maskLogits`). */
  readonly mask?: Int32Array;
}

/** The tokens drawn, by row. */
export interface DrawnTokens {
  readonly ids: Int32Array;
  readonly logProbs: Float32Array;
  /** The likeliest tokens of the rows that asked. */
  readonly top: ReadonlyMap<number, readonly TokenLogProb[]>;
}

/** Buffers of a step's rows, reused from step to step. `clear`, `add` each row in order, then `draw`. */
export class Sampler {
  private numRows = 0;
  private uniforms = new Float32Array(64);
  private settings = new Float32Array(64 * NUM_SETTINGS);
  private cuChanges = new Int32Array(65);
  private readonly changes = new ChangeList();
  private maskRows: number[] = [];
  private masks: Int32Array[] = [];
  private topRows: number[] = [];
  private topCounts: number[] = [];

  constructor(private readonly vocabSize: number) {}

  clear(): void {
    this.numRows = 0;
    this.changes.clear();
    this.maskRows = [];
    this.masks = [];
    this.topRows = [];
    this.topCounts = [];
  }

  /** Appends a row. Its changes are copied: the caller may alter them for the next row. */
  add({ options, random, index, changes, mask }: RowSampling): void {
    const row = this.numRows++;
    if (row === this.uniforms.length) this.widen();
    const { temperature = 1, topK = 0, topP = 1, minP = 0, topLogProbs: numTop = 0 } = options;
    this.uniforms[row] = temperature === 0 ? 0 : random.floatAt(index);
    const at = NUM_SETTINGS * row;
    this.settings[at] = temperature;
    this.settings[at + 1] = Math.min(topK, this.vocabSize);
    this.settings[at + 2] = topP;
    this.settings[at + 3] = minP;
    changes?.writeTo(this.changes);
    this.cuChanges[row + 1] = this.changes.length;
    if (mask) {
      this.maskRows.push(row);
      this.masks.push(mask);
    }
    if (numTop > 0) {
      this.topRows.push(row);
      this.topCounts.push(Math.min(numTop, this.vocabSize));
    }
  }

  /**
   * Draws from logits [rows, V], which it changes and whose values the caller gives up. Tensors of its own are gone
   * when it returns.
   */
  async draw(logits: Tensor): Promise<DrawnTokens> {
    const [drawn, top] = scope(() => keep([this.sample(logits), this.rank(logits)] as const));
    try {
      const [ids, logProbs, topIds, topLogp] = await Promise.all([
        drawn.ids.data(),
        drawn.logp.data(),
        top?.ids.data(),
        top?.logp.data(),
      ]);
      return { ids: ids as Int32Array, logProbs: logProbs as Float32Array, top: this.topByRow(topIds, topLogp) };
    } finally {
      for (const t of [drawn.ids, drawn.logp, top?.ids, top?.logp]) t?.dispose();
    }
  }

  private sample(logits: Tensor): { ids: Tensor; logp: Tensor } {
    const { numRows: rows, changes } = this;
    const { device } = logits;
    if (changes.length > 0)
      adjustLogits(
        logits,
        upload(this.cuChanges, rows + 1, device),
        upload(changes.ids, changes.length, device),
        upload(changes.scales, changes.length, device),
        upload(changes.offsets, changes.length, device),
      );
    if (this.masks.length > 0)
      maskLogits(
        logits,
        upload(Int32Array.from(this.maskRows), this.maskRows.length, device),
        this.uploadMasks(device),
      );
    return sampleRows(
      logits,
      upload(this.uniforms, rows, device),
      upload(this.settings, rows * NUM_SETTINGS, device, [rows, NUM_SETTINGS]),
    );
  }

  private rank(logits: Tensor): { ids: Tensor; logp: Tensor } | null {
    const { topRows: rows } = this;
    if (rows.length === 0) return null;
    const temperatures = Float32Array.from(rows, (row) => this.settings[NUM_SETTINGS * row]);
    return topLogProbs(
      logits,
      upload(Int32Array.from(rows), rows.length, logits.device),
      upload(temperatures, rows.length, logits.device),
      Math.max(...this.topCounts),
    );
  }

  private topByRow(
    ids: ArrayLike<number> | undefined,
    logProbs: ArrayLike<number> | undefined,
  ): Map<number, TokenLogProb[]> {
    const byRow = new Map<number, TokenLogProb[]>();
    if (!ids || !logProbs) return byRow;
    const k = Math.max(...this.topCounts);
    this.topRows.forEach((row, r) => {
      const told = Array.from({ length: this.topCounts[r] }, (_, i) => ({
        id: ids[r * k + i],
        logProb: logProbs[r * k + i],
      }));
      byRow.set(
        row,
        told.filter(({ logProb }) => logProb > Number.NEGATIVE_INFINITY),
      ); // forbidden tokens are not told
    });
    return byRow;
  }

  private uploadMasks(device: Device): Tensor {
    const words = Math.ceil(this.vocabSize / 32);
    const all = new Int32Array(words * this.masks.length);
    this.masks.forEach((mask, m) => {
      all.set(mask, m * words);
    });
    return upload(all, all.length, device, [this.masks.length, words]);
  }

  private widen(): void {
    const [uniforms, settings, cu] = [this.uniforms, this.settings, this.cuChanges];
    this.uniforms = new Float32Array(2 * uniforms.length);
    this.uniforms.set(uniforms);
    this.settings = new Float32Array(2 * settings.length);
    this.settings.set(settings);
    this.cuChanges = new Int32Array(2 * cu.length);
    this.cuChanges.set(cu);
  }
}

/** The first `count` numbers as a tensor. */
function upload(
  values: Int32Array | Float32Array,
  count: number,
  device: Device,
  shape: readonly number[] = [count],
): Tensor {
  return fromBytes(
    new Uint8Array(values.buffer, values.byteOffset, 4 * count),
    shape,
    values instanceof Int32Array ? "i32" : "f32",
    device,
  );
}
