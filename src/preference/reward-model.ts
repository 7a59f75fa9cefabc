// A reward model that scores answers to prompts, and the reward function it makes. Scores depend on prompt and answer
// alone, not on what is scored beside them.
import { basename } from "node:path";
import type { JsonObject } from "../checkpoint/index.js";
import { openModel } from "../inference/opening/open-model.js";
import type { LanguageModel } from "../models/language-model.js";
import { nextTurn } from "../next-turn.js";
import { type BatchReward, batchReward, type RewardSample } from "../tasks/reward.js";
import { ChatTemplate, chatRenderer } from "../tokenizer/chat-template.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { splitMicroBatches } from "../train/step.js";
import { measureNumbers } from "./host-loss.js";
import { type AnswerForm, tokeniseAnswer } from "./preference-data.js";
import { scoreSequences } from "./reward-objective.js";

/** What a reward model's generation_config.json records under `reward_model`. */
export interface RewardModelNotes {
  /** How prompts and answers were put to it. */
  readonly form: AnswerForm;
  /** Mean and standard deviation of the scores of held-out answers; 0 and 1 where none were held out. */
  readonly mean: number;
  readonly std: number;
}

/** An answer to a prompt. */
export interface Answer {
  readonly prompt: string;
  readonly answer: string;
}

const hasText = ({ answer }: Answer): boolean => answer.trim() !== "";

/** Tokens that are scored in one pass. */
export const SCORING_TOKENS = 8192;

/** A reward model ready to score. Its owner disposes it. */
export class RewardModel {
  constructor(
    readonly model: LanguageModel,
    readonly tokenizer: Tokenizer,
    readonly notes: RewardModelNotes,
    /** Where its files lie. */
    readonly directory: string,
  ) {}

  /** Normalised scores of answers, in order: (score − mean)/std. What exceeds the context is cut off an answer's end. */
  async score(answers: readonly Answer[]): Promise<number[]> {
    const { mean, std } = this.notes;
    return (await this.rawScores(answers)).map((score) => (score - mean) / std);
  }

  /** Scores as the model gives them. */
  async rawScores(answers: readonly Answer[]): Promise<number[]> {
    const scores: number[] = [];
    for (const micro of splitMicroBatches(this.sequences(answers), SCORING_TOKENS)) {
      const ids = micro.map((sequence) => sequence.ids);
      const [own] = await measureNumbers(() => [scoreSequences(this.model, ids)]);
      scores.push(...own);
      await nextTurn();
    }
    return scores;
  }

  dispose(): void {
    this.model.dispose();
  }

  private sequences(answers: readonly Answer[]): { readonly ids: Int32Array }[] {
    const render = chatRenderer(this.tokenizer);
    const inMessages = this.notes.form === "messages";
    const turn = (role: string, content: string) => (inMessages ? [{ role, content }] : content);
    return answers.map(({ prompt, answer }) => {
      const { ids } = tokeniseAnswer(turn("user", prompt), turn("assistant", answer), this.tokenizer, render);
      return { ids: Int32Array.from(ids).subarray(0, this.model.maxPositions) };
    });
  }
}

/**
 * Opens a reward model: one trained here, or one of `transformers` with a score head of one number
 * (`…ForSequenceClassification`). Throws ConfigError where there is no score head, and as `openModel`.
 */
export async function openRewardModel(path: string): Promise<RewardModel> {
  const { model, tokenizer, generation, directory } = await openModel(path, { trains: "none", scoreSeed: null });
  const form = ChatTemplate.of(tokenizer) ? "messages" : "text";
  return new RewardModel(model, tokenizer, { form, mean: 0, std: 1, ...notesIn(generation) }, directory);
}

const notesIn = ({ reward_model: notes }: JsonObject): Partial<RewardModelNotes> =>
  typeof notes === "object" && notes !== null ? (notes as Partial<RewardModelNotes>) : {};

/** What of a sample a reward model sees, and how its scores become rewards. */
export interface RewardModelUse {
  /** What was asked, in the words that the model was trained with. */
  readonly question: (sample: RewardSample) => string;
  /** Score the answer alone, or all of the completion, the thought included. Default: `answer`. */
  readonly reads?: "answer" | "completion";
  /**
   * Normalised scores are clipped to ± this many standard deviations, so that no single answer outweighs all others. A
   * completion without an answer gets the lowest value. Default: 3.
   */
  readonly limit?: number;
  /** The name of its metrics (`rewards/<name>/mean`). Default: `rm_` and the directory's name. */
  readonly name?: string;
}

/**
 * A reward model as a reward: all samples of a step are scored together, in normalised scores. A path is opened at the
 * first call and stays open; that may be after an earlier stage of the run has written it.
 */
export function rewardModel(
  source: string | RewardModel,
  { question, reads = "answer", limit = 3, name }: RewardModelUse,
): BatchReward {
  let opened: Promise<RewardModel> | undefined;
  const open = () => (opened ??= typeof source === "string" ? openRewardModel(source) : Promise.resolve(source));
  const ownName = name ?? `rm_${basename(typeof source === "string" ? source : source.directory)}`;
  return batchReward(ownName, async (samples) => {
    const model = await open();
    const answers = samples.map((sample) => ({
      prompt: question(sample),
      answer: (reads === "answer" ? sample.answer : sample.completion) ?? "",
    }));
    const scores = await model.score(answers.filter(hasText));
    let next = 0;
    return answers.map((each) => (hasText(each) ? Math.max(-limit, Math.min(limit, scores[next++])) : -limit));
  });
}
