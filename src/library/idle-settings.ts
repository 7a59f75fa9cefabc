// Options that were set and would change nothing: said by name, so that nobody waits for an effect. Knows no verb.
import { ConfigError } from "../errors.js";
import type { ModelOutline } from "../train/memory-plan.js";

/** An option by its path, and why it would change nothing where it would not. */
export type IdleRule = readonly [path: string, isIdle: boolean, why: string];

/** Throws ConfigError for the first option among those given that would change nothing. */
export function refuseIdle(given: object, rules: readonly IdleRule[]): void {
  for (const [path, isIdle, why] of rules) {
    if (isIdle && isGiven(given, path)) throw new ConfigError(`${path} has no effect: ${why}; leave it out`);
  }
}

function isGiven(given: object, path: string): boolean {
  let at: unknown = given;
  for (const key of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as Record<string, unknown>)[key];
  }
  return true;
}

/** What only a mixture of experts, or only multi-token prediction, makes use of. `prefix` stands before the names. */
export function architectureRules(
  { hasExperts, hasRouterBias, hasMtp }: Pick<ModelOutline, "hasExperts" | "hasRouterBias" | "hasMtp">,
  prefix = "",
): IdleRule[] {
  return [
    [`${prefix}mtpWeight`, !hasMtp, "the model has no multi-token prediction layer"],
    [`${prefix}balanceAlpha`, !hasExperts, "the model has no experts"],
    [
      `${prefix}routerBiasStep`,
      !hasRouterBias,
      hasExperts ? "the model's router has no bias" : "the model has no experts",
    ],
  ];
}
