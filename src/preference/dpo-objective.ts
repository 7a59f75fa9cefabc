// What direct preference optimisation learns (Rafailov et al. 2023): to find the better answer likelier than the
// reference does, and the worse one less likely. Figures named as in TRL 1.16's DPOTrainer.
import type { LanguageModel } from "../models/language-model.js";
import type { TrainSequence } from "../train/batch.js";
import { completionLogProbs, type TokenSequence } from "../train/completion-log-probs.js";
import type { Figures, Objective } from "../train/objective.js";
import { splitBySize, yieldOrStop } from "../train/step.js";
import { learnNumbers, measureNumbers } from "./host-loss.js";
import { type DpoLossOptions, dpoLoss } from "./losses.js";
import { type AnswerPair, answerLength, answerStart } from "./preference-data.js";

/** A pair, and how likely the reference finds its answers. */
export interface ReferencedPair extends AnswerPair {
  /** Log-probabilities of the chosen and of the rejected answer, summed over their tokens. */
  readonly reference: readonly [chosen: number, rejected: number];
}

/** Log-probabilities of the answers of a pair, summed over their tokens. */
export type PairLogProbs = readonly [chosen: number, rejected: number];

const answersOf = ({ chosen, rejected }: AnswerPair): readonly TrainSequence[] => [chosen, rejected];
const pairTokens = (pair: AnswerPair): number => answersOf(pair).reduce((sum, { ids }) => sum + ids.length, 0);
const sampleOf = (answer: TrainSequence): TokenSequence => ({
  ids: Int32Array.from(answer.ids),
  targets: Int32Array.from({ length: answerLength(answer) }, (_, i) => answerStart(answer) + i),
});

/** The log-probability of every token of the answers of pairs, one answer after the other. */
const tokenLogProbs = (model: LanguageModel, pairs: readonly AnswerPair[], recomputeLayers = false) =>
  completionLogProbs(model, pairs.flatMap(answersOf).map(sampleOf), 1, recomputeLayers).logp;

/** Sums over answers, in f64 and token by token: the same whatever stands beside a pair. */
export function sumLogProbs(pairs: readonly AnswerPair[], tokens: ArrayLike<number>): PairLogProbs[] {
  let at = 0;
  const sumOf = (answer: TrainSequence) => {
    let sum = 0;
    for (const end = at + answerLength(answer); at < end; at++) sum += tokens[at];
    return sum;
  };
  return pairs.map(({ chosen, rejected }) => [sumOf(chosen), sumOf(rejected)]);
}

/**
 * Log-probabilities of the answers of pairs under a model, for a reference. Throws Interrupted when `signal` fires.
 */
export async function referenceLogProbs(
  model: LanguageModel,
  pairs: readonly AnswerPair[],
  microBatchTokens: number,
  onPairs: (done: number) => void = () => {},
  signal?: AbortSignal,
): Promise<PairLogProbs[]> {
  const done: PairLogProbs[] = [];
  for (const micro of splitBySize(pairs, microBatchTokens, pairTokens)) {
    done.push(...sumLogProbs(micro, await measureNumbers(() => tokenLogProbs(model, micro))));
    onPairs(done.length);
    await yieldOrStop(signal);
  }
  return done;
}

/** What the loss and the figures of a pair are made of. */
function ratiosOf(pair: ReferencedPair, [chosen, rejected]: PairLogProbs, { lossType, beta }: DpoLossOptions) {
  const [chosenRatio, rejectedRatio] = [chosen - pair.reference[0], rejected - pair.reference[1]];
  const [chosenScale, rejectedScale] =
    lossType === "ipo" ? [1 / answerLength(pair.chosen), 1 / answerLength(pair.rejected)] : [1, 1];
  return {
    delta: chosenRatio * chosenScale - rejectedRatio * rejectedScale,
    scales: [chosenScale, rejectedScale],
    rewards: [beta * chosenRatio, beta * rejectedRatio],
  };
}

/** DPO; the numbers are log-probabilities of answers, two for a pair. The loss of a step is the mean over its pairs. */
export function dpoObjective(
  options: DpoLossOptions & { readonly recomputeLayers?: boolean },
): Objective<ReferencedPair> {
  return {
    numTokens: pairTokens,
    numTrained: (pairs) => pairs.flatMap(answersOf).reduce((sum, answer) => sum + answerLength(answer), 0),
    async learn(model, micro, pairs) {
      const forward = () => tokenLogProbs(model, micro, options.recomputeLayers);
      const slopesOf = (tokens: Float32Array) => dpoSlopes(micro, tokens, options, pairs.length);
      return sumLogProbs(micro, await learnNumbers(model, forward, slopesOf)).flat();
    },
    measure: async (model, micro) => sumLogProbs(micro, await measureNumbers(() => tokenLogProbs(model, micro))).flat(),
    figures: (pairs, numbers) => dpoFigures(pairs, numbers, options),
    heldOutFigures: (pairs, numbers) => {
      const accuracy = dpoFigures(pairs, numbers, options)["rewards/accuracies"];
      const stderr = Math.sqrt((accuracy * (1 - accuracy)) / (pairs.length - 1));
      return { rows: pairs.length, ...(pairs.length > 1 ? { "rewards/accuracies_stderr": stderr } : {}) };
    },
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The slopes of the mean loss of `numPairs` pairs for the log-probability of every token of some of them. */
export function dpoSlopes(
  pairs: readonly ReferencedPair[],
  tokens: ArrayLike<number>,
  options: DpoLossOptions,
  numPairs = pairs.length,
): number[] {
  return sumLogProbs(pairs, tokens).flatMap((logProbs, i) => {
    const { delta, scales } = ratiosOf(pairs[i], logProbs, options);
    const slope = dpoLoss(delta, options).slope / numPairs;
    const { chosen, rejected } = pairs[i];
    return [
      ...new Array<number>(answerLength(chosen)).fill(slope * scales[0]),
      ...new Array<number>(answerLength(rejected)).fill(-slope * scales[1]),
    ];
  });
}

/** Loss, rewards and log-probabilities of pairs; `numbers`: those of their answers, two for a pair. */
export function dpoFigures(
  pairs: readonly ReferencedPair[],
  numbers: readonly number[],
  options: DpoLossOptions,
): Figures {
  const each = pairs.map((pair, i) => ratiosOf(pair, [numbers[2 * i], numbers[2 * i + 1]], options));
  const [chosen, rejected] = [0, 1].map((side) => each.map(({ rewards }) => rewards[side]));
  return {
    loss: mean(each.map(({ delta }) => dpoLoss(delta, options).value)),
    "rewards/chosen": mean(chosen),
    "rewards/rejected": mean(rejected),
    "rewards/accuracies": mean(chosen.map((reward, i) => Number(reward > rejected[i]))),
    "rewards/margins": mean(chosen.map((reward, i) => reward - rejected[i])),
    "logps/chosen": mean(pairs.map((_, i) => numbers[2 * i])),
    "logps/rejected": mean(pairs.map((_, i) => numbers[2 * i + 1])),
  };
}
