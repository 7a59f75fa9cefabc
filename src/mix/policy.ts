// From the options of a policy to the policy itself, over opened members.
import { dirname, isAbsolute, join } from "node:path";
import { ConfigError } from "../errors.js";
import type { RewardModel } from "../preference/reward-model.js";
import { bestOfPolicy, rewardJudge, verifierJudge } from "./best-of.js";
import { blendPolicy } from "./blend.js";
import { cascadePolicy } from "./cascade.js";
import type { Policy } from "./course.js";
import type { Member } from "./member.js";
import type { MixFile } from "./mix-file.js";
import type { PolicyOf } from "./policy-options.js";
import { type Chooser, routePolicy, ruleChooser } from "./route.js";
import { routerChooser } from "./router.js";
import { votePolicy } from "./vote.js";

/**
 * The policy of a mix that was not refused. `openJudge` opens a reward model, once. Throws ConfigError for rules and
 * routers that cannot be.
 */
export async function policyOf(
  { file, policy }: MixFile,
  members: readonly Member[],
  openJudge: (directory: string) => Promise<RewardModel>,
): Promise<Policy> {
  switch (policy.kind) {
    case "vote":
      return votePolicy(members, policy);
    case "best-of": {
      const directory = /^rm:(.+)$/.exec(policy.judge)?.[1];
      const judge = directory === undefined ? verifierJudge : rewardJudge(await openJudge(besides(file, directory)));
      return bestOfPolicy(members, policy.samples, judge);
    }
    case "cascade":
      return cascadePolicy(cascadeStages(file, policy, members), members[members.length - 1], {
        ...policy,
        thresholds: policy.thresholds ?? [],
      });
    case "route":
      return routePolicy(choosersOf(file, policy, members), policy);
    case "blend": {
      const aggregator = members.find(({ name }) => name === policy.aggregator) ?? members[members.length - 1];
      const others = members.filter((each) => each !== aggregator);
      return blendPolicy(others.length > 0 ? others : [aggregator], aggregator, policy.samples);
    }
  }
}

/** A path from the folder of mix.json. */
const besides = (file: string, path: string): string => (isAbsolute(path) ? path : join(dirname(file), path));

/** Throws ConfigError for a policy that is not fitted yet, or that needs more members: said before any is opened. */
export function refuseUnfitted({
  file,
  policy,
  members,
}: Pick<MixFile, "file" | "policy"> & { readonly members: readonly unknown[] }): void {
  if (policy.kind === "cascade") refuseCascade(file, policy, members.length);
  else if (policy.kind === "route" && policy.router === null && policy.otherwise === null)
    throw new ConfigError(
      `${file}: this route has no router yet; fit one on problems of a task (luciole mix fit ${file} --task …), or ` +
        'name a member with "otherwise"',
    );
}

/** Who is asked before the last member: each in its order, or the one that a router chooses. */
export function cascadeStages(file: string, { router }: PolicyOf<"cascade">, members: readonly Member[]): Chooser[] {
  const small = members.slice(0, -1);
  return router === null ? small.map((member) => () => member) : [routerChooser(besides(file, router), small)];
}

function refuseCascade(file: string, { thresholds, router }: PolicyOf<"cascade">, numMembers: number): void {
  const expected = router === null ? numMembers - 1 : 1;
  if (numMembers < 2) throw new ConfigError(`${file}: a cascade needs at least two members, the smallest first`);
  if (thresholds === null)
    throw new ConfigError(
      `${file}: this cascade has no thresholds yet; fit them on problems of a task: luciole mix fit ${file} --task …`,
    );
  if (thresholds.length !== expected)
    throw new ConfigError(
      `${file}: the cascade has ${thresholds.length} thresholds for ${numMembers} members; expected one for each ` +
        `stage but the last, ${expected}`,
    );
}

function choosersOf(
  file: string,
  { rules, router, encoder, otherwise }: PolicyOf<"route">,
  members: readonly Member[],
): Chooser[] {
  const member = (name: string | null) => members.find((each) => each.name === name);
  const last = member(otherwise);
  return [
    ...(rules.length > 0 ? [ruleChooser(rules, members)] : []),
    ...(router === null ? [] : [routerChooser(besides(file, router), members, member(encoder) ?? members[0])]),
    ...(last ? [() => last] : []),
  ];
}
