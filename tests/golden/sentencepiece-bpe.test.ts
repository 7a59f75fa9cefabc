// BPE in SentencePiece's way, as Gemma has it, against Hugging Face's `tokenizers`: ids, and what they say.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createTokenizer, type TokenizerJson } from "../../src/tokenizer/index.js";

interface Golden {
  readonly tokenizer: TokenizerJson;
  readonly cases: readonly { readonly text: string; readonly ids: number[]; readonly decoded: string }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL("tokenizers/sentencepiece-bpe.json", import.meta.url), "utf8"));

test("spaces, bytes of unknown characters and turns of a conversation", () => {
  const tokenizer = createTokenizer(golden.tokenizer);
  for (const { text, ids, decoded } of golden.cases)
    expect({ text, ids: [...tokenizer.encode(text)], decoded: tokenizer.decode(ids) }).toEqual({ text, ids, decoded });
});
