// Notices when the last tokens are one cycle over and over. Knows ids, not what they mean.

/** When a cycle counts as a loop. */
export interface LoopLimits {
  /** Longest cycle looked for, in tokens. */
  readonly maxPeriod: number;
  /** Times the cycle must stand in a row. */
  readonly minRepeats: number;
  /** Tokens all of them must fill together. */
  readonly minTokens: number;
}

/** A cycle of up to 256 tokens that stands at least four times in a row and fills at least 256 tokens. */
export const DEFAULT_LOOP: LoopLimits = { maxPeriod: 256, minRepeats: 4, minTokens: 256 };

/** Watches a stream of tokens; each costs maxPeriod comparisons. */
export class LoopDetector {
  private readonly recent: Int32Array;
  /** For each period p, how many of the last tokens in a row equal the one p before. */
  private readonly matches: Int32Array;
  private count = 0;

  constructor(private readonly limits: LoopLimits) {
    this.recent = new Int32Array(limits.maxPeriod);
    this.matches = new Int32Array(limits.maxPeriod + 1);
  }

  /** Takes the next token; whether the stream now ends in a loop. */
  push(id: number): boolean {
    const { recent, matches, count } = this;
    const { maxPeriod, minRepeats, minTokens } = this.limits;
    let isLoop = false;
    for (let period = 1, at = count % maxPeriod; period <= Math.min(maxPeriod, count); period++) {
      at = at === 0 ? maxPeriod - 1 : at - 1;
      if (recent[at] !== id) matches[period] = 0;
      else if (++matches[period] + period >= Math.max(minTokens, period * minRepeats)) isLoop = true;
    }
    recent[count % maxPeriod] = id;
    this.count++;
    return isLoop;
  }

  /** Starts afresh. */
  reset(): void {
    this.matches.fill(0);
    this.count = 0;
  }
}
