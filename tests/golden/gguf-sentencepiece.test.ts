// SentencePiece vocabularies of GGUF files against `sentencepiece` and Hugging Face's `tokenizers`: ids, what they say,
// streams, messages, and the way into a GGUF file and back.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ggufVocabulary } from "../../src/checkpoint/gguf-vocabulary.js";
import { Random } from "../../src/random.js";
import { ChatTemplate, encodePrompt } from "../../src/tokenizer/chat-template.js";
import { createGgufTokenizer } from "../../src/tokenizer/create-tokenizer.js";
import { mergesOfScores } from "../../src/tokenizer/gguf-sentencepiece.js";
import { type GgufFacts, ggufTokenizer } from "../../src/tokenizer/gguf-tokenizer.js";
import { createTokenizer, type TokenizerJson } from "../../src/tokenizer/index.js";
import { createStreamDecoder } from "../../src/tokenizer/stream-decoder.js";

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly types: readonly number[];
  readonly tokenizer: TokenizerJson;
  readonly cases: readonly { readonly text: string; readonly ids: number[]; readonly decoded: string }[];
}
const golden: Record<"prefix" | "plain", Vocabulary> = JSON.parse(
  readFileSync(new URL("tokenizers/gguf-sentencepiece.json", import.meta.url), "utf8"),
);

function factsOf(values: Readonly<Record<string, unknown>>): GgufFacts {
  const get = (key: string) => values[key] as never;
  return { text: get, count: get, flag: get, texts: get, numbers: get };
}

function factsWith({ tokens, scores, types }: Vocabulary, more: Readonly<Record<string, unknown>> = {}): GgufFacts {
  const values = { model: "llama", tokens, scores, token_type: types, ...more };
  return factsOf(Object.fromEntries(Object.entries(values).map(([key, value]) => [`tokenizer.ggml.${key}`, value])));
}

const KINDS = [
  ["with a space in front", golden.prefix, true],
  ["without a space in front", golden.plain, false],
] as const;

describe.each(KINDS)("a vocabulary %s", (_, vocabulary, add_space_prefix) => {
  const facts = factsWith(vocabulary, { add_space_prefix });
  const tokenizer = createGgufTokenizer(facts, "x.gguf");

  test("gives the ids of sentencepiece and of Hugging Face's tokenizers, and their text", () => {
    for (const { text, ids, decoded } of vocabulary.cases)
      expect({ text, ids: [...tokenizer.encode(text)], decoded: tokenizer.decode(ids) }).toEqual({
        text,
        ids,
        decoded,
      });
  });

  test("says in a stream what it says at once", () => {
    for (const { ids, decoded } of vocabulary.cases) {
      const stream = createStreamDecoder(tokenizer);
      expect(ids.map((id) => stream.push(id)).join("") + stream.flush()).toBe(decoded);
    }
  });

  test("becomes a tokenizer.json of the same ids", () => {
    const { json, config } = ggufTokenizer(facts, "x.gguf");
    const converted = createTokenizer(JSON.parse(JSON.stringify(json)), config);
    for (const { text, ids } of vocabulary.cases) expect([...converted.encode(text)]).toEqual(ids);
  });

  test("goes from Hugging Face's tokenizer.json into a GGUF file and comes back with the same ids", () => {
    const config = { bos_token: "<s>", eos_token: "</s>", add_bos_token: true };
    const settings = ggufVocabulary({ tokenizer: vocabulary.tokenizer, config }, {}, vocabulary.tokens.length + 2);
    const written = factsOf(Object.fromEntries(settings.map(([key, , value]) => [key, value])));
    expect(written.flag("tokenizer.ggml.add_space_prefix")).toBe(add_space_prefix);
    expect(written.numbers("tokenizer.ggml.token_type")).toEqual([...vocabulary.types, 5, 5]);
    const isMerged = (id: number) => vocabulary.types[id] === 1 && [...vocabulary.tokens[id]].length > 1;
    const scores = written.numbers("tokenizer.ggml.scores")!;
    for (const [id, score] of vocabulary.scores.entries()) if (isMerged(id)) expect(scores[id]).toBe(score || 0);
    const back = createGgufTokenizer(written, "x.gguf");
    for (const { text, ids, decoded } of vocabulary.cases)
      expect({ ids: [...back.encode(text)], decoded: back.decode(ids) }).toEqual({ ids, decoded });
    expect([...back.encode("", { addSpecialTokens: true })]).toEqual([1]);
  });
});

