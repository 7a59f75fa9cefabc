// What a reward model learns: scores of answers, by pairs (Bradley–Terry) and by labels. Figures named as in TRL 1.16's
// RewardTrainer.
import type { LanguageModel } from "../models/language-model.js";
import { packSequences } from "../nn/batch.js";
import { tensor } from "../tensor/engine.js";
import { gatherRows } from "../tensor/ops/rows.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Figures, Objective } from "../train/objective.js";
import { learnNumbers, measureNumbers } from "./host-loss.js";
import { logistic } from "./losses.js";
import { answerLength, type PreferenceRow, sequencesOf } from "./preference-data.js";

/** How the objective is made. */
export interface RewardObjectiveOptions {
  /** Weight of the squared sum of a pair's scores, which keeps scores near 0 (Eisenstein et al. 2023). */
  readonly centerCoefficient: number;
  readonly recomputeLayers?: boolean;
}

/** Scores [S,1] of sequences: behind their last token that is not the padding token of the configuration. */
export function scoreSequences(
  model: LanguageModel,
  sequences: readonly ArrayLike<number>[],
  recomputeLayers = false,
): Tensor {
  const batch = packSequences(sequences, model.device);
  const { hidden } = model.forward(batch, { recomputeLayers });
  const pad = model.config.pad_token_id ?? -1;
  let begin = 0;
  const rows = sequences.map((ids) => {
    const row = begin + lastPlace(ids, pad);
    begin += ids.length;
    return row;
  });
  return model.score(gatherRows(hidden, tensor(rows, [rows.length], "i32", model.device)));
}

/** The last place of another token than `pad`, as `transformers` chooses it. */
function lastPlace(ids: ArrayLike<number>, pad: number): number {
  let at = ids.length - 1;
  while (at > 0 && ids[at] === pad) at--;
  return at;
}

const pack = (rows: readonly PreferenceRow[]) => rows.flatMap((row) => sequencesOf(row).map(({ ids }) => ids));

/** The rows of a batch, each with its scores. */
function withScores(rows: readonly PreferenceRow[], scores: ArrayLike<number>) {
  let at = 0;
  return rows.map((row) => ({ row, scores: sequencesOf(row).map(() => scores[at++]) }));
}

