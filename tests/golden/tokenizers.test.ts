// Our byte-level BPE against Hugging Face's `tokenizers`: the pre-tokenisers of published models, text of many scripts,
// equal ids.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type GgufFacts, ggufTokenizer } from "../../src/tokenizer/gguf-tokenizer.js";
import { createTokenizer, preTokenizerKind, type Tokenizer, type TokenizerJson } from "../../src/tokenizer/index.js";

const KINDS = ["deepseek-llm", "deepseek-coder", "deepseek-v3", "qwen2", "llama-bpe", "gpt-2"] as const;

interface Golden {
  readonly tokenizer: TokenizerJson;
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[];
}

const readGolden = (kind: string): Golden =>
  JSON.parse(readFileSync(new URL(`tokenizers/${kind}.json`, import.meta.url), "utf8"));

/** The metadata that a GGUF file of this vocabulary would have. */
function ggufFacts(kind: string, { added_tokens = [], model }: TokenizerJson): GgufFacts {
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [token, id] of Object.entries(model.vocab as Record<string, number>)) [tokens[id], types[id]] = [token, 1];
  for (const { content, id, special } of added_tokens) [tokens[id], types[id]] = [content, special ? 3 : 4];
  const merges = (model.merges ?? []).map((merge) => (merge as string[]).join(" "));
  const values: Record<string, unknown> = {
    model: "gpt2",
    pre: kind,
    tokens,
    token_type: types,
    merges,
    bos_token_id: 0,
    eos_token_id: 1,
    add_bos_token: true,
  };
  const get = (key: string) => values[key.replace("tokenizer.ggml.", "")] as never;
  return { text: get, count: get, flag: get, texts: get, numbers: get };
}

describe.each(KINDS)("%s", (kind) => {
  const { tokenizer: json, cases } = readGolden(kind);
  const { json: fromGguf, config } = ggufTokenizer(ggufFacts(kind, json), "test.gguf");
  const readers: [string, Tokenizer][] = [
    ["tokenizer.json", createTokenizer(json)],
    ["the vocabulary of a GGUF file", createTokenizer(fromGguf, config)],
  ];

  test.each(readers)("%s gives the ids of Hugging Face's tokenizers and their text", (_, tokenizer) => {
    expect(tokenizer.constructor.name).toBe("BpeTokenizer");
    for (const { text, ids, decoded } of cases) {
      expect({ text, ids: [...tokenizer.encode(text)] }).toEqual({ text, ids });
      expect(tokenizer.decode(ids)).toBe(decoded);
    }
  });
  test("is told by its definition", () => {
    expect(preTokenizerKind(json.pre_tokenizer, { ignoresMerges: json.model.ignore_merges === true })).toBe(kind);
    expect(preTokenizerKind(fromGguf.pre_tokenizer, { ignoresMerges: fromGguf.model.ignore_merges === true })).toBe(
      kind,
    );
  });
});

test("the distills are told from Qwen by their begin token", () => {
  const { pre_tokenizer } = readGolden("qwen2").tokenizer;
  expect(preTokenizerKind(pre_tokenizer, { tokens: ["<|endoftext|>"] })).toBe("qwen2");
  expect(preTokenizerKind(pre_tokenizer, { tokens: ["<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>"] })).toBe(
    "deepseek-r1-qwen",
  );
  expect(preTokenizerKind({ type: "Whitespace" })).toBeUndefined();
});
