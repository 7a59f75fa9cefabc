// Our byte-level BPE beside the kept library, which it must equal wherever it takes its place, and what it leaves to
// the library.
import { describe, expect, test } from "vitest";
import { Random } from "../random.js";
import { createBpeTokenizer } from "./bpe-tokenizer.js";
import { trainBpe } from "./bpe-trainer.js";
import { createTokenizer } from "./create-tokenizer.js";
import { createLibraryTokenizer, LibraryTokenizer } from "./library-tokenizer.js";
import { javaScriptPattern } from "./oniguruma.js";
import { preTokenizerOf } from "./pre-tokenizer-kinds.js";
import type { Tokenizer, TokenizerJson } from "./tokenizer.js";

const CORPUS = [
  "The firefly sees the light; it's 1234 lights, isn't it?\n\n\tDéjà vu: 你好世界 🔥🔥 привет मार्ग   end.",
  "the the the light light 1234 12 34 56  \n \n",
];
const SPECIALS = { bos: "<bos>", eos: "<eos>", tags: ["<think>", "</think>", "<think"] };
const trained = trainBpe([...CORPUS, ...CORPUS, ...CORPUS], { vocabSize: 480, specialTokens: SPECIALS });
const ROLES = { bos_token: "<bos>", eos_token: "<eos>" };
const ALPHABET = [
  ..."abtheligsTHE'’ .,!?-<>/1234567890\t\n\r 你好世éà\u0301🔥👍\u200d\u00a0½١मा",
  "  ",
  "\n\n",
  "the",
  "'ll",
  "<think>",
  "</think>",
  "<bos>",
  "<thin",
];

const randomText = (random: Random, length: number): string =>
  Array.from({ length }, () => ALPHABET[random.below(ALPHABET.length)]).join("");

describe.each(["gpt-2", "deepseek-v3", "qwen2", "llama-bpe", "deepseek-coder"] as const)(
  "with the pre-tokeniser of %s",
  (kind) => {
    const { steps, normalizer, ignoreMerges } = preTokenizerOf(kind);
    const json: TokenizerJson = {
      ...trained,
      normalizer,
      pre_tokenizer: { type: "Sequence", pretokenizers: steps },
      model: { ...trained.model, ignore_merges: ignoreMerges },
    };
    const ours = createBpeTokenizer(json, ROLES) as Tokenizer;
    const library = createLibraryTokenizer(json, ROLES);

    test("random text has the library's ids and text", () => {
      const random = new Random(7);
      for (let round = 0; round < 300; round++) {
        // The library knows no digits but ASCII's where a step isolates digits.
        const text =
          kind === "deepseek-coder" ? randomText(random, 40).replaceAll(/[½١]/g, "x") : randomText(random, 40);
        const ids = [...ours.encode(text)];
        expect({ text, ids }).toEqual({ text, ids: [...library.encode(text)] });
        expect(ours.decode(ids)).toBe(library.decode(ids));
      }
    });
  },
);

test("pieces of any length have the library's ids", () => {
  const [ours, library] = [createBpeTokenizer(trained) as Tokenizer, createLibraryTokenizer(trained)];
  const random = new Random(3);
  for (let length = 1; length < 200; length += 3) {
    const text = Array.from({ length }, () => "thelig"[random.below(6)]).join("");
    expect([...ours.encode(text)]).toEqual([...library.encode(text)]);
  }
});

test("vocabulary, special tokens and roles are the library's", () => {
  const [ours, library] = [createBpeTokenizer(trained, ROLES) as Tokenizer, createLibraryTokenizer(trained, ROLES)];
  for (const key of ["vocabSize", "bosId", "eosId", "padId", "specialTokens"] as const)
    expect(ours[key]).toEqual(library[key]);
  for (const token of ["the", "<think>", "Ġ", "no such token"])
    expect(ours.tokenId(token)).toBe(library.tokenId(token));
  expect([...ours.encode("a", { addSpecialTokens: true })]).toEqual([
    ...library.encode("a", { addSpecialTokens: true }),
  ]);
});

test("a piece of a hundred thousand letters is merged in a moment", () => {
  const ours = createBpeTokenizer(trained) as Tokenizer;
  const text = "the".repeat(35_000);
  const startedMs = performance.now();
  expect(ours.decode(ours.encode(text))).toBe(text);
  expect(performance.now() - startedMs).toBeLessThan(3000);
});

describe("the begin token", () => {
  const withoutFrame = { ...trained, post_processor: null };
  const idsOf = (json: TokenizerJson, add_bos_token?: boolean) => [
    ...createTokenizer(json, { ...ROLES, add_bos_token }).encode("", { addSpecialTokens: true }),
  ];
  test("is put in front where either file says so, tokenizer_config.json having the last word", () => {
    expect(idsOf(withoutFrame)).toEqual([]);
    expect(idsOf(withoutFrame, true)).toEqual([0]);
    expect(idsOf(trained)).toEqual([0]);
    expect(idsOf(trained, true)).toEqual([0]);
    expect(idsOf(trained, false)).toEqual([]);
  });
});

test.each<[string, Partial<TokenizerJson>]>([
  ["a normaliser that lowers case", { normalizer: { type: "Lowercase" } }],
  [
    "a pre-tokeniser that puts a space in front",
    { pre_tokenizer: { type: "ByteLevel", add_prefix_space: true, use_regex: true } },
  ],
  [
    "a pre-tokeniser that drops what it splits at",
    {
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [{ type: "Split", pattern: { Regex: " " }, behavior: "Removed" }],
      },
    },
  ],
  ["an unknown token", { model: { ...trained.model, unk_token: "<bos>" } }],
])("%s is left to the library", (_, change) => {
  const json = { ...trained, ...change };
  expect(createBpeTokenizer(json)).toBeUndefined();
  expect(createTokenizer(json)).toBeInstanceOf(LibraryTokenizer);
});

describe("expressions for Oniguruma", () => {
  const matches = (pattern: string, text: string) =>
    [...text.matchAll(javaScriptPattern(pattern) as RegExp)].map(([match]) => match);
  test("white space, digits and line ends mean what they mean there", () => {
    expect(matches("\\s+", "a\u0085b\ufeffc d")).toEqual(["\u0085", " "]);
    expect(matches("[^\\s]+", "a\u0085b\ufeffc")).toEqual(["a", "b\ufeffc"]);
    expect(matches("\\d", "1١²")).toEqual(["1", "١"]);
    expect(matches("\\s+$", "a  \nb ")).toEqual(["  ", " "]);
    expect(matches(".", "\r\n")).toEqual(["\r"]);
    expect(matches("\\w+", "5½²Ⅷa-①x_ ⓐ\u200d\u203f")).toEqual(["5½²Ⅷa", "x_", "ⓐ", "\u203f"]);
    expect(matches("\\d+\\b", "12½ 3, 45a")).toEqual(["3"]);
    expect(matches("[\\p{Han}]|\\p{Han}", "漢a")).toEqual(["漢"]);
  });
  test("case is folded within its group alone, by Unicode's rules", () => {
    expect(matches("(?i:'s|'k)|x", "'S 'ſ 'K X x")).toEqual(["'S", "'ſ", "'K", "x"]);
    expect(matches("(?i:[sd]+)|s", "sDſx")).toEqual(["sDſ"]);
  });
  test.each(["[\\w]", "a++", "^a", "(?<=a)b", "[a[b]]", "[[:alpha:]]", "(?i:[a-z])", "\\p{^L}", "a{2}+", "("])(
    "%s is outside the subset",
    (pattern) => {
      expect(javaScriptPattern(pattern)).toBeUndefined();
    },
  );
});
