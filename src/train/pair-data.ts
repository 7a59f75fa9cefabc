// Prompts with the completions to learn, from JSONL: `prompt` and `completion` columns, or `messages`. The loss is on
// completions only.
import { DataError } from "../errors.js";
import { atPlace, type JsonlRow, readJsonl } from "../tasks/jsonl.js";
import { splitOfKey } from "../tasks/task.js";
import {
  type ChatMessage,
  type ChatRenderer,
  chatRenderer,
  encodePrompt,
  lastTurn,
  type PromptAndCompletion,
} from "../tokenizer/chat-template.js";
import { type MarkedText, unmarked } from "../tokenizer/control-tokens.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { countTargets, type TrainSequence } from "./batch.js";

/** The two sides of a file of pairs, tokenised; `sequences` of the same prompt stay on one side. */
export interface PairData {
  readonly train: readonly TrainSequence[];
  readonly heldOut: readonly TrainSequence[];
}

/**
 * Reads and tokenises pairs. Throws DataError naming the line of a malformed row, or of one longer than `maxTokens`.
 */
export function readPairs(
  path: string,
  tokenizer: Tokenizer,
  options: { readonly heldOutFraction: number; readonly maxTokens: number },
): PairData {
  const render = chatRenderer(tokenizer);
  const train: TrainSequence[] = [];
  const heldOut: TrainSequence[] = [];
  for (const { row, line } of readJsonl(path)) {
    const where = `${path}:${line}`;
    const pair = pairOf(row, render, where);
    const sequence = atPlace(where, () => tokenisePair(pair, tokenizer));
    if (countTargets([sequence]) === 0)
      throw new DataError(`${where}: there is no token to learn; expected a prompt and a completion`);
    if (sequence.ids.length > options.maxTokens)
      throw new DataError(
        `${where}: prompt and completion have ${sequence.ids.length} tokens, but the model's context is ` +
          `${options.maxTokens}; shorten or remove the line`,
      );
    (splitOfKey(unmarked(pair.prompt), options.heldOutFraction) === "heldout" ? heldOut : train).push(sequence);
  }
  if (train.length === 0)
    throw new DataError(`${path}: no lines are left to train on; add lines or lower validationFraction`);
  return { train, heldOut };
}

/** Begin token, prompt, completion, end token; targets from the completion's first token on. */
export function tokenisePair({ prompt, completion }: PromptAndCompletion, tokenizer: Tokenizer): TrainSequence {
  const head = encodePrompt(tokenizer, prompt);
  const tail = tokenizer.encode(completion.text, { marks: completion.marks });
  const isClosed = tokenizer.eosId === undefined || tail.at(-1) === tokenizer.eosId;
  const ids = Int32Array.from([...head, ...tail, ...(isClosed ? [] : [tokenizer.eosId as number])]);
  return { ids, learnFrom: head.length };
}

function pairOf(row: JsonlRow, render: ChatRenderer, where: string): PromptAndCompletion {
  const { prompt, completion, messages } = row;
  if (Array.isArray(messages))
    return lastTurn(
      messages.map((m) => messageOf(m, where)),
      render,
      where,
    );
  if (typeof prompt === "string" && typeof completion === "string" && completion !== "")
    return { prompt: asWritten(prompt), completion: asWritten(completion) };
  throw new DataError(
    `${where}: expected text columns prompt and completion, or messages; the line has: ` +
      `${Object.keys(row).join(", ") || "no columns"}`,
  );
}

/** Prompts and completions are given as the model is to see them: what spells a control token is one. */
const asWritten = (text: string): MarkedText => ({ text, marks: new Map() });

function messageOf(value: unknown, where: string): ChatMessage {
  const { role, content } = (value ?? {}) as Record<string, unknown>;
  if (typeof role === "string" && typeof content === "string") return { role, content };
  throw new DataError(
    `${where}: every message needs a role and a content, both strings, got ${JSON.stringify(value)?.slice(0, 60)}`,
  );
}
