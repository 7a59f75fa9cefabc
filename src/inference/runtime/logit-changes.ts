// A request's own changes to its logits: penalties of tokens seen, and biases. Kept up to date token by token, so that
// a step only copies them. Knows no tensor; the arithmetic is `adjustLogits`'.
import type { SamplingOptions } from "./request.js";

/** Changes of several rows, one behind another, as `adjustLogits` takes them. Reused from step to step. */
export class ChangeList {
  ids = new Int32Array(256);
  scales = new Float32Array(256);
  offsets = new Float32Array(256);
  length = 0;

  clear(): void {
    this.length = 0;
  }
  /** Appends the first `count` of the given changes. */
  append(ids: Int32Array, scales: Float32Array, offsets: Float32Array, count: number): void {
    while (this.length + count > this.ids.length) this.widen();
    this.ids.set(ids.subarray(0, count), this.length);
    this.scales.set(scales.subarray(0, count), this.length);
    this.offsets.set(offsets.subarray(0, count), this.length);
    this.length += count;
  }
  private widen(): void {
    this.ids = widened(this.ids, new Int32Array(2 * this.ids.length));
    this.scales = widened(this.scales, new Float32Array(2 * this.scales.length));
    this.offsets = widened(this.offsets, new Float32Array(2 * this.offsets.length));
  }
}

function widened<T extends Int32Array | Float32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** Whether these options change any logit. */
export function changesLogits({
  repetitionPenalty = 1,
  presencePenalty = 0,
  frequencyPenalty = 0,
  logitBias,
}: SamplingOptions): boolean {
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0 || (logitBias?.size ?? 0) > 0;
}

/** The changes of one request: repetition counts prompt and completion, presence and frequency the completion alone. */
export class LogitChanges {
  private readonly place = new Map<number, number>();
  private readonly counts: number[] = [];
  private readonly inPrompt: boolean[] = [];
  private readonly biases: number[] = [];
  private readonly list = new ChangeList();
  private readonly repetition: number;
  private readonly presence: number;
  private readonly frequency: number;

  constructor(
    { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias }: SamplingOptions,
    prompt: ArrayLike<number>,
  ) {
    this.repetition = repetitionPenalty;
    this.presence = presencePenalty;
    this.frequency = frequencyPenalty;
    if (repetitionPenalty !== 1) for (let i = 0; i < prompt.length; i++) this.inPrompt[this.placeOf(prompt[i])] = true;
    for (const [id, bias] of logitBias ?? []) this.biases[this.placeOf(id)] = bias;
    for (let at = 0; at < this.list.length; at++) this.refresh(at);
  }

  /** Counts a token of the completion. */
  add(id: number): void {
    const at = this.placeOf(id);
    this.counts[at]++;
    this.refresh(at);
  }

  /** Takes an `add` back. */
  remove(id: number): void {
    const at = this.placeOf(id);
    this.counts[at]--;
    this.refresh(at);
  }

  /** Appends the changes to a step's. */
  writeTo(target: ChangeList): void {
    target.append(this.list.ids, this.list.scales, this.list.offsets, this.list.length);
  }

  private refresh(at: number): void {
    const count = this.counts[at];
    this.list.scales[at] = count > 0 || this.inPrompt[at] ? this.repetition : 1;
    this.list.offsets[at] = (count > 0 ? this.presence : 0) + this.frequency * count - this.biases[at];
  }

  private placeOf(id: number): number {
    const known = this.place.get(id);
    if (known !== undefined) return known;
    const at = this.list.length;
    this.list.append(Int32Array.of(id), Float32Array.of(1), Float32Array.of(0), 1);
    this.place.set(id, at);
    this.counts.push(0);
    this.inPrompt.push(false);
    this.biases.push(0);
    return at;
  }
}
