// Vocabularies of GGUF files: what becomes of roles, templates and token types, and every way in which one can
// contradict itself.
import { expect, test } from "vitest";
import { DataError } from "../errors.js";
import { CHARACTER_OF_BYTE } from "./byte-alphabet.js";
import { createGgufTokenizer, createTokenizer } from "./create-tokenizer.js";
import { type GgufFacts, ggufTokenizer } from "./gguf-tokenizer.js";

const TOKENS = [...CHARACTER_OF_BYTE, "ab", "<bos>", "<eos>", "<think>", "[PAD260]"];
const TYPES = [...new Array<number>(257).fill(1), 3, 3, 4, 5];
const SOUND = {
  model: "gpt2",
  pre: "llama-bpe",
  tokens: TOKENS,
  token_type: TYPES,
  merges: ["a b"],
  bos_token_id: 257,
  eos_token_id: 258,
};

function factsWith(change: Record<string, unknown>): GgufFacts {
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries({ ...SOUND, ...change }).map(([key, value]) => [`tokenizer.ggml.${key}`, value]),
  );
  const get = (key: string) => (values[key] ?? change[key]) as never;
  return { text: get, count: get, flag: get, texts: get, numbers: get };
}

const read = (change: Record<string, unknown>) => ggufTokenizer(factsWith(change), "x.gguf");

test("the tags of thinking stay text even where a file calls them control tokens", () => {
  const { json, config } = read({ token_type: TYPES.with(259, 3) });
  expect(createTokenizer(json, config).decode([259, 97, 258], { skipSpecialTokens: true })).toBe("<think>a");
});

test("control tokens are special, user-defined ones are text, unused ones are not looked for", () => {
  const { json, config } = read({});
  const tokenizer = createTokenizer(json, config);
  expect(tokenizer.specialTokens).toEqual([
    { token: "<bos>", id: 257, special: true },
    { token: "<eos>", id: 258, special: true },
    { token: "<think>", id: 259, special: false },
  ]);
  expect([...tokenizer.encode("ab<think>")]).toEqual([256, 259]);
  expect(tokenizer.encode("[PAD260]").length).toBe(8);
  expect([tokenizer.vocabSize, tokenizer.bosId, tokenizer.eosId, tokenizer.padId]).toEqual([261, 257, 258, undefined]);
});

test("whether the begin token is put in front is the file's word, else the kind's", () => {
  const begins = (change: Record<string, unknown>) => {
    const { json, config } = read(change);
    return createTokenizer(json, config).encode("", { addSpecialTokens: true }).length === 1;
  };
  expect(begins({})).toBe(true);
  expect(begins({ add_bos_token: false })).toBe(false);
  expect(begins({ pre: "deepseek-v3" })).toBe(false);
  expect(begins({ pre: "deepseek-v3", add_bos_token: true })).toBe(true);
  expect(begins({ bos_token_id: undefined, add_bos_token: true })).toBe(false);
});

test("a byte without a token is left out, as in vocabularies of a few letters", () => {
  const tokenizer = createGgufTokenizer(
    factsWith({ tokens: ["a", "b", "ab", "<bos>"], token_type: undefined, bos_token_id: 3, eos_token_id: undefined }),
    "x.gguf",
  );
  expect([...tokenizer.encode("bca é")]).toEqual([1, 0]);
  expect([...tokenizer.encode("ab")]).toEqual([2]);
});

test("templates come along, several of them by name", () => {
  expect(read({ "tokenizer.chat_template": "{{ a }}" }).config.chat_template).toBe("{{ a }}");
  const named = {
    "tokenizer.chat_template": "{{ a }}",
    "tokenizer.chat_templates": ["tool_use"],
    "tokenizer.chat_template.tool_use": "{{ b }}",
  };
  expect(read(named).config.chat_template).toEqual([
    { name: "default", template: "{{ a }}" },
    { name: "tool_use", template: "{{ b }}" },
  ]);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["no tokenizer", { model: undefined }, /x\.gguf: the file carries no tokenizer/],
  [
    "a Unigram vocabulary",
    { model: "t5" },
    /a Unigram vocabulary is not supported; expected byte-level BPE \("gpt2"\) or SentencePiece \("llama"\)/,
  ],
  ["SentencePiece without scores", { model: "llama" }, /the scores of its pieces are missing/],
  ["scores for other tokens", { model: "llama", scores: [0] }, /scores has 1 entries for 261 tokens/],
  [
    "a score that is no number",
    { model: "llama", scores: TOKENS.map(() => Number.NaN) },
    /score of token 0 is not a num/,
  ],
  [
    "a piece without end",
    { model: "llama", scores: TYPES, tokens: TOKENS.with(5, "x".repeat(513)) },
    /token 5 has 513 characters; the maximum is 512/,
  ],
  ["no kind", { pre: undefined }, /the pre-tokeniser is missing/],
  [
    "an unknown kind",
    { pre: "deepseek-v5" },
    /"deepseek-v5" is not supported, did you mean "deepseek-v3"\?; supported are deepseek-llm/,
  ],
  ["no tokens", { tokens: undefined }, /carries no vocabulary/],
  ["types for other tokens", { token_type: [1, 2] }, /token_type has 2 entries for 261 tokens/],
  ["a token twice", { tokens: TOKENS.with(5, "ab") }, /261 tokens have only 260 different texts/],
  [
    "a merge of tokens that are not there",
    { merges: ["a b", "a nosuch"] },
    /its merges .* name tokens that its vocabulary lacks/,
  ],
  ["a merge that is no pair", { merges: ["ab"] }, /its merges .* name tokens that its vocabulary lacks/],
])("%s is an error that says so", (_, change, message) => {
  expect(() => createGgufTokenizer(factsWith(change), "x.gguf")).toThrow(DataError);
  expect(() => createGgufTokenizer(factsWith(change), "x.gguf")).toThrow(message);
});
