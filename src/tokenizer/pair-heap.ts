// A binary heap of symbol pairs, the most frequent first. Knows pairs as numbers and nothing of words.

/** Max-heap by count; equal counts are ordered by ascending key, which is what makes training deterministic. */
export class PairHeap {
  readonly #counts: number[] = [];
  readonly #keys: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  push(key: number, count: number): void {
    let at = this.size;
    this.#keys.push(key);
    this.#counts.push(count);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Takes the top out. The heap must not be empty. */
  pop(): { readonly key: number; readonly count: number } {
    const top = { key: this.#keys[0], count: this.#counts[0] };
    this.#swap(0, this.size - 1);
    this.#keys.pop();
    this.#counts.pop();
    for (let at = 0; ; ) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.size && this.#isBefore(child, first)) first = child;
      if (first === at) return top;
      this.#swap(at, first);
      at = first;
    }
  }

  #isBefore(a: number, b: number): boolean {
    return this.#counts[a] > this.#counts[b] || (this.#counts[a] === this.#counts[b] && this.#keys[a] < this.#keys[b]);
  }

  #swap(a: number, b: number): void {
    [this.#keys[a], this.#keys[b]] = [this.#keys[b], this.#keys[a]];
    [this.#counts[a], this.#counts[b]] = [this.#counts[b], this.#counts[a]];
  }
}
