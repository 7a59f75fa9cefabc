// `blend`: proposers answer, and an aggregator that reads their answers gives the reply (Mixture-of-Agents, arXiv
// 2406.04692 §2.3, in words of our own).
import type { Policy, Sample } from "./course.js";
import type { Member } from "./member.js";

/** The policy. */
export const blendPolicy =
  (proposers: readonly Member[], aggregator: Member, samples: number): Policy =>
  async (course) => {
    const draws = proposers.flatMap((member) => Array.from({ length: samples }, () => member));
    const proposals = await Promise.all(draws.map((member, draw) => course.sample(member, draw)));
    return course.start(aggregator, draws.length, (question) => withProposals(question, proposals));
  };

/** The question as the aggregator gets it. */
export function withProposals(question: string, proposals: readonly Pick<Sample, "completion">[]): string {
  const listed = proposals.map(
    ({ completion }, i) => `[${i + 1}] ${completion.response.reply.trim() || "(no answer)"}`,
  );
  return [
    question,
    "",
    "Other models have answered this question. Some of their answers may be wrong. Check them, then answer the question " +
      "yourself.",
    ...listed,
  ].join("\n");
}
