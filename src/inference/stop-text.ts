// Finds texts that end a completion, across the borders of the pieces the text comes in, and never lets one out. Knows text alone.

/** Lets text through until one of the stop texts comes. */
export class StopText {
  private held = "";
  /** The stop text that was found; nothing comes out after it. */
  found?: string;

  constructor(private readonly stops: readonly string[]) {}

  /** Takes more text and gives what has become certain: the end of it is held back while it may be the beginning of a stop text. */
  push(text: string): string {
    if (this.found !== undefined || this.stops.length === 0) return this.found === undefined ? text : "";
    this.held += text;
    const first = this.firstStop();
    if (first) {
      this.found = first.stop;
      return this.held.slice(0, first.at);
    }
    const certain = this.held.length - this.numUncertain();
    const out = this.held.slice(0, certain);
    this.held = this.held.slice(certain);
    return out;
  }

  /** The rest, when no more text will come. */
  flush(): string {
    const rest = this.found === undefined ? this.held : "";
    this.held = "";
    return rest;
  }

  /** The stop text that begins first; of two that begin together, the longer. */
  private firstStop(): { stop: string; at: number } | undefined {
    const found = this.stops.map((stop) => ({ stop, at: this.held.indexOf(stop) })).filter(({ at }) => at >= 0);
    return found.sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)[0];
  }

  /** Length of the longest end of the text that may grow into a stop text. */
  private numUncertain(): number {
    const longest = Math.max(...this.stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, this.held.length); length > 0; length--) {
      const end = this.held.slice(this.held.length - length);
      if (this.stops.some((stop) => stop.length > length && stop.startsWith(end))) return length;
    }
    return 0;
  }
}
