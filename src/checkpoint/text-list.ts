// Many short texts in little memory: their UTF-8 bytes side by side, decoded one at a time. A vocabulary of a hostile
// file takes no more than the file.

/** Segments grow with what came before, so that a short list takes little, and stop growing at this size. */
const SEGMENT_BYTES = { least: 1 << 10, most: 1 << 20 };

/** A run of bytes that lie together. */
export interface Segment {
  /** Place of the segment's first byte among the bytes of all texts. */
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** A list of texts; bytes that are no UTF-8 come out as U+FFFD. */
export class TextList implements Iterable<string> {
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** Text i lies at starts[i] … starts[i + 1] of the segments' bytes; no text lies in two segments. */
  constructor(
    private readonly starts: Uint32Array,
    private readonly segments: readonly Segment[],
  ) {}

  get length(): number {
    return this.starts.length - 1;
  }

  /** The text at a place of the list, or undefined outside. */
  at(index: number): string | undefined {
    if (!(index >= 0 && index < this.length)) return undefined;
    const [start, end] = [this.starts[index], this.starts[index + 1]];
    if (start === end) return "";
    const segment = this.segmentOf(start);
    return this.decoder.decode(segment.bytes.subarray(start - segment.start, end - segment.start));
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i) as string;
  }

  private segmentOf(byte: number): Segment {
    let [low, high] = [0, this.segments.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.segments[middle].start <= byte) low = middle;
      else high = middle - 1;
    }
    return this.segments[low];
  }
}

/** Takes the bytes of a known number of texts, one after the other. */
export class TextListBuilder {
  private readonly starts: Uint32Array;
  private readonly segments: Segment[] = [];
  private open = new Uint8Array(0);
  private used = 0;
  private total = 0;
  private added = 0;

  constructor(count: number) {
    this.starts = new Uint32Array(count + 1);
  }

  /** Copies the bytes of the next text; all together at most 4 GB. */
  add(bytes: Uint8Array): void {
    if (this.used + bytes.length > this.open.length) {
      this.close();
      const { least, most } = SEGMENT_BYTES;
      this.open = new Uint8Array(Math.max(bytes.length, least, Math.min(this.total, most)));
    }
    this.open.set(bytes, this.used);
    this.used += bytes.length;
    this.total += bytes.length;
    this.starts[++this.added] = this.total;
  }

  finish(): TextList {
    this.close();
    return new TextList(this.starts, this.segments);
  }

  private close(): void {
    if (this.used > 0)
      this.segments.push({
        start: this.total - this.used,
        bytes: this.used === this.open.length ? this.open : this.open.slice(0, this.used),
      });
    this.used = 0;
  }
}
