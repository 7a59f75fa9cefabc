// Which tokens end a turn: what files name in any shape, and the texts that every chat model ends with.
import { expect, test } from "vitest";
import { createByteTokenizer } from "./byte-tokenizer.js";
import { endTokens, idsOf } from "./end-tokens.js";

test("ids are taken from one, a list, null, −1 and nonsense", () => {
  expect(idsOf(2, [2, 128009], null, undefined, -1, "7", [1.5])).toEqual([2, 128009]);
});

test("a turn that ends with another token than eos_token_id ends all the same", () => {
  const tokenizer = createByteTokenizer({ eos: "<|endoftext|>", tags: ["<|im_end|>", "<think>"] });
  expect(endTokens([], tokenizer)).toEqual([256, 257]);
  expect(endTokens([7], tokenizer)).toEqual([7, 256, 257]);
  expect(endTokens([7], null)).toEqual([7]);
});

test.each(["<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>", "</s>", "<｜end▁of▁sentence｜>"])(
  "%s ends a turn where it is a token of its own",
  (text) => {
    expect(endTokens([], createByteTokenizer({ tags: ["<think>", text] }))).toEqual([257]);
    expect(endTokens([], createByteTokenizer({ tags: ["<think>"] }))).toEqual([]);
  },
);
