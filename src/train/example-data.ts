// Examples to fine-tune on, from the rows of files: prompts with completions, conversations, texts. Of the first two
// the loss is on completions only.
import { type Columns, type Example, exampleOf, readRows } from "../data/index.js";
import { atPlace } from "../data/row.js";
import { DataError } from "../errors.js";
import { splitOfKey } from "../tasks/task.js";
import {
  type ChatRenderer,
  chatRenderer,
  encodePrompt,
  lastTurn,
  type PromptAndCompletion,
} from "../tokenizer/chat-template.js";
import { type MarkedText, unmarked } from "../tokenizer/control-tokens.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { tokenizerFiles } from "../tokenizer/tokenizer-files.js";
import { countTargets, type TrainSequence } from "./batch.js";
import { type SplitSequences, splitSequences, type TokenRequest } from "./token-cache.js";

/** Which columns are read, how many of the rows are held out, and how long a sequence may be. */
export interface ExampleOptions extends Columns, Omit<TokenRequest, "files" | "decidedBy"> {
  readonly heldOutFraction: number;
  readonly maxTokens: number;
}

/**
 * Reads and tokenises examples; those of the same prompt stay on one side. Throws DataError naming the row that is
 * malformed or longer than `maxTokens`.
 */
export async function readExamples(
  files: readonly string[],
  tokenizer: Tokenizer,
  { note, folder, keptFromBytes, ...options }: ExampleOptions,
): Promise<SplitSequences> {
  const render = chatRenderer(tokenizer);
  const decidedBy = { examples: options, tokenizer: tokenizerFiles(tokenizer) };
  const sides = await splitSequences({ files, decidedBy, note, folder, keptFromBytes }, async (add) => {
    for await (const placed of readRows(files)) {
      const example = exampleOf(placed, options);
      const { key, sequence } = atPlace(placed.where, () => tokenise(example, render, tokenizer, options.maxTokens));
      add(splitOfKey(key, options.heldOutFraction), sequence);
    }
  });
  if (sides.train.length === 0)
    throw new DataError(`${files[0]}: no rows are left to train on; add rows or lower validationFraction`);
  return sides;
}

/** A sequence, and the text by which its side is decided. */
interface KeyedSequence {
  readonly key: string;
  readonly sequence: TrainSequence;
}

function tokenise(example: Example, render: ChatRenderer, tokenizer: Tokenizer, maxTokens: number): KeyedSequence {
  const keyed = keyedSequence(example, render, tokenizer);
  const { sequence } = keyed;
  if (countTargets([sequence]) === 0)
    throw new DataError("there is no token to learn; expected a prompt and a completion, or a text");
  if (sequence.ids.length <= maxTokens) return keyed;
  throw new DataError(
    `${example.kind === "text" ? "the text has" : "prompt and completion have"} ${sequence.ids.length} tokens, but ` +
      `the model's context is ${maxTokens}; shorten or remove the row`,
  );
}

function keyedSequence(example: Example, render: ChatRenderer, tokenizer: Tokenizer): KeyedSequence {
  if (example.kind === "text") return { key: example.text, sequence: tokeniseText(example.text, tokenizer) };
  const pair = pairOf(example, render);
  return { key: unmarked(pair.prompt), sequence: tokenisePair(pair, tokenizer) };
}

/** Begin token, prompt, completion, end token; targets from the completion's first token on. */
export function tokenisePair({ prompt, completion }: PromptAndCompletion, tokenizer: Tokenizer): TrainSequence {
  const head = encodePrompt(tokenizer, prompt);
  const tail = tokenizer.encode(completion.text, { marks: completion.marks });
  return { ids: closed([...head, ...tail], tokenizer), learnFrom: head.length };
}

/** Begin token, text, end token; every token that has one before it is a target. */
const tokeniseText = (text: string, tokenizer: Tokenizer): TrainSequence => ({
  ids: closed([...encodePrompt(tokenizer, text)], tokenizer),
});

function closed(ids: readonly number[], { eosId }: Tokenizer): Int32Array {
  return Int32Array.from(eosId === undefined || ids.at(-1) === eosId ? ids : [...ids, eosId]);
}

function pairOf(example: Exclude<Example, { kind: "text" }>, render: ChatRenderer): PromptAndCompletion {
  if (example.kind === "conversation") return lastTurn(example.messages, render);
  return { prompt: asWritten(example.prompt), completion: asWritten(example.completion) };
}

/** Prompts and completions are given as the model is to see them: what spells a control token is one. */
const asWritten = (text: string): MarkedText => ({ text, marks: new Map() });