/** The loss of a row, and its slopes for the scores. */
function lossOf(row: PreferenceRow, scores: readonly number[], center: number) {
  const [first, second] = scores;
  if ("answer" in row) {
    const { value, slope } = logistic(row.label ? first : -first);
    return { value, slopes: [row.label ? slope : -slope] };
  }
  const { value, slope } = logistic(first - second);
  const sum = first + second;
  const pull = 2 * center * sum;
  return { value: value + center * sum * sum, slopes: [slope + pull, pull - slope] };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Whether the scores say what the row does: the better answer has the higher one, a good one is above 0. */
const isRight = (row: PreferenceRow, [first, second]: readonly number[]): boolean =>
  "answer" in row ? first > 0 === row.label : first > second;

/** Reward modelling; the numbers are scores. The loss of a step is the mean over its rows. */
export function rewardObjective({
  centerCoefficient,
  recomputeLayers,
}: RewardObjectiveOptions): Objective<PreferenceRow> {
  return {
    numTokens: (row) => sequencesOf(row).reduce((sum, { ids }) => sum + ids.length, 0),
    numTrained: (rows) =>
      rows.reduce((sum, row) => sum + sequencesOf(row).reduce((n, { ids }) => n + ids.length, 0), 0),
    async learn(model, micro, rows) {
      const forward = () => [scoreSequences(model, pack(micro), recomputeLayers)];
      const slopesOf = (scores: Float32Array) => rewardSlopes(micro, scores, centerCoefficient, rows.length);
      const [scores] = await learnNumbers(model, forward, slopesOf);
      return Array.from(scores);
    },
    async measure(model, micro) {
      const [scores] = await measureNumbers(() => [scoreSequences(model, pack(micro))]);
      return Array.from(scores);
    },
    figures: (rows, scores) => rewardFigures(rows, scores, centerCoefficient),
    heldOutFigures,
  };
}

/** The slopes of the mean loss of `numRows` rows for the scores of some of them. */
export const rewardSlopes = (
  rows: readonly PreferenceRow[],
  scores: ArrayLike<number>,
  centerCoefficient: number,
  numRows = rows.length,
): number[] =>
  withScores(rows, scores).flatMap(({ row, scores: own }) =>
    lossOf(row, own, centerCoefficient).slopes.map((slope) => slope / numRows),
  );

/** Loss, accuracy, margin of pairs, and the scores' mean and ends. */
export function rewardFigures(rows: readonly PreferenceRow[], scores: readonly number[], center: number): Figures {
  const scored = withScores(rows, scores);
  const margins = scored.flatMap(({ row, scores: [a, b] }) => ("answer" in row ? [] : a - b));
  return {
    loss: mean(scored.map(({ row, scores: own }) => lossOf(row, own, center).value)),
    accuracy: mean(scored.map(({ row, scores: own }) => Number(isRight(row, own)))),
    ...(margins.length > 0 ? { margin: mean(margins) } : {}),
    mean_reward: mean(scores),
    min_reward: scores.reduce((a, b) => Math.min(a, b)),
    max_reward: scores.reduce((a, b) => Math.max(a, b)),
  };
}

/** Accuracy of a part of the rows, where there are any. */
function accuracyOf(
  name: string,
  part: readonly { readonly row: PreferenceRow; readonly scores: readonly number[] }[],
): Record<string, number> {
  if (part.length === 0) return {};
  return { [name]: mean(part.map(({ row, scores }) => Number(isRight(row, scores)))), [`${name}_rows`]: part.length };
}

/**
 * How far accuracy can be trusted, and whether length alone explains it: its standard error; the correlation of score
 * and length of the answer in tokens; accuracy where the better answer is the shorter or the longer one; by label.
 * `reward_std`: the standard deviation of scores.
 */
function heldOutFigures(rows: readonly PreferenceRow[], scores: readonly number[]): Record<string, number> {
  const scored = withScores(rows, scores);
  const right = mean(scored.map(({ row, scores: own }) => Number(isRight(row, own))));
  const lengths = rows.flatMap((row) => sequencesOf(row).map(answerLength));
  const correlation = pearson(scores, lengths);
  const pairs = scored.flatMap(({ row, ...rest }) => ("answer" in row ? [] : { row, ...rest }));
  const longer = ({ row }: (typeof pairs)[number]) => answerLength(row.chosen) - answerLength(row.rejected);
  const labelled = scored.filter(({ row }) => "answer" in row);
  const isGood = ({ row }: (typeof scored)[number]) => "answer" in row && row.label;
  return {
    rows: rows.length,
    ...(rows.length > 1 ? { accuracy_stderr: Math.sqrt((right * (1 - right)) / (rows.length - 1)) } : {}),
    reward_std: deviation(scores),
    ...(Number.isNaN(correlation) ? {} : { length_correlation: correlation }),
    ...accuracyOf(
      "accuracy_chosen_shorter",
      pairs.filter((pair) => longer(pair) < 0),
    ),
    ...accuracyOf(
      "accuracy_chosen_longer",
      pairs.filter((pair) => longer(pair) > 0),
    ),
    ...accuracyOf("accuracy_label_true", labelled.filter(isGood)),
    ...accuracyOf(
      "accuracy_label_false",
      labelled.filter((each) => !isGood(each)),
    ),
  };
}

/** Standard deviation of a population. */
function deviation(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
}

/** Pearson's correlation; NaN where one of the two never varies. */
function pearson(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  return mean(a.map((value, i) => (value - meanA) * (b[i] - meanB))) / (deviation(a) * deviation(b));
}
