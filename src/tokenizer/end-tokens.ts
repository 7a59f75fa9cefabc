// Which tokens end a turn: those that files name, and those that every chat model uses for nothing else. Knows texts
// and ids, no model.
import type { Tokenizer } from "./tokenizer.js";

/**
 * Tokens that end a turn wherever a vocabulary has them as tokens of their own.
 * Source: ggml-org/llama.cpp@0024aa7, llama-vocab.cpp, special_eog_ids, without those of tool calls in families that
 * are not run here.
 */
const END_TEXTS: readonly string[] = [
  ...[
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|end|>",
    "<end_of_turn>",
    "<turn|>",
    "</s>",
    "<eos>",
  ],
  ...["<｜end▁of▁sentence｜>", "<end_of_utterance>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "[e~["],
];

/** Whether a token of that text ends a turn in every vocabulary that has it. */
export const isEndText = (text: string): boolean => END_TEXTS.includes(text);

/** The token that ends a message but not the turn: a tool is to answer. */
export const END_OF_MESSAGE = "<|eom_id|>";

/** Ids in values of `eos_token_id` and the like: one, a list, or none. */
export const idsOf = (...values: readonly unknown[]): number[] => [
  ...new Set(values.flat().filter((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0)),
];

/**
 * Every token that ends a completion: the ids that files name, the tokenizer's own, and the known ones among its
 * special tokens.
 */
export function endTokens(
  named: readonly number[],
  tokenizer: Pick<Tokenizer, "eosId" | "specialTokens"> | null,
): number[] {
  const known = tokenizer?.specialTokens.filter(({ token }) => isEndText(token)).map(({ id }) => id) ?? [];
  return idsOf(named, tokenizer?.eosId, known);
}