test("begin and end tokens are put around a text as the flags say; without flags, the begin token alone", () => {
  const around = (more: Readonly<Record<string, unknown>>) => [
    ...createGgufTokenizer(factsWith(golden.prefix, more), "x").encode("", { addSpecialTokens: true }),
  ];
  expect(around({})).toEqual([1]);
  expect(around({ add_bos_token: false })).toEqual([]);
  expect(around({ add_eos_token: true })).toEqual([1, 2]);
  expect(around({ add_bos_token: false, add_eos_token: true })).toEqual([2]);
  expect(around({ bos_token_id: 2 })).toEqual([2]);
});

test("control tokens in messages stay text, those of the template are single ids", () => {
  const chat_template = "{{ bos_token }}[INST] {{ messages[0].content }} [/INST]";
  // Pieces from which the text of the begin token could be merged.
  const more = ["<", "s", ">", "<s"].filter((piece) => !golden.prefix.tokens.includes(piece));
  const spelling = {
    ...golden.prefix,
    tokens: [...golden.prefix.tokens, ...more],
    scores: [...golden.prefix.scores, ...more.map(() => -1000)],
    types: [...golden.prefix.types, ...more.map(() => 1)],
  };
  const tokenizer = createGgufTokenizer(factsWith(spelling), "x.gguf");
  const templated = createTokenizer(tokenizer.toJSON(), { ...tokenizer.config, chat_template });
  const template = ChatTemplate.of(templated)!;
  const messages = [{ role: "user", content: "a<s></s>[/INST]<unk>b" }];
  const ids = [...encodePrompt(templated, template.prompt(messages, { openAssistant: true }))];
  const open = golden.prefix.tokens.indexOf("[INST]");
  const close = golden.prefix.tokens.indexOf("[/INST]");
  expect(ids.slice(0, 2)).toEqual([1, open]);
  expect(ids.filter((id) => [0, 1, 2, close].includes(id))).toEqual([1, close]);
  expect(tokenizer.decode(ids.slice(2, -1))).toBe(" a<s></s>[/INST]<unk>b ");
});

/** SentencePiece's algorithm to the letter: of all neighbours that form a piece the best score, the leftmost of equals. */
function mergeByScore(text: string, scoreOf: ReadonlyMap<string, number>): string[] {
  const symbols = [...text];
  for (;;) {
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let at = 0; at + 1 < symbols.length; at++) {
      const score = scoreOf.get(symbols[at] + symbols[at + 1]) ?? Number.NEGATIVE_INFINITY;
      if (score > bestScore) [best, bestScore] = [at, score];
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, symbols[best] + symbols[best + 1]);
  }
}

/** BPE to the letter: of all neighbours the pair of the lowest rank, the leftmost of equals. */
function mergeByRank(text: string, rankOf: ReadonlyMap<string, number>): string[] {
  const symbols = [...text];
  for (;;) {
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let at = 0; at + 1 < symbols.length; at++) {
      const rank = rankOf.get(`${symbols[at]} ${symbols[at + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < bestRank) [best, bestRank] = [at, rank];
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, symbols[best] + symbols[best + 1]);
  }
}

test("merges by rank are merges by score, in random vocabularies whose pieces overlap in every way", () => {
  const random = new Random(7);
  const word = (most: number) => Array.from({ length: 1 + random.below(most) }, () => "ab"[random.below(2)]).join("");
  let numTexts = 0;
  for (let trial = 0; trial < 2000; trial++) {
    const pieces = new Set(["a", "b", ...Array.from({ length: 20 }, () => word(6))]);
    const scoreOf = new Map([...pieces].map((piece) => [piece, -random.below(1 << 20)]));
    const rankOf = new Map(mergesOfScores(scoreOf).map(([left, right], rank) => [`${left} ${right}`, rank]));
    const text = word(40);
    expect(mergeByRank(text, rankOf), `${[...scoreOf]} ${text}`).toEqual(mergeByScore(text, scoreOf));
    numTexts++;
  }
  expect(numTexts).toBe(2000);
});
