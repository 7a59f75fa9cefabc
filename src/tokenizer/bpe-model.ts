// Byte-pair merging over ids (Sennrich et al. 2016): the lowest-ranked pair first, the leftmost among equals. Knows one piece of text at a time.
import { CHARACTER_OF_BYTE, toByteCharacters } from "./byte-alphabet.js";
import { PairHeap } from "./pair-heap.js";
import type { TokenizerJson } from "./tokenizer.js";

/** Two ids in one number; ids stay below 2^24, so it is exact. */
const PAIR_BASE = 2 ** 24;
/** Pieces remembered before all are forgotten; a text uses the same words again and again. */
const MAX_REMEMBERED = 1 << 17;
const MAX_REMEMBERED_LENGTH = 64;
/** Up to so many symbols looking through all pairs is quicker than keeping them in order. */
const MAX_SCANNED = 48;
/** No token: a byte without one, or the place of one that was merged. */
const EMPTY = -1;
const NO_RANK = Number.POSITIVE_INFINITY;

/** A byte-level vocabulary with its merges. */
export class BpeModel {
  private readonly idOfByte: Int32Array;
  private readonly remembered = new Map<string, readonly number[]>();
  private readonly encoder = new TextEncoder();
  /** Ranks of the pairs of the piece at hand. */
  private readonly ranks: number[] = [];

  private constructor(
    readonly vocab: ReadonlyMap<string, number>,
    private readonly rankOfPair: ReadonlyMap<number, number>,
    /** What the merge of each rank makes. */
    private readonly idOfRank: Int32Array,
    private readonly ignoreMerges: boolean,
  ) {
    this.idOfByte = Int32Array.from(CHARACTER_OF_BYTE, (character) => vocab.get(character) ?? EMPTY);
  }

  /** The model of a tokenizer.json, or undefined for one that is no plain BPE, or whose merges name tokens that it lacks. */
  static fromJson({ model }: TokenizerJson): BpeModel | undefined {
    if (!isPlain(model) || typeof model.vocab !== "object" || model.vocab === null) return undefined;
    const vocab = new Map(Object.entries(model.vocab as Record<string, number>));
    const merges = model.merges ?? [];
    const rankOfPair = new Map<number, number>();
    const idOfRank = new Int32Array(merges.length);
    for (let rank = 0; rank < merges.length; rank++) {
      const merge = merges[rank];
      const [left, right] = typeof merge === "string" ? merge.split(" ", 2) : (merge as [string, string]);
      const [leftId, rightId, id] = [vocab.get(left), vocab.get(right), vocab.get(left + right)];
      if (leftId === undefined || rightId === undefined || id === undefined) return undefined;
      rankOfPair.set(leftId * PAIR_BASE + rightId, rank);
      idOfRank[rank] = id;
    }
    return new BpeModel(vocab, rankOfPair, idOfRank, model.ignore_merges === true);
  }

  /** The ids of one piece. */
  encode(piece: string): readonly number[] {
    const known = this.remembered.get(piece);
    if (known !== undefined) return known;
    const whole = this.ignoreMerges ? this.vocab.get(toByteCharacters(piece)) : undefined;
    const ids = whole === undefined ? this.merge(this.byteIds(piece)) : [whole];
    if (piece.length <= MAX_REMEMBERED_LENGTH) {
      if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
      this.remembered.set(piece, ids);
    }
    return ids;
  }

  /** The tokens of the piece's bytes; a byte that has none is left out, as Hugging Face's tokenizers do. */
  private byteIds(piece: string): number[] {
    const ids: number[] = [];
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      if (unit >= 0x80) return Array.from(this.encoder.encode(piece), (byte) => this.idOfByte[byte]).filter((id) => id !== EMPTY);
      const id = this.idOfByte[unit];
      if (id !== EMPTY) ids.push(id);
    }
    return ids;
  }

  private merge(ids: number[]): readonly number[] {
    return ids.length <= MAX_SCANNED ? this.mergeScanning(ids) : this.mergeQueued(ids);
  }

  private rankOf(left: number, right: number): number {
    return this.rankOfPair.get(left * PAIR_BASE + right) ?? NO_RANK;
  }

  private mergeScanning(ids: number[]): readonly number[] {
    const { ranks } = this;
    let last = ids.length - 1;
    for (let at = 0; at < last; at++) ranks[at] = this.rankOf(ids[at], ids[at + 1]);
    while (last > 0) {
      let best = 0;
      for (let at = 1; at < last; at++) if (ranks[at] < ranks[best]) best = at;
      if (ranks[best] === NO_RANK) break;
      ids[best] = this.idOfRank[ranks[best]];
      last--;
      for (let at = best + 1; at <= last; at++) {
        ids[at] = ids[at + 1];
        ranks[at - 1] = ranks[at];
      }
      if (best < last) ranks[best] = this.rankOf(ids[best], ids[best + 1]);
      if (best > 0) ranks[best - 1] = this.rankOf(ids[best - 1], ids[best]);
    }
    ids.length = last + 1;
    return ids;
  }

  /** Merges in place: a symbol swallows its right neighbour, the places between stay empty. */
  private mergeQueued(ids: number[]): readonly number[] {
    const next = ids.map((_, at) => at + 1);
    const previous = ids.map((_, at) => at - 1);
    const heap = new PairHeap();
    const rankAt = (at: number) => (at >= 0 && next[at] < ids.length ? this.rankOf(ids[at], ids[next[at]]) : NO_RANK);
    const offer = (at: number): void => {
      const rank = rankAt(at);
      if (rank !== NO_RANK) heap.push(at, -rank);
    };
    for (let at = 0; at + 1 < ids.length; at++) offer(at);
    while (heap.size > 0) {
      const { key: at, count } = heap.pop();
      // The pair that was offered here may have been merged away since.
      if (ids[at] === EMPTY || rankAt(at) !== -count) continue;
      const right = next[at];
      ids[at] = this.idOfRank[-count];
      ids[right] = EMPTY;
      next[at] = next[right];
      if (next[at] < ids.length) previous[next[at]] = at;
      offer(previous[at]);
      offer(at);
    }
    return ids.filter((id) => id !== EMPTY);
  }
}

/** Whether nothing but vocabulary and merges decides: no dropout, no unknown token, no marks at word ends. */
function isPlain(model: TokenizerJson["model"]): boolean {
  const { type, dropout, unk_token, continuing_subword_prefix, end_of_word_suffix, byte_fallback } = model;
  return type === "BPE" && !dropout && !unk_token && !continuing_subword_prefix && !end_of_word_suffix && !byte_fallback;
}
