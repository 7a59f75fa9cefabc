// Preferences to learn from, from the rows of files: pairs of answers to a prompt, and answers with a label. Tokenised
// as examples are in fine-tuning; kept in memory.
import { isPair, labelledAnswerOf, type PlacedRow, preferenceOf, readRows } from "../data/index.js";
import { atPlace } from "../data/row.js";
import { DataError } from "../errors.js";
import type { Split } from "../tasks/task.js";
import { splitOfKey } from "../tasks/task.js";
import {
  type ChatMessage,
  type ChatRenderer,
  chatRenderer,
  lastTurn,
  type PromptAndCompletion,
} from "../tokenizer/chat-template.js";
import { unmarked } from "../tokenizer/control-tokens.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { TrainSequence } from "../train/batch.js";
import { tokenisePair } from "../train/example-data.js";

/** Whether prompts and answers are texts, taken as they are, or messages, put through the chat template. */
export type AnswerForm = "text" | "messages";

/** A better and a worse answer to a prompt, each behind it. */
export interface AnswerPair {
  readonly chosen: TrainSequence;
  readonly rejected: TrainSequence;
}

/** An answer behind its prompt that is good (or safe), or not. */
export interface LabelledSequence {
  readonly answer: TrainSequence;
  readonly label: boolean;
}

/** A row to learn preferences from. */
export type PreferenceRow = AnswerPair | LabelledSequence;

/** Preferences by their side, and the form that all of them have. */
export interface PreferenceData<E extends PreferenceRow = PreferenceRow> extends Readonly<Record<Split, readonly E[]>> {
  readonly form: AnswerForm;
}

/** How rows are split, and how long prompt and answer may be together. */
export interface PreferenceOptions {
  readonly heldOutFraction: number;
  readonly maxTokens: number;
}

/** The sequences of a row: of a pair the better one first. */
export const sequencesOf = (row: PreferenceRow): readonly TrainSequence[] =>
  "answer" in row ? [row.answer] : [row.chosen, row.rejected];

/** Where an answer begins: behind its prompt, and never with the first token, which nothing foretells. */
export const answerStart = ({ learnFrom = 1 }: TrainSequence): number => Math.max(1, learnFrom);

/** The number of tokens of an answer, its end token included. */
export const answerLength = (answer: TrainSequence): number => answer.ids.length - answerStart(answer);

/** The tokens of an answer behind its prompt. */
export function tokeniseAnswer(
  prompt: string | readonly ChatMessage[],
  answer: string | readonly ChatMessage[],
  tokenizer: Tokenizer,
  render: ChatRenderer = chatRenderer(tokenizer),
): TrainSequence {
  return tokenisePair(promptAndAnswer(prompt, answer, render), tokenizer);
}

/**
 * Reads and tokenises pairs and labelled answers; those of one prompt stay on one side. Throws DataError naming the row
 * that is malformed, empty, equal, too long or of another form than the first.
 */
export async function readPreferences(
  files: readonly string[],
  tokenizer: Tokenizer,
  options: PreferenceOptions,
): Promise<PreferenceData> {
  const reader = new RowReader(tokenizer, options.maxTokens);
  const sides: Record<Split, PreferenceRow[]> = { train: [], heldout: [] };
  for await (const placed of readRows(files)) {
    const { key, row } = isPair(placed) ? reader.pair(placed) : reader.labelled(placed);
    sides[splitOfKey(key, options.heldOutFraction)].push(row);
  }
  if (sides.train.length === 0)
    throw new DataError(`${files[0]}: no rows are left to train on; add rows or lower validationFraction`);
  return { ...sides, form: reader.form ?? "text" };
}

/** As `readPreferences`, for pairs alone. */
export async function readPairs(
  files: readonly string[],
  tokenizer: Tokenizer,
  options: PreferenceOptions,
): Promise<PreferenceData<AnswerPair>> {
  for await (const { row, where } of readRows(files))
    if (!isPair({ row, where }))
      throw new DataError(
        `${where}: expected columns "chosen" and "rejected"; the row has: ${Object.keys(row).join(", ")}`,
      );
  // Safe: every row was found to be a pair.
  return (await readPreferences(files, tokenizer, options)) as PreferenceData<AnswerPair>;
}

/** A row, and the text by which its side is decided. */
interface KeyedRow {
  readonly key: string;
  readonly row: PreferenceRow;
}

class RowReader {
  /** Of the rows so far; undefined before the first. */
  form: AnswerForm | undefined;
  private readonly render: ChatRenderer;

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly maxTokens: number,
  ) {
    this.render = chatRenderer(tokenizer);
  }

  pair(placed: PlacedRow): KeyedRow {
    const { prompt, ...answers } = preferenceOf(placed);
    return atPlace(placed.where, () => {
      const chosen = this.sequence("chosen", prompt, answers.chosen);
      const rejected = this.sequence("rejected", prompt, answers.rejected);
      if (Array.from(chosen.ids).join() === Array.from(rejected.ids).join())
        throw new DataError("chosen and rejected have the same tokens, so there is nothing to prefer; remove the row");
      return { key: this.keyOf(prompt), row: { chosen, rejected } };
    });
  }

  labelled(placed: PlacedRow): KeyedRow {
    const { prompt, completion, label } = labelledAnswerOf(placed);
    return atPlace(placed.where, () => ({
      key: this.keyOf(prompt),
      row: { answer: this.sequence("completion", prompt, completion), label },
    }));
  }

  private keyOf(prompt: string | readonly ChatMessage[]): string {
    return typeof prompt === "string" ? prompt : unmarked(this.render(prompt, true));
  }

  private sequence(
    column: string,
    prompt: string | readonly ChatMessage[],
    answer: string | readonly ChatMessage[],
  ): TrainSequence {
    const form: AnswerForm = typeof prompt === "string" ? "text" : "messages";
    this.form ??= form;
    if (form !== this.form)
      throw new DataError(`expected the prompt to be ${nameOf(this.form)}, as in the rows before, got ${nameOf(form)}`);
    const sequence = tokeniseAnswer(prompt, answer, this.tokenizer, this.render);
    if (sequence.ids.length <= this.maxTokens) return sequence;
    throw new DataError(
      `prompt and ${column} have ${sequence.ids.length} tokens, but the model's context is ${this.maxTokens}; shorten ` +
        "or remove the row",
    );
  }
}

const nameOf = (form: AnswerForm): string => (form === "text" ? "a text" : "messages");

function promptAndAnswer(
  prompt: string | readonly ChatMessage[],
  answer: string | readonly ChatMessage[],
  render: ChatRenderer,
): PromptAndCompletion {
  if (typeof prompt === "string" && typeof answer === "string")
    return { prompt: plain(prompt), completion: plain(answer) };
  if (typeof prompt === "string" || typeof answer === "string")
    throw new DataError("expected prompt and answers to be both texts or both messages");
  if (!answer.at(-1)?.content?.trim()) throw new DataError("the answer is empty; expected a message with some text");
  return lastTurn([...prompt, ...answer], render);
}

/** What spells a control token is one: the row is given as the model is to see it. */
const plain = (text: string) => ({ text, marks: new Map<string, string>() });
