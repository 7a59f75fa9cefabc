// The blocks of the paged cache: who uses which, and which unused ones still hold a prefix that may be asked for again.
// Knows sequences, not what a block holds.
import { assert } from "../../errors.js";
import type { Sequence } from "./sequence.js";

/** Which blocks later sequences find again; "prompts" for where no completion comes back as a prompt. */
export type PrefixCache = boolean | "prompts";

/** How the pool shares. */
export interface BlockPoolOptions {
  /** Blocks in the cache. */
  readonly numBlocks: number;
  /** Tokens of a block. */
  readonly blockSize: number;
  /**
   * Which full blocks are found again by later sequences of the same beginning: all (the default), those of prompts, or
   * none.
   */
  readonly prefixCache?: PrefixCache;
  /**
   * Whether generated tokens' entries differ in bits from prompt tokens' (see ModelRunner.pathsAgree); then they serve
   * only what generated the same.
   */
  readonly splitPaths?: boolean;
}

/**
 * Reference-counted blocks. A full block is known by the key of everything up to its end; freed blocks keep their key
 * until they are needed, least recently freed first. Shared blocks are full, so nobody writes to them and none is ever
 * copied.
 */
export class BlockPool {
  readonly blockSize: number;
  readonly numBlocks: number;
  /** Prompt tokens that admissions found computed, in all. */
  numHitTokens = 0;
  private readonly prefixCache: PrefixCache;
  private readonly splitPaths: boolean;
  private readonly references: Int32Array;
  private readonly keyOfBlock: (string | undefined)[];
  private readonly blockOfKey = new Map<string, number>();
  /** Keys of blocks that a running sequence is computing, with the number of sequences doing so. */
  private readonly pending = new Map<string, number>();
  /** Free blocks as a ring in the order of reuse; entry `numBlocks` is the ring's head. */
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private free: number;

  constructor({ numBlocks, blockSize, prefixCache = true, splitPaths = false }: BlockPoolOptions) {
    this.numBlocks = this.free = numBlocks;
    this.blockSize = blockSize;
    this.prefixCache = prefixCache;
    this.splitPaths = splitPaths;
    this.references = new Int32Array(numBlocks);
    this.keyOfBlock = new Array(numBlocks);
    this.next = Int32Array.from({ length: numBlocks + 1 }, (_, i) => (i + 1) % (numBlocks + 1));
    this.previous = Int32Array.from({ length: numBlocks + 1 }, (_, i) => (i + numBlocks) % (numBlocks + 1));
  }

  /** Blocks nobody uses, those with a reusable prefix included. */
  get numFree(): number {
    return this.free;
  }
  get numUsed(): number {
    return this.numBlocks - this.free;
  }
  /** How many sequences use a block. */
  referencesOf(block: number): number {
    return this.references[block];
  }

  /**
   * Whether a waiting sequence can have blocks for all its tokens: "later" while another computes a prefix that it will
   * share.
   */
  canAdmit(sequence: Sequence): "yes" | "no" | "later" {
    const hits = this.prefixOf(sequence);
    const key = this.shareableKey(sequence, hits.length);
    if (key !== undefined && this.pending.has(key)) return "later";
    const revived = hits.reduce((count, block) => count + (this.references[block] === 0 ? 1 : 0), 0);
    return this.blocksFor(sequence.numTokens) - hits.length + revived <= this.free ? "yes" : "no";
  }

  /** Gives a sequence that `canAdmit` its blocks: known prefix blocks are shared and count as computed. */
  admit(sequence: Sequence): void {
    assert(sequence.blocks.length === 0, "a sequence is admitted with blocks");
    for (const block of this.prefixOf(sequence)) {
      if (this.references[block]++ === 0) this.unlink(block);
      sequence.blocks.push(block);
    }
    sequence.numRegistered = sequence.blocks.length;
    sequence.numComputed = sequence.blocks.length * this.blockSize;
    if (sequence.numPrefixHits === undefined)
      this.numHitTokens += sequence.numPrefixHits = Math.min(sequence.numComputed, sequence.numPrompt);
    sequence.numPromised = sequence.numRegistered;
    for (
      let key = this.shareableKey(sequence, sequence.numPromised);
      key !== undefined;
      key = this.shareableKey(sequence, ++sequence.numPromised)
    )
      this.pending.set(key, (this.pending.get(key) ?? 0) + 1);
    this.grow(sequence, sequence.numTokens);
  }

