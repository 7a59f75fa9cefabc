// One sequence of tokens on its way through the model: what it holds, how far the cache has it, which blocks are its
// own. Knows nothing of sampling, text or the model.
import { sha256 } from "@noble/hashes/sha2.js";

/** Where a sequence stands. */
export type SequenceState = "waiting" | "running" | "finished";

/** Tokens, cache progress and blocks of one sequence. */
export class Sequence {
  state: SequenceState = "waiting";
  /** Prompt, then what was generated; longer than `numTokens`. */
  tokens: Int32Array;
  numTokens: number;
  readonly numPrompt: number;
  /** Leading tokens whose cache entries are right. */
  numComputed = 0;
  /** Prompt tokens found in the prefix cache when the sequence was first admitted; undefined before. */
  numPrefixHits?: number;
  /** Cache blocks in order of position. */
  readonly blocks: number[] = [];
  /** Full blocks of `blocks` that the pool already knows by key. */
  numRegistered = 0;
  /** Full blocks, those registered included, that others may wait for because this sequence computes them. */
  numPromised = 0;
  /** Tokens guessed to come next, verified with the next step. */
  drafts: readonly number[] = [];
  private readonly keys: string[] = [];

  /** `adapter`: index of the adapter that it is computed with, −1 for the base; one never finds another's prefixes. */
  constructor(
    prompt: ArrayLike<number>,
    readonly adapter = -1,
  ) {
    this.numPrompt = this.numTokens = prompt.length;
    this.tokens = new Int32Array(prompt.length + 64);
    this.tokens.set(prompt);
  }

  /** Appends a generated token. */
  push(id: number): void {
    if (this.numTokens === this.tokens.length) {
      const wider = new Int32Array(2 * this.tokens.length);
      wider.set(this.tokens);
      this.tokens = wider;
    }
    this.tokens[this.numTokens++] = id;
  }

  /** Whether it has to wait for somebody outside; it then gives its place and its blocks to others. */
  get isPaused(): boolean {
    return false;
  }
  get numGenerated(): number {
    return this.numTokens - this.numPrompt;
  }
  /** Known tokens that the cache still lacks; a generating sequence that is up to date lacks its newest. */
  get numPending(): number {
    return this.numTokens - this.numComputed;
  }
  /** Whether prompt tokens are still to be computed. */
  get isPrefilling(): boolean {
    return this.numComputed < this.numPrompt;
  }

  /**
   * The key of full block `index`: SHA-256 chained over all tokens up to its end, so that equal keys mean equal
   * contexts, computed with the same adapter. With `splitPaths` it also covers which tokens were computed as prompt.
   */
  key(index: number, blockSize: number, splitPaths: boolean): string {
    for (let i = this.keys.length; i <= index; i++) {
      const hash = sha256.create().update(textBytes.encode(this.keys[i - 1] ?? this.origin));
      if (splitPaths)
        hash.update(textBytes.encode(`${Math.min(blockSize, Math.max(0, this.numPrompt - i * blockSize))},`));
      this.keys.push(String.fromCharCode(...hash.update(bytesOf(this.tokens, i * blockSize, blockSize)).digest()));
    }
    return this.keys[index];
  }

  /** What the keys of a sequence begin with. */
  private get origin(): string {
    return this.adapter < 0 ? "" : `adapter ${this.adapter},`;
  }
}

const textBytes = new TextEncoder();
const bytesOf = (tokens: Int32Array, begin: number, count: number) =>
  new Uint8Array(tokens.buffer, tokens.byteOffset + 4 * begin, 4 * count);
