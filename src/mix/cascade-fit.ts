// Chooses the thresholds of a cascade from answers to validation problems. Plain numbers.
import { type Confidence, isSure, type Threshold } from "./cascade.js";

/** What one member came to on a problem. */
export interface StageCase extends Confidence {
  /** Whether its answer is right, 0 … 1. */
  readonly right: number;
  /** FLOPs of all its samples. */
  readonly flops: number;
}

/** What all members came to on a problem, in their order. */
export interface CascadeCase {
  readonly stages: readonly StageCase[];
}

/** What a choice comes to on the problems that it was made on. */
export interface CascadeFit {
  readonly accuracy: number;
  readonly lastAccuracy: number;
  readonly flopShare: number;
}

/** Accuracy and FLOPs of a cascade from a stage on, of one problem. */
interface Outcome {
  readonly right: number;
  readonly flops: number;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** No mean log-probability of sampled tokens is as high: the stage is never believed. */
const NEVER: Threshold = { agreement: 1, logProb: 0 };
/** Cuts of the log-probability that are tried, as shares of the problems. */
const CUTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/**
 * The thresholds with the fewest FLOPs that keep the share `keep` of the last member's accuracy, chosen from the last
 * stage to the first. Where none keeps it, a stage is never believed.
 */
export function fitThresholds(
  cases: readonly CascadeCase[],
  keep: number,
): { readonly thresholds: Threshold[]; readonly fit: CascadeFit } {
  const numStages = cases[0].stages.length;
  const last = cases.map(({ stages }): Outcome => stages[numStages - 1]);
  const needed = keep * sum(last.map(({ right }) => right));
  let behind = last;
  const thresholds: Threshold[] = [];
  for (let place = numStages - 2; place >= 0; place--) {
    const own = cases.map(({ stages }) => stages[place]);
    const best = cheapest(own, behind, needed);
    thresholds.unshift(best.threshold);
    behind = best.outcomes;
  }
  const total = (list: readonly Outcome[], key: keyof Outcome) => sum(list.map((outcome) => outcome[key]));
  const fit = {
    accuracy: total(behind, "right") / cases.length,
    lastAccuracy: total(last, "right") / cases.length,
    flopShare: total(behind, "flops") / total(last, "flops"),
  };
  return { thresholds, fit };
}

function cheapest(own: readonly StageCase[], behind: readonly Outcome[], needed: number) {
  const outcomesOf = (threshold: Threshold) =>
    own.map((stage, i): Outcome => {
      if (isSure(stage, threshold)) return stage;
      return { right: behind[i].right, flops: stage.flops + behind[i].flops };
    });
  const tried = candidates(own).map((threshold) => {
    const outcomes = outcomesOf(threshold);
    const right = sum(outcomes.map((outcome) => outcome.right));
    return { threshold, outcomes, right, flops: sum(outcomes.map((outcome) => outcome.flops)) };
  });
  const good = tried.filter(({ right }) => right >= needed - 1e-9);
  const none = { threshold: NEVER, outcomes: outcomesOf(NEVER), right: 0, flops: Number.POSITIVE_INFINITY };
  return good.reduce((best, each) => (each.flops < best.flops ? each : best), none);
}

/** Every share of agreement that occurs, with and without a bound on the log-probability. */
function candidates(own: readonly StageCase[]): Threshold[] {
  const agreements = [...new Set(own.map(({ agreement }) => agreement))].filter((share) => share > 0);
  const logProbs = own.map(({ logProb }) => logProb).filter(Number.isFinite);
  const sorted = logProbs.sort((a, b) => a - b);
  const cuts = [null, ...CUTS.map((cut) => sorted[Math.floor(cut * sorted.length)]).filter((cut) => cut !== undefined)];
  return agreements.flatMap((agreement) => cuts.map((logProb) => ({ agreement, logProb })));
}