  /** Whether the sequence's blocks can be brought to hold `numTokens`. */
  canGrow(sequence: Sequence, numTokens: number): boolean {
    return this.blocksFor(numTokens) - sequence.blocks.length <= this.free;
  }

  /** Brings the sequence's blocks to hold `numTokens`, as `canGrow` allowed. */
  grow(sequence: Sequence, numTokens: number): void {
    const wanted = this.blocksFor(numTokens);
    while (sequence.blocks.length < wanted) sequence.blocks.push(this.take());
  }

  /** Makes the full blocks that have become computed known to later sequences. */
  register(sequence: Sequence): void {
    const full = Math.floor(Math.min(sequence.numComputed, this.numShareable(sequence)) / this.blockSize);
    for (; sequence.numRegistered < full; sequence.numRegistered++) {
      const key = this.keyOf(sequence, sequence.numRegistered);
      if (sequence.numRegistered < sequence.numPromised) this.dropPending(key);
      if (this.blockOfKey.has(key)) continue;
      const block = sequence.blocks[sequence.numRegistered];
      this.keyOfBlock[block] = key;
      this.blockOfKey.set(key, block);
    }
  }

  /**
   * Takes all blocks from a sequence; its cache entries must be computed again. The end of a prefix is reused before
   * its beginning.
   */
  release(sequence: Sequence): void {
    const { blocks } = sequence;
    for (let i = sequence.numRegistered; i < sequence.numPromised; i++) this.dropPending(this.keyOf(sequence, i));
    while (blocks.length > 0) {
      const block = blocks.pop() as number;
      if (--this.references[block] === 0) this.link(block);
    }
    sequence.numComputed = sequence.numRegistered = sequence.numPromised = 0;
  }

  /** Forgets all prefixes, for when the weights change; nobody may be using a block. */
  forget(): void {
    assert(this.numUsed === 0, "prefixes are forgotten while sequences run");
    this.blockOfKey.clear();
    this.keyOfBlock.fill(undefined);
  }

  private blocksFor(numTokens: number): number {
    return Math.ceil(numTokens / this.blockSize);
  }

  private keyOf(sequence: Sequence, index: number): string {
    return sequence.key(index, this.blockSize, this.splitPaths);
  }

  /** Leading tokens whose blocks others may find. */
  private numShareable({ numPrompt, numTokens }: Sequence): number {
    if (this.prefixCache === "prompts") return numPrompt;
    return this.prefixCache ? numTokens : 0;
  }

  /** The key of a block that may be shared: full, and not the last token's, whose logits must be computed. */
  private shareableKey(sequence: Sequence, index: number): string | undefined {
    const end = (index + 1) * this.blockSize;
    return end <= this.numShareable(sequence) && end < sequence.numTokens ? this.keyOf(sequence, index) : undefined;
  }

  private prefixOf(sequence: Sequence): number[] {
    const blocks: number[] = [];
    for (;;) {
      const key = this.shareableKey(sequence, blocks.length);
      const block = key === undefined ? undefined : this.blockOfKey.get(key);
      if (block === undefined) return blocks;
      blocks.push(block);
    }
  }

  private dropPending(key: string): void {
    const count = (this.pending.get(key) ?? 0) - 1;
    if (count > 0) this.pending.set(key, count);
    else this.pending.delete(key);
  }

  private take(): number {
    const block = this.next[this.numBlocks];
    assert(block !== this.numBlocks, "a block is taken from an empty pool");
    this.unlink(block);
    this.references[block] = 1;
    const key = this.keyOfBlock[block];
    if (key !== undefined) this.blockOfKey.delete(key);
    this.keyOfBlock[block] = undefined;
    return block;
  }

  private unlink(block: number): void {
    this.next[this.previous[block]] = this.next[block];
    this.previous[this.next[block]] = this.previous[block];
    this.free--;
  }

  /** Blocks without a prefix are reused at once, the others after all that were freed before. */
  private link(block: number): void {
    const after = this.keyOfBlock[block] === undefined ? this.numBlocks : this.previous[this.numBlocks];
    this.previous[block] = after;
    this.next[block] = this.next[after];
    this.previous[this.next[after]] = this.next[after] = block;
    this.free++;
  }
}
