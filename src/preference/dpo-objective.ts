// What direct preference optimisation learns (Rafailov et al. 2023): to find the better answer likelier than the
// reference does, and the worse one less likely. Figures named as in TRL 1.16's DPOTrainer.
import type { LanguageModel } from "../models/language-model.js";
import type { Tensor } from "../tensor/tensor.js";
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

/** Of every token of the answers of pairs, one answer after the other. */
export interface TokenNumbers {
  readonly logp: ArrayLike<number>;
  /** See `headLogProb`. */
  readonly logSum: ArrayLike<number>;
  readonly entropy: ArrayLike<number>;
  readonly meanLogit: ArrayLike<number>;
}

/** The tensors of `TokenNumbers`, in its order. */
function tokenNumbers(model: LanguageModel, pairs: readonly AnswerPair[], recomputeLayers = false): Tensor[] {
  const samples = pairs.flatMap(answersOf).map(sampleOf);
  const asked = { recomputeLayers, withMean: true };
  const { logp, logSum, entropy, meanLogit } = completionLogProbs(model, samples, 1, asked);
  return [logp, logSum, entropy, meanLogit as Tensor]; // safe: it was asked for
}

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

/** Numbers that figures are made of, for each pair. */
const PER_PAIR = 8;

/**
 * Sums over the answers of pairs, 8 numbers for each, those of the chosen answer first: log-probabilities, entropies,
 * mean logits, and how many tokens are the likeliest of all.
 */
export function pairNumbers(pairs: readonly AnswerPair[], tokens: TokenNumbers): number[] {
  const { logp, logSum, entropy, meanLogit } = tokens;
  const isLikeliest = Array.from(logp, (each, i) => Number(each === -logSum[i]));
  const sums = [logp, entropy, meanLogit, isLikeliest].map((values) => sumLogProbs(pairs, values));
  return pairs.flatMap((_, i) => sums.flatMap((each) => each[i]));
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
    const samples = micro.flatMap(answersOf).map(sampleOf);
    const [logp] = await measureNumbers(() => [completionLogProbs(model, samples, 1).logp]);
    done.push(...sumLogProbs(micro, logp));
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

const named = ([logp, logSum, entropy, meanLogit]: readonly Float32Array[]): TokenNumbers => ({
  logp,
  logSum,
  entropy,
  meanLogit,
});

/** DPO; the numbers are those of `pairNumbers`. The loss of a step is the mean over its pairs. */
export function dpoObjective(
  options: DpoLossOptions & { readonly recomputeLayers?: boolean },
): Objective<ReferencedPair> {
  return {
    numTokens: pairTokens,
    numTrained: (pairs) => pairs.flatMap(answersOf).reduce((sum, answer) => sum + answerLength(answer), 0),
    async learn(model, micro, pairs) {
      const forward = () => tokenNumbers(model, micro, options.recomputeLayers);
      const slopesOf = (logp: Float32Array) => dpoSlopes(micro, logp, options, pairs.length);
      return pairNumbers(micro, named(await learnNumbers(model, forward, slopesOf)));
    },
    measure: async (model, micro) => pairNumbers(micro, named(await measureNumbers(() => tokenNumbers(model, micro)))),
    figures: (pairs, numbers) => dpoFigures(pairs, numbers, options),
    heldOutFigures: (pairs, numbers) => {
      const accuracy = dpoFigures(pairs, numbers, options)["rewards/accuracies"];
      const stderr = Math.sqrt((accuracy * (1 - accuracy)) / (pairs.length - 1));
      return { rows: pairs.length, ...(pairs.length > 1 ? { "rewards/accuracies_stderr": stderr } : {}) };
    },
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;

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

/** Loss, rewards, log-probabilities, logits and entropy of pairs; `numbers`: those of `pairNumbers`. */
export function dpoFigures(
  pairs: readonly ReferencedPair[],
  numbers: readonly number[],
  options: DpoLossOptions,
): Figures {
  const column = (at: number) => pairs.map((_, i) => numbers[PER_PAIR * i + at]);
  const [logps, entropies, logits, likeliest] = [0, 2, 4, 6].map((at) => [column(at), column(at + 1)]);
  const each = pairs.map((pair, i) => ratiosOf(pair, [logps[0][i], logps[1][i]], options));
  const [chosen, rejected] = [0, 1].map((side) => each.map(({ rewards }) => rewards[side]));
  const tokens = [0, 1].map((side) => sum(pairs.map((pair) => answerLength(answersOf(pair)[side]))));
  return {
    loss: mean(each.map(({ delta }) => dpoLoss(delta, options).value)),
    "rewards/chosen": mean(chosen),
    "rewards/rejected": mean(rejected),
    "rewards/accuracies": mean(chosen.map((reward, i) => Number(reward > rejected[i]))),
    "rewards/margins": mean(chosen.map((reward, i) => reward - rejected[i])),
    "logps/chosen": mean(logps[0]),
    "logps/rejected": mean(logps[1]),
    "logits/chosen": sum(logits[0]) / tokens[0],
    "logits/rejected": sum(logits[1]) / tokens[1],
    mean_token_accuracy: sum(likeliest[0]) / tokens[0],
    entropy: sum(entropies.flat()) / sum(tokens),
  };
}
