// The built-in rewards, as TRL and open-r1 know them, but for the one that runs programs. Rule-based only; knows no
// policy and no algorithm.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { parseOptions } from "./options.js";
import { RESPONSE_TAGS } from "./response.js";
import { batchReward, type RewardFunction, type RewardSample, type RewardValue, sampleReward } from "./reward.js";
import type { Task } from "./task.js";
import { languageShares } from "./thoughts/languages.js";

/**
 * The task's own verdict on the answer, 0 … 1; 0 where no answer was given. Null for a problem that has no verifier.
 */
export function accuracyReward(task: Task): RewardFunction {
  return sampleReward("accuracy_reward", (sample) => (verifies(task, sample) ? accuracyOf(task, sample) : null));
}

const verifies = (task: Task, { problem }: RewardSample): boolean => task.hasVerifier?.(problem) ?? true;

const accuracyOf = (task: Task, { problem, answer }: RewardSample): number =>
  answer === null ? 0 : task.verify(problem, answer);

/** 1 when the response is `<think>…</think><answer>…</answer>`, each tag once and in order, else 0. */
export function formatReward(): RewardFunction {
  return sampleReward("format_reward", ({ wellFormed }) => (wellFormed ? 1 : 0));
}

/**
 * A quarter for each of the four tags that occurs exactly once: a gentler slope towards the format than `formatReward`.
 */
export function tagCountReward(): RewardFunction {
  return sampleReward("tag_count_reward", ({ tags }) => {
    return (
      RESPONSE_TAGS.filter((tag) => tags.filter((each) => each === tag).length === 1).length / RESPONSE_TAGS.length
    );
  });
}

/**
 * Shorter is better within the samples of one problem (Kimi k1.5, arXiv 2501.12599 §2.3.3): λ = 0.5 - (len - min)/(max
 * - min) for a right answer, min(0, λ) for a wrong one; 0 when all lengths are equal; null
 * without a verifier. Lengths in tokens.
 */
export function lengthReward(task: Task): RewardFunction {
  return batchReward("length_reward", (samples) => {
    const rangeById = new Map<string, { min: number; max: number }>();
    for (const { problem, completionIds } of samples) {
      const range = rangeById.get(problem.id) ?? { min: Number.POSITIVE_INFINITY, max: 0 };
      rangeById.set(problem.id, {
        min: Math.min(range.min, completionIds.length),
        max: Math.max(range.max, completionIds.length),
      });
    }
    return samples.map((sample): RewardValue => {
      const { min, max } = rangeById.get(sample.problem.id) ?? { min: 0, max: 0 };
      if (!verifies(task, sample)) return null;
      if (max === min) return 0;
      const lambda = 0.5 - (sample.completionIds.length - min) / (max - min);
      return accuracyOf(task, sample) === 1 ? lambda : Math.min(0, lambda);
    });
  });
}

/** The options, as zod checks them. */
export const overlongSchema = z.strictObject({
  /** Length at which the full penalty applies. `luciole rl` uses rl.maxCompletionLength by default. */
  maxCompletionTokens: z.number().int().positive(),
  /**
   * The penalty grows linearly over this many tokens before that length. `luciole rl` uses a fifth of the length by
   * default, as DAPO does.
   */
  cacheTokens: z.number().int().positive(),
});

/** Where the penalty begins and where it is whole. */
export type SoftOverlongOptions = z.input<typeof overlongSchema>;

/**
 * DAPO's soft overlong punishment (arXiv 2503.14476 eq. 13): 0, then falling linearly to -1 over the last
 * `cacheTokens`, -1 beyond.
 */
export function softOverlongPunishment(input: SoftOverlongOptions): RewardFunction {
  const { maxCompletionTokens, cacheTokens } = parseOptions(overlongSchema, input, "reward soft_overlong_punishment");
  if (cacheTokens > maxCompletionTokens) {
    throw new ConfigError(
      `reward soft_overlong_punishment: cacheTokens must not exceed maxCompletionTokens, got ${cacheTokens} ` +
        `and ${maxCompletionTokens}`,
    );
  }
  const free = maxCompletionTokens - cacheTokens;
  return sampleReward("soft_overlong_punishment", ({ completionIds }) => {
    if (completionIds.length <= free) return 0;
    return Math.max(-1, (free - completionIds.length) / cacheTokens);
  });
}

/** The options, as zod checks them. */
export const repetitionSchema = z.strictObject({
  /** Number of tokens in an n-gram. */
  ngramSize: z.number().int().min(1).default(3),
  /** Reward of a completion that consists of repetition only. */
  maxPenalty: z.number().nonpositive().default(-1),
});

/** What counts as a repetition and how much it costs. */
export type RepetitionPenaltyOptions = z.input<typeof repetitionSchema>;

/**
 * (1 - distinct/all n-grams) · maxPenalty, as in open-r1 but over token ids instead of words, so it works for any
 * language or notation; 0 for completions shorter than one n-gram.
 */
export function repetitionPenaltyReward(input: RepetitionPenaltyOptions = {}): RewardFunction {
  const { ngramSize, maxPenalty } = parseOptions(repetitionSchema, input, "reward repetition_penalty");
  return sampleReward("repetition_penalty_reward", ({ completionIds }) => {
    const numNgrams = completionIds.length - ngramSize + 1;
    if (numNgrams <= 0) return 0;
    const ids = Array.from(completionIds);
    const distinct = new Set(Array.from({ length: numNgrams }, (_, i) => ids.slice(i, i + ngramSize).join(" ")));
    return (1 - distinct.size / numNgrams) * maxPenalty;
  });
}

/** The options, as zod checks them. */
export const languageConsistencySchema = z.strictObject({
  /** The language that thoughts should be in. */
  language: z.enum(["english", "symbols"]).default("english"),
  /** Whether signs of formulas (`3*4=12`) count as another language than English; if not, they count as nothing. */
  countFormulas: z.boolean().default(true),
});

/** Which language is wanted, and whether formulas count. */
export type LanguageConsistencyOptions = z.input<typeof languageConsistencySchema>;

/**
 * The share of the thought's words that are in the wanted language (DeepSeek-R1, arXiv 2501.12948 §2.3.2); 0 without a
 * thought or without words in it.
 */
export function languageConsistencyReward(input: LanguageConsistencyOptions = {}): RewardFunction {
  const { language, countFormulas } = parseOptions(languageConsistencySchema, input, "reward language_consistency");
  return sampleReward("language_consistency_reward", ({ think }) => {
    const shares = languageShares(think ?? "");
    if (countFormulas || language === "symbols") return shares[language];
    const words = shares.english + shares.other;
    return words === 0 ? 0 : shares.english / words;
  });
}
