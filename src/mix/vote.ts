// `vote`: self-consistency (Wang et al., arXiv 2203.11171) within one member and across several. Samples are drawn in
// rounds; the vote ends when the majority can no longer be overturned.
import { Ballot } from "./ballot.js";
import type { Course, Policy, Sample } from "./course.js";
import type { Member } from "./member.js";

/** How a vote is held. */
export interface VoteRules {
  /** Samples at most. */
  readonly samples: number;
  /** Samples that are drawn at the same time; null: one of each member, at least two. */
  readonly round: number | null;
}

/** A vote that was held. */
export interface Vote {
  /** The first sample that gave the winning answer; the first of all where none gave any. */
  readonly winner: Sample;
  readonly ballot: Ballot<Sample>;
  readonly samples: readonly Sample[];
}

/** The policy. */
export const votePolicy =
  (members: readonly Member[], rules: VoteRules): Policy =>
  async (course) =>
    rules.samples === 1 ? course.start(members[0], 0) : (await holdVote(course, members, rules)).winner;

/** Holds a vote over samples that are drawn from the members in turn. A round without any answer ends it. */
export async function holdVote(
  course: Course,
  members: readonly Member[],
  { samples: most, round }: VoteRules,
): Promise<Vote> {
  const perRound = round ?? Math.max(2, members.length);
  const ballot = new Ballot<Sample>(course.question.isSame);
  const samples: Sample[] = [];
  while (samples.length < most) {
    const draws = Array.from({ length: Math.min(perRound, most - samples.length) }, (_, i) => samples.length + i);
    const drawn = await Promise.all(draws.map((draw) => course.sample(members[draw % members.length], draw)));
    for (const sample of drawn) ballot.add(sample, sample.answer);
    samples.push(...drawn);
    if (ballot.parties.length === 0 || ballot.isSettled(most - samples.length)) break;
  }
  return { winner: ballot.lead?.voters[0] ?? samples[0], ballot, samples };
}
