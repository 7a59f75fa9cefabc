// Which part of a model's layers one model holds (a stage of a pipeline), and which stored tensors that leaves to the
// others. Knows nothing of how stages exchange what they compute.
import { ConfigError } from "../errors.js";

/** A stage's layers [first, end) of a model's `count`; `mtpLayers` of multi-token prediction follow the last. */
export class LayerRange {
  readonly first: number;
  readonly end: number;

  /** Throws ConfigError for a range that is empty or leaves the model. Default: all layers. */
  constructor(
    readonly count: number,
    private readonly mtpLayers: number,
    [first, end]: readonly [number, number] = [0, count],
  ) {
    const isFit = Number.isInteger(first) && Number.isInteger(end) && 0 <= first && first < end && end <= count;
    if (!isFit) throw new ConfigError(`layers: expected a range within [0,${count}), got [${first},${end})`);
    this.first = first;
    this.end = end;
  }

  /** The first stage embeds the tokens. */
  get hasEmbedding(): boolean {
    return this.first === 0;
  }
  /** The last stage has the final norm, the head and multi-token prediction. */
  get hasHead(): boolean {
    return this.end === this.count;
  }
  get isWhole(): boolean {
    return this.hasEmbedding && this.hasHead;
  }
  /** The numbers of its layers, in order. */
  get indexes(): number[] {
    return Array.from({ length: this.end - this.first }, (_, i) => this.first + i);
  }

  /** Layers of multi-token prediction that it has. */
  get numMtp(): number {
    return this.hasHead ? this.mtpLayers : 0;
  }

  /** Whether a stored tensor (Hugging Face name) that it does not hold itself belongs to another stage. */
  isElsewhere(tensor: string): boolean {
    if (/^(model\.embed_tokens|model\.norm|lm_head)\./.test(tensor)) return !this.isWhole;
    const layer = Number(/^model\.layers\.(\d+)\./.exec(tensor)?.[1] ?? Number.NaN);
    if (layer < this.count) return layer < this.first || layer >= this.end;
    return layer < this.count + this.mtpLayers && !this.hasHead;
  }

  toString(): string {
    return `layers [${this.first},${this.end}) of ${this.count}`;
  }
}
