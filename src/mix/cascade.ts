// `cascade`: small members first; a question goes on to the next where the samples of one disagree or were unlikely
// (FrugalGPT, arXiv 2305.05176; by agreement: arXiv 2310.03094).
import type { Course, Policy, Sample } from "./course.js";
import type { Member } from "./member.js";
import type { Chooser } from "./route.js";
import { holdVote, type Vote } from "./vote.js";

/** When a stage is believed. */
export interface Threshold {
  readonly agreement: number;
  readonly logProb: number | null;
}

/** How sure a stage is. */
export interface Confidence {
  /** The share of all its samples that give the winning answer. */
  readonly agreement: number;
  /** Mean log-probability of a token of these samples. */
  readonly logProb: number;
}

/** How a cascade goes on. */
export interface CascadeRules {
  readonly samples: number;
  readonly lastSamples: number;
  /** One for each stage but the last. */
  readonly thresholds: readonly Threshold[];
}

/** The policy: `stages` choose the members that are asked before the `last`. */
export const cascadePolicy =
  (stages: readonly Chooser[], last: Member, { samples, lastSamples, thresholds }: CascadeRules): Policy =>
  async (course) => {
    for (const [i, threshold] of thresholds.entries()) {
      const vote = await holdStage(course, stages[i], samples);
      if (vote && isSure(confidenceOf(vote), threshold)) return vote.winner;
    }
    if (lastSamples === 1) return course.start(last, 0);
    return (await holdVote(course, [last], { samples: lastSamples, round: null })).winner;
  };

/** The vote of one stage, all samples at once; undefined where nobody is chosen. */
export async function holdStage(course: Course, choose: Chooser, samples: number): Promise<Vote | undefined> {
  const member = await choose(course);
  return member && holdVote(course, [member], { samples, round: samples });
}

/** Whether a stage is believed. */
export const isSure = ({ agreement, logProb }: Confidence, threshold: Threshold): boolean =>
  agreement >= threshold.agreement && logProb >= (threshold.logProb ?? Number.NEGATIVE_INFINITY);

/** How sure a vote is: without any answer not at all. */
export function confidenceOf({ ballot, samples }: Pick<Vote, "ballot" | "samples">): Confidence {
  const voters = ballot.lead?.voters ?? [];
  const tokens = voters.reduce((sum, { completion }) => sum + completion.logProbs.length, 0);
  if (tokens === 0) return { agreement: voters.length / samples.length, logProb: Number.NEGATIVE_INFINITY };
  return { agreement: voters.length / samples.length, logProb: voters.reduce(sumOfLogProbs, 0) / tokens };
}

const sumOfLogProbs = (total: number, { completion }: Sample): number =>
  completion.logProbs.reduce((sum, logProb) => sum + logProb, total);
