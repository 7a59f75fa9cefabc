// How reward functions are made and put together into one number per sample. Knows no task, no policy and no algorithm.
import { TrainingError } from "../errors.js";
import type { CallLimits } from "./call-limits.js";
import { copyOf } from "./copies.js";
import { opensThought, type ParsedResponse, parseResponse } from "./response.js";
import { callReward } from "./reward-call.js";
import type { BatchReward, RewardFunction, RewardSample, RewardValue, SampleReward } from "./reward-function.js";
import type { Problem, SpokenTurn } from "./task.js";

export type { BatchReward, RewardFunction, RewardSample, RewardValue, SampleReward } from "./reward-function.js";

/** What the trainer has in hand; the rest of a RewardSample is derived from it. */
export interface RewardInput extends Pick<RewardSample, "prompt" | "completion" | "completionIds" | "problem"> {
  /** The completion as it was read from its tokens; without it the text is read. */
  readonly response?: ParsedResponse;
  /** Both sides' turns in an environment. */
  readonly turns?: readonly SpokenTurn[];
}

/** A reward over the whole batch, with the name its metrics carry. */
export function batchReward(name: string, scoreBatch: BatchReward["scoreBatch"]): BatchReward {
  return { name, scoreBatch };
}

/** Gives a function over one sample the name its metrics carry (`rewards/<name>/mean`). */
export function sampleReward(name: string, reward: SampleReward): SampleReward {
  // Wrapped first, so that the caller's own function keeps its name.
  return Object.defineProperty((sample: RewardSample) => reward(sample), "name", { value: name });
}

/** A reward function and its share of the total; weight 1 unless said otherwise. */
export interface WeightedReward {
  readonly reward: RewardFunction;
  readonly weight?: number;
  /** The share of a run's steps that must be done before it applies: 0.75 for the last quarter alone. Default: 0. */
  readonly from?: number;
  /** The problems that it applies to; it is not called for others. Default: all. */
  readonly when?: (problem: Problem) => boolean;
}

/** Rewards as `{ reward, … }`, whichever way they were given. */
export const weightedRewards = (rewards: readonly (RewardFunction | WeightedReward)[]): WeightedReward[] =>
  rewards.map((entry) => (typeof entry === "object" && "reward" in entry ? entry : { reward: entry }));

/** The rewards that apply after `done` of `steps` steps. */
export const rewardsAt = (
  rewards: readonly (RewardFunction | WeightedReward)[],
  done: number,
  steps: number,
): WeightedReward[] => weightedRewards(rewards).filter(({ from = 0 }) => done >= from * steps);

/** What the rewards gave for a batch. */
export interface RewardTable {
  /** Per sample, the weighted sum over the rewards that apply; null where none does. */
  readonly totals: readonly RewardValue[];
  /** Per reward function, by name, its raw value for every sample. */
  readonly byReward: ReadonlyMap<string, readonly RewardValue[]>;
  /** Sums and counts of what the functions logged. */
  readonly logged: ReadonlyMap<string, LoggedSum>;
}

/** What was logged under one name. */
export interface LoggedSum {
  readonly sum: number;
  readonly count: number;
}

/** Tables of several batches, scored by the same rewards, as one. */
export function joinTables(tables: readonly RewardTable[]): RewardTable {
  const logged = new Map<string, LoggedSum>();
  for (const [name, { sum, count }] of tables.flatMap((table) => [...table.logged]))
    addLogged(logged, name, sum, count);
  const names = new Set(tables.flatMap((table) => [...table.byReward.keys()]));
  return {
    totals: tables.flatMap((table) => table.totals),
    byReward: new Map([...names].map((name) => [name, tables.flatMap((table) => table.byReward.get(name) ?? [])])),
    logged,
  };
}

function addLogged(logged: Map<string, LoggedSum>, name: string, sum: number, count: number): void {
  const before = logged.get(name) ?? { sum: 0, count: 0 };
  logged.set(name, { sum: before.sum + sum, count: before.count + count });
}

/**
 * Runs every reward over all samples, the functions and the samples of one function concurrently where they are async.
 * @throws TrainingError when a function throws, does not settle within the limits, or returns NaN, an infinity,
 *   something other than a number,
 * or the wrong count of values; the signal's reason when that fires
 */
export async function scoreSamples(
  rewards: readonly (RewardFunction | WeightedReward)[],
  inputs: readonly RewardInput[],
  limits: CallLimits = {},
): Promise<RewardTable> {
  const logged = new Map<string, LoggedSum>();
  const weighted = weightedRewards(rewards);
  const columns = await Promise.all(
    weighted.map(async ({ reward, when = () => true }): Promise<RewardValue[]> => {
      const concerned = inputs.map(({ problem }) => when(problem));
      const samples = inputs.filter((_, i) => concerned[i]).map((input) => makeSample(input, logged));
      const values = samples.length === 0 ? [] : [...(await runReward(reward, samples, limits))];
      return concerned.map((isConcerned) => (isConcerned ? (values.shift() as RewardValue) : null));
    }),
  );
  const applies = (i: number) => columns.some((column) => column[i] !== null);
  return {
    totals: inputs.map((_, i) =>
      applies(i) ? columns.reduce((sum, column, r) => sum + (weighted[r].weight ?? 1) * (column[i] ?? 0), 0) : null,
    ),
    byReward: new Map(uniqueNames(weighted).map((name, r) => [name, columns[r]])),
    logged,
  };
}

function makeSample(input: RewardInput, logged: Map<string, LoggedSum>): RewardSample {
  const { prompt, completion, completionIds, turns = [] } = input;
  const { think, answer, wellFormed, tags } =
    input.response ?? parseResponse(completion, { startsInside: opensThought(prompt) });
  // Copied when they are first looked at: most rewards need few of them.
  const problem = once(() => copyOf(input.problem));
  const ids = once(() => Int32Array.from(completionIds));
  return {
    prompt,
    completion,
    turns: turns.map(({ from, text }) => ({ from, text })),
    think,
    answer,
    wellFormed,
    tags: copyOf(tags),
    get completionIds() {
      return ids();
    },
    get problem() {
      return problem();
    },
    get columns() {
      return problem().fields;
    },
    log: (metric, value) => addLogged(logged, metric, value, 1),
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

async function runReward(
  reward: RewardFunction,
  samples: readonly RewardSample[],
  limits: CallLimits,
): Promise<readonly RewardValue[]> {
  const name = nameOf(reward);
  const values = (await callReward(reward, name, samples, limits)) as readonly RewardValue[];
  if (!Array.isArray(values) || values.length !== samples.length) {
    throw new TrainingError(
      `reward "${name}" must return ${samples.length} values, one per sample, got ` +
        `${Array.isArray(values) ? values.length : typeof values}`,
    );
  }
  const bad = values.findIndex((value) => value !== null && !(typeof value === "number" && Number.isFinite(value)));
  if (bad >= 0)
    throw new TrainingError(
      `reward "${name}" returned ${String(values[bad])} for sample ${bad}; expected a finite number, or ` +
        "null if it does not apply",
    );
  return values;
}

const nameOf = (reward: RewardFunction): string => reward.name || "reward";

/** Two functions of one name get `name`, `name_2`, so that neither hides the other in the metrics. */
function uniqueNames(weighted: readonly WeightedReward[]): string[] {
  const names = weighted.map(({ reward }) => nameOf(reward));
  return names.map((name, i) => {
    const earlier = names.slice(0, i).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name}_${earlier + 1}`;
  });
}
