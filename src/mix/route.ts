// `route`: one member for each question, by rules or by a learnt router.
import { ConfigError } from "../errors.js";
import type { Course, Policy } from "./course.js";
import type { Member } from "./member.js";
import { type VoteRules, votePolicy } from "./vote.js";

/** Chooses a member for a question; undefined: it has no opinion. */
export type Chooser = (course: Course) => Member | undefined | Promise<Member | undefined>;

/** The policy: the first chooser with an opinion decides; several samples of the chosen member vote. */
export const routePolicy =
  (choosers: readonly Chooser[], rules: VoteRules): Policy =>
  async (course) => {
    for (const choose of choosers) {
      const member = await choose(course);
      if (member) return votePolicy([member], rules)(course);
    }
    throw new ConfigError('policy route: no rule applies to this question; name a member with "otherwise"');
  };

/** Rules: a pattern that the question contains, and the member that answers then. */
export function ruleChooser(
  rules: readonly { readonly pattern: string; readonly member: string }[],
  members: readonly Member[],
): Chooser {
  const made = rules.map(({ pattern, member }) => ({ pattern: patternOf(pattern), member }));
  return ({ question }) => {
    const rule = made.find(({ pattern }) => pattern.test(question.text));
    return rule && members.find(({ name }) => name === rule.member);
  };
}

function patternOf(source: string): RegExp {
  try {
    return new RegExp(source, "iu");
  } catch (error) {
    throw new ConfigError(`policy route: rules: ${(error as Error).message}`, { cause: error });
  }
}
