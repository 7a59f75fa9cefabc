// Counts over the tokens of one update, in TRL's definitions: means over all unmasked tokens, those of completions that
// were not computed included. Plain numbers; knows no tensors.
import { exp } from "../elementary.js";
import type { GrpoConfig } from "./config.js";
import { type LossRules, rulesOf } from "./loss-types.js";
import type { GrpoMetric } from "./metrics.js";
import type { UpdateSample } from "./policy-loss.js";

/** Figures of an update or of several. */
export type UpdateFigures = Partial<Record<GrpoMetric, number>>;

/** The completions of one update. */
export interface UpdateCounts {
  /** Unmasked ones and their tokens, those included that are not computed because they have no advantage. */
  readonly numCompletions: number;
  readonly numTokens: number;
  /** Those left out of the loss because they were cut off. */
  readonly numMasked: number;
}

/**
 * The figures of one update. Completions without an advantage are never clipped, so that they count without being
 * computed.
 */
export class UpdateTally {
  private computedTokens = 0;
  private numComputed = 0;
  private kl = 0;
  private entropy = 0;
  private readonly rules: LossRules;
  private readonly low: ClipShare;
  private readonly high: ClipShare;

  constructor(
    private readonly config: GrpoConfig,
    private readonly counts: UpdateCounts,
  ) {
    this.rules = rulesOf(config);
    // A masked completion has no tokens, but its ratio as a whole is 1.
    const numRatios = this.rules.ratio === "token" ? counts.numTokens : counts.numCompletions + counts.numMasked;
    this.low = new ClipShare(numRatios);
    this.high = new ClipShare(numRatios);
  }

  /** Takes in computed samples with the log-probabilities and entropies of their tokens, in order. */
  add(samples: readonly UpdateSample[], logp: ArrayLike<number>, entropy: ArrayLike<number>): void {
    let at = 0;
    for (const sample of samples) {
      const { oldLogProbs, refLogProbs } = sample;
      const first = at;
      const logRatios = Float64Array.from(oldLogProbs, (old, i) => logp[first + i] - old);
      for (let i = 0; i < oldLogProbs.length; i++, at++) {
        const toRef = refLogProbs ? refLogProbs[i] - logp[at] : 0;
        this.kl += exp(toRef) - toRef - 1;
        this.entropy += entropy[at];
      }
      this.countClipped(this.ratiosOf(logRatios), sample.advantages);
    }
    this.computedTokens += at;
    this.numComputed += samples.length;
  }

  /** The ratios that are clipped: of the tokens, or a single one of the completion. */
  private ratiosOf(logRatios: Float64Array): ArrayLike<number> {
    const { ratio } = this.rules;
    if (ratio === "token") return logRatios.map((each) => exp(each));
    const sum = logRatios.reduce((a, b) => a + b, 0);
    return [exp(ratio === "mean" ? sum / logRatios.length : sum)];
  }

  private countClipped(ratios: ArrayLike<number>, advantages: Float32Array): void {
    const { epsilon, epsilonHigh } = this.config;
    const upper = this.rules.objective === "weight" ? epsilonHigh : 1 + epsilonHigh;
    let [low, high] = [0, 0];
    for (let i = 0; i < ratios.length; i++) {
      if (ratios[i] < 1 - epsilon && advantages[i] < 0) low++;
      if (ratios[i] > upper && advantages[i] > 0) high++;
    }
    this.low.add(low, ratios.length);
    this.high.add(high, ratios.length);
  }

  figures(): UpdateFigures {
    return { ...this.perToken(), ...this.clipped() };
  }

  private perToken(): UpdateFigures {
    const { computedTokens: n } = this;
    if (n === 0) return {};
    const entropy = this.entropy / n;
    if (this.config.beta === 0) return { "trained/entropy": entropy };
    return this.rules.kl === "loss" ? { kl: this.kl / n, entropy } : { entropy };
  }

  private clipped(): UpdateFigures {
    const { low, high, counts } = this;
    if (this.rules.objective === "weight") return { cispo_clip_ratio: high.mean };
    const isOfTokens = this.rules.ratio === "token";
    const allComputed = this.numComputed === counts.numCompletions && (isOfTokens || counts.numMasked === 0);
    return {
      "clip_ratio/low_mean": low.mean,
      "clip_ratio/low_min": allComputed ? low.min : 0,
      "clip_ratio/high_mean": high.mean,
      "clip_ratio/high_max": high.max,
      "clip_ratio/region_mean": low.mean + high.mean,
    };
  }
}

/** Clipped ratios as a share of all, and the extreme shares of single completions. */
class ClipShare {
  private clipped = 0;
  private least = 1;
  private most = 0;
  constructor(private readonly numRatios: number) {}

  add(clipped: number, numRatios: number): void {
    this.clipped += clipped;
    this.least = Math.min(this.least, clipped / numRatios);
    this.most = Math.max(this.most, clipped / numRatios);
  }

  get mean(): number {
    return this.clipped / Math.max(1, this.numRatios);
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
