// The built-in rewards by their names. Knows not what they do.
import { ConfigError } from "../errors.js";
import { type CodeRewardOptions, codeReward } from "./code/code-reward.js";
import type { RewardFunction } from "./reward.js";
import {
  accuracyReward,
  formatReward,
  type LanguageConsistencyOptions,
  languageConsistencyReward,
  lengthReward,
  type RepetitionPenaltyOptions,
  repetitionPenaltyReward,
  type SoftOverlongOptions,
  softOverlongPunishment,
  tagCountReward,
} from "./rewards.js";
import type { Task } from "./task.js";

const FACTORIES: Readonly<Record<string, (task: Task, options: unknown) => RewardFunction>> = {
  accuracy: accuracyReward,
  format: formatReward,
  tag_count: tagCountReward,
  length: lengthReward,
  soft_overlong_punishment: (_, options) => softOverlongPunishment(options as SoftOverlongOptions),
  repetition_penalty: (_, options) => repetitionPenaltyReward(options as RepetitionPenaltyOptions),
  language_consistency: (_, options) => languageConsistencyReward(options as LanguageConsistencyOptions),
  code: (_, options) => codeReward(options as CodeRewardOptions),
};

/** All names that the built-in rewards go by. */
export const REWARD_NAMES: readonly string[] = Object.keys(FACTORIES);

/**
 * A built-in reward by open-r1's name for it. @throws ConfigError for an unknown name, listing the known ones, or bad
 * options
 */
export function createReward(name: string, task: Task, options: unknown = {}): RewardFunction {
  if (!Object.hasOwn(FACTORIES, name))
    throw new ConfigError(`unknown reward "${name}"; known rewards: ${REWARD_NAMES.join(", ")}`);
  return FACTORIES[name](task, options);
}
