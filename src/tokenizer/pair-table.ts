// A hash table from pairs of ids to a number, in two flat arrays: several times as quick to fill and to ask as a Map of
// combined keys. Knows nothing of what the numbers mean.

/** Stands for a pair that is not there. */
export const NOT_THERE = -1;

/** Pairs of whole numbers ≥ 0 and the number ≥ 0 each has; open addressing, at most half full. */
export class PairTable {
  private readonly mask: number;
  /** Left, right and value of each place; NOT_THERE on the left where it is free. */
  private readonly places: Int32Array;

  /** A table for at most so many pairs. */
  constructor(numPairs: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * numPairs)));
    this.mask = size - 1;
    this.places = new Int32Array(3 * size).fill(NOT_THERE);
  }

  /** Gives a pair its number; a later one takes the place of an earlier. */
  set(left: number, right: number, value: number): void {
    const at = this.placeOf(left, right);
    this.places[at] = left;
    this.places[at + 1] = right;
    this.places[at + 2] = value;
  }

  /** The pair's number, or NOT_THERE. */
  get(left: number, right: number): number {
    return this.places[this.placeOf(left, right) + 2];
  }

  /** Where the pair stands, or the free place where it would. */
  private placeOf(left: number, right: number): number {
    const { places, mask } = this;
    // Multiplicative hashing (Knuth): odd constants near 2^32 divided by the golden ratio, the high bits folded down.
    const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77);
    let at = (mixed ^ (mixed >>> 15)) & mask;
    while (places[3 * at] !== NOT_THERE && (places[3 * at] !== left || places[3 * at + 1] !== right))
      at = (at + 1) & mask;
    return 3 * at;
  }
}
