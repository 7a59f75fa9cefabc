// Seeded random numbers for everything that draws: task generators, samplers' seeds, weight init, shuffles.
// Counter-based: the n-th word is a pure function of (key, n), so a stream is resumed from three integers. Knows
// nothing of its callers.
import { cos, log, sin } from "./elementary.js";

const TWO_32 = 4294967296;
const TWO_53 = 9007199254740992;
/** Key-schedule parity of Threefry-32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). */
const PARITY = 0x1bd11bda;

/** All that is needed to continue a stream exactly: its two key words and how many 32-bit words were drawn. */
export interface RandomState {
  readonly key0: number;
  readonly key1: number;
  readonly position: number;
}

/**
 * Threefry-2x32 with 20 rounds: writes two 32-bit words (as signed ints) that depend on the key and the counter only.
 * Written out round by round: a loop with rotation and key tables takes twice the time.
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Int32Array): void {
  const key2 = PARITY ^ key0 ^ key1;
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  x = (x + y) | 0;
  y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0;
  y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0;
  y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0;
  y = ((y << 6) | (y >>> 26)) ^ x;
  x = (x + key1) | 0;
  y = (y + key2 + 1) | 0;
  x = (x + y) | 0;
  y = ((y << 17) | (y >>> 15)) ^ x;
  x = (x + y) | 0;
  y = ((y << 29) | (y >>> 3)) ^ x;
  x = (x + y) | 0;
  y = ((y << 16) | (y >>> 16)) ^ x;
  x = (x + y) | 0;
  y = ((y << 24) | (y >>> 8)) ^ x;
  x = (x + key2) | 0;
  y = (y + key0 + 2) | 0;
  x = (x + y) | 0;
  y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0;
  y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0;
  y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0;
  y = ((y << 6) | (y >>> 26)) ^ x;
  x = (x + key0) | 0;
  y = (y + key1 + 3) | 0;
  x = (x + y) | 0;
  y = ((y << 17) | (y >>> 15)) ^ x;
  x = (x + y) | 0;
  y = ((y << 29) | (y >>> 3)) ^ x;
  x = (x + y) | 0;
  y = ((y << 16) | (y >>> 16)) ^ x;
  x = (x + y) | 0;
  y = ((y << 24) | (y >>> 8)) ^ x;
  x = (x + key1) | 0;
  y = (y + key2 + 4) | 0;
  x = (x + y) | 0;
  y = ((y << 13) | (y >>> 19)) ^ x;
  x = (x + y) | 0;
  y = ((y << 15) | (y >>> 17)) ^ x;
  x = (x + y) | 0;
  y = ((y << 26) | (y >>> 6)) ^ x;
  x = (x + y) | 0;
  y = ((y << 6) | (y >>> 26)) ^ x;
  x = (x + key2) | 0;
  y = (y + key0 + 5) | 0;
  out[0] = x;
  out[1] = y;
}

/**
 * FNV-1a over UTF-16 code units with an avalanche step at the end; a 32-bit unsigned hash for labels and content keys.
 */
export function hashString(text: string, seed = 0): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A stream of random numbers. Two streams of equal seed and labels are equal to the bit; differently labelled forks are
 * independent.
 */
export class Random {
  #key0: number;
  #key1: number;
  #position = 0;
  readonly #block = new Int32Array(2);
  #blockIndex = -1;

  /** `seed`: any safe integer; its low 32 bits and the next 21 are both used. */
  constructor(seed: number) {
    this.#key0 = seed | 0;
    this.#key1 = Math.floor(seed / TWO_32) | 0;
  }

  /** Rebuilds the stream that `state()` described. */
  static fromState(state: RandomState): Random {
    const random = new Random(0);
    random.#key0 = state.key0;
    random.#key1 = state.key1;
    random.#position = state.position;
    return random;
  }

  state(): RandomState {
    return { key0: this.#key0, key1: this.#key1, position: this.#position };
  }

  /** A new stream that depends on this stream's key and the label, not on how far this one has been drawn. */
  fork(label: string | number): Random {
    const out = new Int32Array(2);
    // Text and numbers use different counter ranges so that fork("7") and fork(7) differ.
    if (typeof label === "string")
      threefry2x32(this.#key0, this.#key1, hashString(label), hashString(label, 1) | 0x80000000, out);
    else threefry2x32(this.#key0, this.#key1, label | 0, Math.floor(label / TWO_32) & 0x7fffffff, out);
    // The second application under a tweaked key keeps forks apart from the words the parent itself draws.
    threefry2x32(~this.#key0, this.#key1, out[0], out[1], out);
    return Random.fromState({ key0: out[0], key1: out[1], position: 0 });
  }

  /** The next 32 random bits as an unsigned integer. */
  uint32(): number {
    const index = Math.floor(this.#position / 2);
    if (index !== this.#blockIndex) {
      threefry2x32(this.#key0, this.#key1, index | 0, Math.floor(index / TWO_32) | 0, this.#block);
      this.#blockIndex = index;
    }
    return this.#block[this.#position++ & 1] >>> 0;
  }

  /** Leaves out that many words. */
  skip(words: number): void {
    this.#position += words;
  }

  /** Uniform in [0, 1) with 53 bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    return (high * 67108864 + (this.uint32() >>> 6)) / TWO_53;
  }

  /** The `n`-th number (from 0) that `float` gives on a stream drawn by `float` alone; the stream stays where it is. */
  floatAt(n: number): number {
    threefry2x32(this.#key0, this.#key1, n | 0, Math.floor(n / TWO_32) | 0, this.#block);
    this.#blockIndex = -1;
    return ((this.#block[0] >>> 5) * 67108864 + (this.#block[1] >>> 6)) / TWO_53;
  }

  /** Uniform integer in [0, n), without modulo bias; n in 1 … 2^32. */
  below(n: number): number {
    if (!(n >= 1 && n <= TWO_32)) throw new RangeError(`below(n) needs n in 1 … 2^32, got ${n}`);
    const limit = TWO_32 - (TWO_32 % n);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** Standard normal by Box–Muller; always takes four words, so streams stay aligned. */
  normal(): number {
    // 1 - u keeps the logarithm's argument above zero.
    return Math.sqrt(-2 * log(1 - this.float())) * cos(2 * Math.PI * this.float());
  }

  /** Fills `out` with normals of the given mean and standard deviation, two per Box–Muller pair of four words. */
  fillNormal(out: Float32Array, mean = 0, std = 1): void {
    for (let i = 0; i < out.length; i += 2) {
      const radius = std * Math.sqrt(-2 * log(1 - this.float()));
      const angle = 2 * Math.PI * this.float();
      out[i] = mean + radius * cos(angle);
      if (i + 1 < out.length) out[i + 1] = mean + radius * sin(angle);
    }
  }

  /** One element, uniformly. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Fisher–Yates, in place; returns its argument. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }
}
