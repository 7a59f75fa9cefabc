// Byte-pair merging over ids (Sennrich et al. 2016): the lowest-ranked pair first, the leftmost among equals. Knows one
// piece of text at a time.
import { CHARACTER_OF_BYTE, toByteCharacters } from "./byte-alphabet.js";
import { PairHeap } from "./pair-heap.js";
import { NOT_THERE, PairTable } from "./pair-table.js";
import type { TokenizerJson } from "./tokenizer.js";

/** Pieces remembered before all are forgotten; a text uses the same words again and again. */
const MAX_REMEMBERED = 1 << 17;
const MAX_REMEMBERED_LENGTH = 64;
/** Up to so many symbols looking through all pairs is quicker than keeping them in order. */
const MAX_SCANNED = 48;
/** No token: a byte without one, or the place of one that was merged. */
const EMPTY = -1;
const NO_RANK = Number.POSITIVE_INFINITY;

/** What merges, and into what. */
interface Merges {
  readonly rankOfPair: PairTable;
  readonly idOfRank: Int32Array;
}

/** A byte-level vocabulary with its merges. */
export class BpeModel {
  private readonly idOfByte: Int32Array;
  private readonly remembered = new Map<string, readonly number[]>();
  private readonly encoder = new TextEncoder();
  /** Ranks of the pairs of the piece at hand. */
  private readonly ranks: number[] = [];

  private constructor(
    readonly vocab: ReadonlyMap<string, number>,
    private readonly merges: Merges,
    private readonly ignoreMerges: boolean,
  ) {
    this.idOfByte = Int32Array.from(CHARACTER_OF_BYTE, (character) => vocab.get(character) ?? EMPTY);
  }

  /**
   * The model of a tokenizer.json, or undefined for one that is no plain BPE, or whose merges name tokens that it
   * lacks.
   */
  static fromJson({ model }: TokenizerJson): BpeModel | undefined {
    if (!isPlain(model) || typeof model.vocab !== "object" || model.vocab === null) return undefined;
    const vocab = new Map(Object.entries(model.vocab as Record<string, number>));
    const merges = readMerges(model.merges ?? [], vocab);
    return merges && new BpeModel(vocab, merges, model.ignore_merges === true);
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
      if (unit >= 0x80)
        return Array.from(this.encoder.encode(piece), (byte) => this.idOfByte[byte]).filter((id) => id !== EMPTY);
      const id = this.idOfByte[unit];
      if (id !== EMPTY) ids.push(id);
    }
    return ids;
  }

  private merge(ids: number[]): readonly number[] {
    return ids.length <= MAX_SCANNED ? this.mergeScanning(ids) : this.mergeQueued(ids);
  }

  private rankOf(left: number, right: number): number {
    const rank = this.merges.rankOfPair.get(left, right);
    return rank === NOT_THERE ? NO_RANK : rank;
  }

  private mergeScanning(ids: number[]): readonly number[] {
    const { ranks } = this;
    const { idOfRank } = this.merges;
    let last = ids.length - 1;
    for (let at = 0; at < last; at++) ranks[at] = this.rankOf(ids[at], ids[at + 1]);
    while (last > 0) {
      let best = 0;
      for (let at = 1; at < last; at++) if (ranks[at] < ranks[best]) best = at;
      if (ranks[best] === NO_RANK) break;
      ids[best] = idOfRank[ranks[best]];
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
    const { idOfRank } = this.merges;
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
      ids[at] = idOfRank[-count];
      ids[right] = EMPTY;
      next[at] = next[right];
      if (next[at] < ids.length) previous[next[at]] = at;
      offer(previous[at]);
      offer(at);
    }
    return ids.filter((id) => id !== EMPTY);
  }
}

/** The merges by ids; undefined where one names a token that the vocabulary lacks. */
function readMerges(merges: readonly unknown[], vocab: ReadonlyMap<string, number>): Merges | undefined {
  const tokens: string[] = [];
  for (const [token, id] of vocab) tokens[id] = token;
  const rankOfPair = new PairTable(merges.length);
  const idOfRank = new Int32Array(merges.length);
  let id = NOT_THERE;
  for (let rank = 0; rank < merges.length; rank++) {
    const merge = merges[rank];
    const space = typeof merge === "string" ? merge.indexOf(" ") : 0;
    const [left, right] =
      typeof merge === "string" ? [merge.slice(0, space), merge.slice(space + 1)] : (merge as [string, string]);
    const [leftId, rightId] = [vocab.get(left), vocab.get(right)];
    if (leftId === undefined || rightId === undefined) return undefined;
    // Trained vocabularies number tokens as they were merged: looking at the next is quicker than looking one up.
    id = isPair(tokens[id + 1], left, right) ? id + 1 : (vocab.get(left + right) ?? NOT_THERE);
    if (id === NOT_THERE) return undefined;
    rankOfPair.set(leftId, rightId, rank);
    idOfRank[rank] = id;
  }
  return { rankOfPair, idOfRank };
}

const isPair = (token: string | undefined, left: string, right: string): boolean =>
  token !== undefined && token.length === left.length + right.length && token.startsWith(left) && token.endsWith(right);

/** Whether nothing but vocabulary and merges decides: no dropout, no unknown token, no marks at word ends. */
function isPlain(model: TokenizerJson["model"]): boolean {
  const { type, dropout, unk_token, continuing_subword_prefix, end_of_word_suffix, byte_fallback } = model;
  return (
    type === "BPE" && !dropout && !unk_token && !continuing_subword_prefix && !end_of_word_suffix && !byte_fallback
  );
}
