// Counts over the tokens of one update, in TRL's definitions: means over all unmasked tokens, those of completions that
// were not computed included. Plain numbers; knows no tensors.
import { exp } from "../elementary.js";
import type { GrpoConfig } from "./config.js";
import type { GrpoMetric } from "./metrics.js";
import type { UpdateSample } from "./policy-loss.js";

/** Figures of an update or of several. */
export type UpdateFigures = Partial<Record<GrpoMetric, number>>;

/**
 * The figures of one update. Completions without an advantage are never clipped, so that they count without being
 * computed.
 */
export class UpdateTally {
  private computedTokens = 0;
  private numComputed = 0;
  private kl = 0;
  private entropy = 0;
  private readonly low: ClipShare;
  private readonly high: ClipShare;

  /** `numTokens` and `numCompletions` count all unmasked ones of the update. */
  constructor(
    private readonly config: GrpoConfig,
    numTokens: number,
    private readonly numCompletions: number,
  ) {
    this.low = new ClipShare(numTokens);
    this.high = new ClipShare(numTokens);
  }

  /** Takes in computed samples with the log-probabilities and entropies of their tokens, in order. */
  add(samples: readonly UpdateSample[], logp: ArrayLike<number>, entropy: ArrayLike<number>): void {
    const { epsilon, epsilonHigh } = this.config;
    let at = 0;
    for (const { oldLogProbs, refLogProbs, advantage } of samples) {
      let [low, high] = [0, 0];
      for (let i = 0; i < oldLogProbs.length; i++, at++) {
        const ratio = exp(logp[at] - oldLogProbs[i]);
        const toRef = refLogProbs ? refLogProbs[i] - logp[at] : 0;
        this.kl += exp(toRef) - toRef - 1;
        this.entropy += entropy[at];
        if (ratio < 1 - epsilon && advantage < 0) low++;
        if (ratio > 1 + epsilonHigh && advantage > 0) high++;
      }
      this.low.add(low, oldLogProbs.length);
      this.high.add(high, oldLogProbs.length);
    }
    this.computedTokens += at;
    this.numComputed += samples.length;
  }

  figures(): UpdateFigures {
    const { low, high, computedTokens: n } = this;
    const allComputed = this.numComputed === this.numCompletions;
    const perToken: UpdateFigures =
      this.config.beta > 0 ? { kl: this.kl / n, entropy: this.entropy / n } : { "trained/entropy": this.entropy / n };
    return {
      ...(n > 0 ? perToken : {}),
      "clip_ratio/low_mean": low.mean,
      "clip_ratio/low_min": allComputed ? low.min : 0,
      "clip_ratio/high_mean": high.mean,
      "clip_ratio/high_max": high.max,
      "clip_ratio/region_mean": low.mean + high.mean,
    };
  }
}

/** Clipped tokens as a share of all, and the extreme shares of single completions. */
class ClipShare {
  private clipped = 0;
  private least = 1;
  private most = 0;
  constructor(private readonly numTokens: number) {}

  add(clipped: number, length: number): void {
    this.clipped += clipped;
    this.least = Math.min(this.least, clipped / length);
    this.most = Math.max(this.most, clipped / length);
  }

  get mean(): number {
    return this.clipped / Math.max(1, this.numTokens);
  }
  get min(): number {
    return this.clipped === 0 ? 0 : this.least;
  }
  get max(): number {
    return this.most;
  }
}

/** How far trainer and sampler are apart on the tokens of a step's first update, before anything has moved. */
export class SamplerGap {
  private tokens = 0;
  private sum = 0;
  private max = 0;

  add(samples: readonly UpdateSample[], logp: ArrayLike<number>): void {
    let at = 0;
    for (const { oldLogProbs } of samples) {
      for (let i = 0; i < oldLogProbs.length; i++, at++) {
        const gap = Math.abs(logp[at] - oldLogProbs[i]);
        this.sum += gap;
        this.max = Math.max(this.max, gap);
      }
    }
    this.tokens += at;
  }

  figures(): UpdateFigures {
    if (this.tokens === 0) return {};
    return {
      "trained/sampling_logp_difference/mean": this.sum / this.tokens,
      "trained/sampling_logp_difference/max": this.max,
    };
  }
}

/** Means over several updates; a figure that some did not measure is the mean of the others. */
export function meanFigures(updates: readonly UpdateFigures[]): UpdateFigures {
  const names = new Set(updates.flatMap((each) => Object.keys(each) as GrpoMetric[]));
  const meanOf = (name: GrpoMetric) => {
    const values = updates.flatMap((each) => each[name] ?? []);
    return values.reduce((a, b) => a + b, 0) / values.length;
  };
  return Object.fromEntries([...names].map((name) => [name, meanOf(name)]));
}
