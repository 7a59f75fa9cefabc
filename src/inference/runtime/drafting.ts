// Guesses what comes next from what was said before: after the last few tokens comes what came after them last time.
// Knows ids alone.

/** Bounds of prompt-lookup drafting. */
export interface LookupOptions {
  /** Longest and shortest run of tokens looked up; the longest that was seen before is used. */
  readonly maxNgram: number;
  readonly minNgram: number;
  /** Most tokens drafted at once. */
  readonly maxDrafts: number;
}

/** Runs of two to four tokens, up to six drafts. */
export const DEFAULT_LOOKUP: LookupOptions = { maxNgram: 4, minNgram: 2, maxDrafts: 6 };

/**
 * Prompt-lookup drafts (Saxena 2023, "Prompt Lookup Decoding") of one sequence. The number drafted follows what came
 * true: all of them, and it doubles; else one more than were right.
 */
export class LookupDrafter {
  /** For each n-gram length, the place behind the last occurrence of a run, by a hash of it. */
  private readonly places: Map<number, number>[];
  /** Tokens taken into the maps. */
  private numSeen = 0;
  private numDrafts: number;

  constructor(private readonly options: LookupOptions) {
    this.places = Array.from({ length: options.maxNgram - options.minNgram + 1 }, () => new Map());
    this.numDrafts = options.maxDrafts;
  }

  /** Drafts what may follow the first `length` tokens, at most `limit`. */
  draft(tokens: Int32Array, length: number, limit: number): number[] {
    this.see(tokens, length - 1); // the last run itself has no successor yet
    const count = Math.min(limit, this.numDrafts);
    const at = count > 0 ? this.find(tokens, length) : undefined;
    return at === undefined ? [] : Array.from(tokens.subarray(at, Math.min(at + count, length)));
  }

  /** Learns how many of the drafts came true. */
  learn(numDrafted: number, numAccepted: number): void {
    if (numDrafted === 0) return;
    this.numDrafts = Math.min(
      this.options.maxDrafts,
      numAccepted === numDrafted ? 2 * this.numDrafts : numAccepted + 1,
    );
  }

  private see(tokens: Int32Array, length: number): void {
    for (let end = this.numSeen + 1; end <= length; end++)
      this.places.forEach((places, i) => {
        const n = this.options.minNgram + i;
        if (end >= n) places.set(hashRun(tokens, end, n), end);
      });
    this.numSeen = Math.max(this.numSeen, length);
  }

  private find(tokens: Int32Array, length: number): number | undefined {
    for (let n = Math.min(this.options.maxNgram, length); n >= this.options.minNgram; n--) {
      const at = this.places[n - this.options.minNgram].get(hashRun(tokens, length, n));
      if (at !== undefined && isSameRun(tokens, at, length, n)) return at;
    }
    return undefined;
  }
}

/** A hash of the n tokens before `end`. */
function hashRun(tokens: Int32Array, end: number, n: number): number {
  let hash = n;
  for (let i = end - n; i < end; i++) hash = Math.imul(hash ^ tokens[i], 0x9e3779b1) ^ (hash >>> 15);
  return hash;
}

function isSameRun(tokens: Int32Array, a: number, b: number, n: number): boolean {
  for (let i = 1; i <= n; i++) if (tokens[a - i] !== tokens[b - i]) return false;
  return true;
}
