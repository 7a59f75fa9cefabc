// Vocabularies written into GGUF files: read back they give the same ids for a text; what GGUF has no words for is
// refused.
import { describe, expect, test } from "vitest";
import { trainBpe } from "../tokenizer/bpe-trainer.js";
import { createByteTokenizer } from "../tokenizer/byte-tokenizer.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import { ggufTokenizer } from "../tokenizer/gguf-tokenizer.js";
import type { TokenizerConfigJson, TokenizerJson } from "../tokenizer/tokenizer.js";
import { ggufVocabulary } from "./gguf-vocabulary.js";
import type { GgufSetting } from "./gguf-writer.js";

/** Settings as a reader of the written file would find them. */
function factsOf(settings: readonly GgufSetting[]) {
  const values = new Map(settings.map(([key, , value]) => [key, value]));
  const get = <T>(key: string) => values.get(key) as T | undefined;
  return {
    text: get<string>,
    count: get<number>,
    flag: get<boolean>,
    texts: get<readonly string[]>,
    numbers: get<readonly number[]>,
  };
}

function readBack(tokenizer: TokenizerJson, config: TokenizerConfigJson, vocabSize: number) {
  const facts = factsOf(ggufVocabulary({ tokenizer, config }, {}, vocabSize));
  const { json, config: settings } = ggufTokenizer(facts, "model.gguf");
  return { facts, back: createTokenizer(json, settings), settings };
}

const SPECIAL = { bos: "<bos>", eos: "<eos>", pad: "<pad>", tags: ["<think>"] };
const CONFIG = { bos_token: "<bos>", eos_token: { content: "<eos>" }, pad_token: "<pad>" };

describe("the same ids come back from", () => {
  const text = "one two <think> two one\n\n  don't, 123";

  test("byte-level BPE", () => {
    const json = trainBpe(["one two one two one two don't don't 123 123"], { vocabSize: 280, specialTokens: SPECIAL });
    const { back, facts } = readBack(json, { ...CONFIG, chat_template: "{{ x }}" }, 280);
    const options = { addSpecialTokens: true };
    expect(back.encode(text, options)).toEqual(createTokenizer(json, CONFIG).encode(text, options));
    expect(facts.text("tokenizer.ggml.pre")).toBe("gpt-2");
    expect(facts.text("tokenizer.chat_template")).toBe("{{ x }}");
    expect([
      facts.count("tokenizer.ggml.bos_token_id"),
      facts.count("tokenizer.ggml.eos_token_id"),
      facts.flag("tokenizer.ggml.add_bos_token"),
    ]).toEqual([0, 1, true]);
    expect(facts.numbers("tokenizer.ggml.token_type")?.slice(0, 5)).toEqual([3, 3, 3, 4, 1]);
  });

  test("bytes", () => {
    const tokenizer = createByteTokenizer(SPECIAL);
    const { back } = readBack(tokenizer.toJSON(), CONFIG, tokenizer.vocabSize);
    expect(back.encode(`${text} é 中`)).toEqual(tokenizer.encode(`${text} é 中`));
  });

  test("characters, those of several bytes too", () => {
    const tokenizer = createCharTokenizer(" abé中🙂\n=", SPECIAL);
    const { back } = readBack(tokenizer.toJSON(), CONFIG, tokenizer.vocabSize);
    const own = "a b<think> é中🙂 b=中\n\n";
    expect(back.encode(own)).toEqual(tokenizer.encode(own));
    expect(back.decode(back.encode(own))).toBe(own);
  });
});

describe("a vocabulary", () => {
  test("smaller than the embedding is filled up with unused tokens", () => {
    const tokenizer = createByteTokenizer();
    const facts = factsOf(ggufVocabulary({ tokenizer: tokenizer.toJSON(), config: {} }, { eos: 3 }, 300));
    expect(facts.texts("tokenizer.ggml.tokens")?.[299]).toBe("[PAD299]");
    expect(facts.numbers("tokenizer.ggml.token_type")?.[299]).toBe(5);
    expect(facts.count("tokenizer.ggml.eos_token_id")).toBe(3);
  });

  test("larger than the embedding, of another kind, or cut by an unknown expression is refused", () => {
    const json = createByteTokenizer().toJSON();
    expect(() => ggufVocabulary({ tokenizer: json, config: {} }, {}, 200)).toThrow(
      "tokenizer.json names 256 tokens, the model has 200",
    );
    const unigram = { ...json, model: { type: "Unigram", vocab: [["a", 0]] } };
    expect(() => ggufVocabulary({ tokenizer: unigram, config: {} }, {}, 300)).toThrow("which needs BPE: model.type");
    const own = trainBpe(["a b a b"], { vocabSize: 260, pattern: "[ab]" });
    expect(() => ggufVocabulary({ tokenizer: own, config: {} }, {}, 300)).toThrow(
      "no name that GGUF readers know; expected that of deepseek-llm",
    );
  });

  test("of SentencePiece is refused where pieces with scores cannot say what it does", () => {
    const write = (model: object, parts: object = {}) =>
      factsOf(
        ggufVocabulary({ tokenizer: { ...PIECES, ...parts, model: { ...PIECES.model, ...model } }, config: {} }, {}, 9),
      );
    expect(write({}).numbers("tokenizer.ggml.scores")).toEqual([-3, -3, -3, -3, 0, -1, -2, -3, -3]);
    expect(write({}).numbers("tokenizer.ggml.token_type")).toEqual([2, 1, 1, 1, 1, 1, 1, 6, 5]);
    expect(write({}).flag("tokenizer.ggml.add_space_prefix")).toBe(false);
    const never = { type: "Metaspace", replacement: "\u2581", prepend_scheme: "never", split: false };
    expect(write({}, { normalizer: null, pre_tokenizer: never }).flag("tokenizer.ggml.add_space_prefix")).toBe(false);
    const first = { ...never, prepend_scheme: "first" };
    expect(() => write({}, { normalizer: null, pre_tokenizer: first })).toThrow("in front of some texts alone");
    expect(() => write({}, { pre_tokenizer: { type: "Whitespace" } })).toThrow("its pre-tokeniser (Whitespace) is not");
    expect(() => write({}, { normalizer: { type: "NFKC" } })).toThrow("its normalizer is not SentencePiece's");
    expect(() => write({ byte_fallback: false })).toThrow("model.byte_fallback is off");
    expect(() => write({ ignore_merges: true })).toThrow("model.ignore_merges has no place");
    const { merges } = PIECES.model;
    expect(() => write({ merges: merges.slice(0, 3) })).toThrow('the merges of "abc" do not follow from one score');
    expect(() => write({ merges: [merges[2], ...merges] })).toThrow('the merges of "abc" do not follow');
  });
});

/** Seven pieces and a byte in SentencePiece's way. */
const PIECES = {
  normalizer: { type: "Replace", pattern: { String: " " }, content: "\u2581" },
  model: {
    type: "BPE",
    unk_token: "<unk>",
    byte_fallback: true,
    vocab: { "<unk>": 0, a: 1, b: 2, c: 3, ab: 4, bc: 5, abc: 6, "<0x0A>": 7 },
    merges: [
      ["a", "b"],
      ["b", "c"],
      ["a", "bc"],
      ["ab", "c"],
    ],
  },
};
