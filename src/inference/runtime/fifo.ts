// First in, first out. Taking costs no more than pushing, and what was taken is let go even where it is never empty.

/** Values taken from the front before the list is cut. */
const CUT = 1024;

/** A queue of values. */
export class Fifo<T> {
  private readonly values: T[] = [];
  private next = 0;

  /** Values that wait. */
  get length(): number {
    return this.values.length - this.next;
  }

  push(...values: readonly T[]): void {
    for (const value of values) this.values.push(value);
  }

  /** The value that has waited longest; undefined where none does. */
  take(): T | undefined {
    if (this.length === 0) return undefined;
    const value = this.values[this.next++];
    if (this.length === 0 || this.next === CUT) {
      this.values.splice(0, this.next);
      this.next = 0;
    }
    return value;
  }
}
