// Claims about the BPE trainer and the tokenizers that run its files, with merges worked out by hand on a tiny corpus.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../errors.js";
import { Random } from "../random.js";
import { trainBpe } from "./bpe-trainer.js";
import { createByteTokenizer } from "./byte-tokenizer.js";
import { createCharTokenizer } from "./char-tokenizer.js";
import { createLibraryTokenizer } from "./library-tokenizer.js";
import { PairHeap } from "./pair-heap.js";
import { NOT_THERE, PairTable } from "./pair-table.js";
import { createStreamDecoder } from "./stream-decoder.js";
import type { Tokenizer, TokenizerJson } from "./tokenizer.js";
import { loadTokenizer, saveTokenizer } from "./tokenizer-files.js";

const mergesOf = (json: TokenizerJson) => (json.model.merges as [string, string][]).map((pair) => pair.join("+"));
const SPECIALS = { bos: "<bos>", eos: "<eos>", tags: ["<think>", "</think>"] };
const CORPUS = [
  "The firefly sees the light; the light sees it too.",
  "Élan, naïve café — 3+7=10, 10*8=80.",
  "L'été, le feu 🔥🔥 brûle.\n\n\tDéjà vu.",
  "it's we'll they've",
];
const TEXTS = [
  ...CORPUS,
  "",
  " ",
  "\n",
  "🔥",
  "👩‍👩‍👧‍👦 ok",
  "a\u0000b",
  "<think>the light</think><eos>",
  "  two  spaces  ",
  "< think>",
  "日本語",
];

describe("BPE trainer", () => {
  it("finds the merges of a corpus worked out by hand", () => {
    // Pre-tokens: "low" ×1, " low" ×2, " lower" ×1, " newest" ×2 (Ġ is the space byte).
    // lo 4, ow 4, Ġl 3, we: lower 1 + newest 2 = 3, Ġn ne ew es st 2, er 1.
    // 1: lo and ow tie at 4; ids of bytes follow the alphabet, l < o, so (l,o).
    // 2: (lo,w) 4.    3: (w,e) is 2 by now, (Ġ,low) 3 wins.
    // 4: newest is n e w e s t; ne, ew, we, es, st and Ġn tie at 2. Least left id first, then least right: (e,s) before
    // (e,w). 5: n e w es t: of (Ġ,n) (n,e) (e,w) (w,es) (es,t) the least left is e: (e,w). 6: n ew es t: (Ġ,n) (n,ew)
    // (ew,es) (es,t); n is the least left, Ġ's character comes after all of ASCII: (n,ew). 7: Ġ new es t: (Ġ,new)
    // (new,es) (es,t); Ġ is a byte, the others begin with merged tokens, whose ids are higher: (Ġ,new).
    const json = trainBpe(["low low low lower newest newest"], { vocabSize: 256 + 7 });
    expect(mergesOf(json)).toEqual(["l+o", "lo+w", "Ġ+low", "e+s", "e+w", "n+ew", "Ġ+new"]);
  });

  it("stops at the minimum frequency and lays ids out as special tokens, bytes, merges", () => {
    const json = trainBpe(["abab ab"], { vocabSize: 1000, minFrequency: 2, specialTokens: { eos: "<eos>" } });
    // ab 3 times, then nothing twice: "abab" once, " ab" once.
    expect(mergesOf(json)).toEqual(["a+b"]);
    const vocab = json.model.vocab as Record<string, number>;
    expect([vocab["<eos>"], vocab["!"], vocab.ab]).toEqual([0, 1, 257]);
  });

  it("counts overlapping repeats rightly", () => {
    // "aaaa": (a,a) 3; after the merge [aa,aa] holds (aa,aa) once.
    expect(mergesOf(trainBpe(["aaaa"], { vocabSize: 300, minFrequency: 1 }))).toEqual(["a+a", "aa+aa"]);
  });

  it("gives the same merges as recounting everything after each merge", () => {
    const random = new Random(1);
    const text = Array.from({ length: 300 }, () =>
      Array.from({ length: 1 + random.below(7) }, () => "abc"[random.below(3)]).join(""),
    ).join(" ");
    expect(mergesOf(trainBpe([text], { vocabSize: 256 + 60 }))).toEqual(naiveMerges(text, 60));
  });

  it("neither counts nor merges over special tokens in the text", () => {
    const json = trainBpe(["x<think>y<think>x<think>y"], { vocabSize: 300, specialTokens: SPECIALS });
    expect(mergesOf(json)).toEqual([]);
  });

  it("refuses a vocabulary too small for the bytes, an unknown option, a broken pattern", () => {
    expect(() => trainBpe([], { vocabSize: 100 })).toThrow(/vocabSize must be at least 256/);
    expect(() => trainBpe([], { vocabSize: 300, size: 1 } as never)).toThrow(ConfigError);
    expect(() => trainBpe([], { vocabSize: 300, pattern: "(" })).toThrow(ConfigError);
  });
});

/**
 * The textbook algorithm: count all pairs, merge the first of the most frequent, repeat. Letters and Ġ only, ids in
 * code-point order.
 */
function naiveMerges(text: string, numMerges: number): string[] {
  const words = [...text.matchAll(/ ?\S+/g)].map(([word]) => [...word.replace(" ", "Ġ")]);
  const ids = new Map(["a", "b", "c", "Ġ"].map((token, id) => [token, id]));
  const merges: string[] = [];
  while (merges.length < numMerges) {
    const counts = new Map<string, number>();
    for (const word of words)
      for (let i = 0; i + 1 < word.length; i++)
        counts.set(`${word[i]}+${word[i + 1]}`, (counts.get(`${word[i]}+${word[i + 1]}`) ?? 0) + 1);
    const rank = (pair: string): number[] => [
      -(counts.get(pair) ?? 0),
      ...pair.split("+").map((token) => ids.get(token) ?? -1),
    ];
    const [best] = [...counts.keys()]
      .filter((pair) => (counts.get(pair) ?? 0) >= 2)
      .sort(
        (p, q) =>
          rank(p)
            .map((x, i) => x - rank(q)[i])
            .find((d) => d !== 0) ?? 0,
      );
    if (best === undefined) break;
    const [left, right] = best.split("+");
    if (!ids.has(left + right)) ids.set(left + right, ids.size);
    merges.push(best);
    for (const word of words)
      for (let i = 0; i + 1 < word.length; i++)
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
  }
  return merges;
}

const bpe = createLibraryTokenizer(trainBpe(CORPUS, { vocabSize: 256 + 4 + 80, specialTokens: SPECIALS }), {
  bos_token: "<bos>",
  eos_token: { content: "<eos>" },
});
const digits = createLibraryTokenizer(
  trainBpe(CORPUS, { vocabSize: 300, specialTokens: SPECIALS, pattern: "\\p{N}| ?\\p{L}+" }),
);
const bytes = createByteTokenizer(SPECIALS);
const bytesThroughLibrary = createLibraryTokenizer(JSON.parse(JSON.stringify(bytes)), {
  bos_token: "<bos>",
  eos_token: "<eos>",
});

describe.each<[string, Tokenizer]>([
  ["trained BPE", bpe],
  ["BPE with its own pattern", digits],
  ["byte tokenizer", bytes],
  ["byte tokenizer through the library", bytesThroughLibrary],
])("%s", (_, tokenizer) => {
  it.each(TEXTS)("decodes %j to itself", (text) => {
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it.each(TEXTS)("streams %j in whole characters that join to the text", (text) => {
    const stream = createStreamDecoder(tokenizer);
    const pieces = [...tokenizer.encode(text)].map((id) => stream.push(id));
    expect(pieces.join("") + stream.flush()).toBe(text);
    expect(pieces.join("")).toBe(text);
    for (const piece of pieces) expect(piece).not.toMatch(/[\uFFFD\p{Surrogate}]/u);
  });

  it("keeps tags and drops control tokens when skipping special tokens, and ignores unknown ids", () => {
    const ids = [...tokenizer.encode("<bos>a<think>b</think><eos>"), 99999, -1];
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe("a<think>b</think>");
    expect(tokenizer.decode([])).toBe("");
  });
});

describe("byte tokenizer", () => {
  it("gives the same ids as its tokenizer.json in the library", () => {
    for (const text of TEXTS) {
      for (const addSpecialTokens of [false, true])
        expect([...bytesThroughLibrary.encode(text, { addSpecialTokens })]).toEqual([
          ...bytes.encode(text, { addSpecialTokens }),
        ]);
    }
    expect([...bytes.encode("é<eos>", { addSpecialTokens: true })]).toEqual([256, 0xc3, 0xa9, 257]);
    expect([bytes.vocabSize, bytes.eosId, bytes.tokenId("</think>"), bytes.tokenId("Ġ")]).toEqual([260, 257, 259, 32]);
  });
});

describe("stream decoder", () => {
  it("shows a broken sequence once it is certain, and an unfinished one on flush", () => {
    const stream = createStreamDecoder(bytes);
    const push = (...ids: number[]) => ids.map((id) => stream.push(id));
    expect(push(0xf0, 0x9f, 0x94, 0xa5)).toEqual(["", "", "", "🔥"]);
    expect(push(0xe2, 0x82, 0x41)).toEqual(["", "", "\uFFFDA"]);
    expect(push(0xe2, 0x82)).toEqual(["", ""]);
    expect(stream.flush()).toBe("\uFFFD");
    expect(push(0x42)).toEqual(["B"]);
  });
});

describe("tokenizer files", () => {
  it.each<[string, Tokenizer]>([
    ["trained BPE", bpe],
    ["byte tokenizer", bytes],
    ["character tokenizer", createCharTokenizer("01+ T", { ...SPECIALS, pad: "<pad>" })],
  ])("bring a %s back as it was", (name, tokenizer) => {
    const folder = mkdtempSync(join(tmpdir(), "luciole-tokenizer-"));
    saveTokenizer(tokenizer, folder);
    const loaded = loadTokenizer(folder);
    const text = name === "character tokenizer" ? "<think>1+1 T</think>" : CORPUS.join("");
    expect([...loaded.encode(text, { addSpecialTokens: true })]).toEqual([
      ...tokenizer.encode(text, { addSpecialTokens: true }),
    ]);
    expect([loaded.vocabSize, loaded.bosId, loaded.eosId, loaded.padId]).toEqual([
      tokenizer.vocabSize,
      tokenizer.bosId,
      tokenizer.eosId,
      tokenizer.padId,
    ]);
    expect(loaded.toJSON()).toEqual(JSON.parse(JSON.stringify(tokenizer)));
    if (name === "character tokenizer") expect(loaded.constructor).toBe(tokenizer.constructor);
    rmSync(folder, { recursive: true });
  });

  it("name a missing or truncated file", () => {
    const folder = mkdtempSync(join(tmpdir(), "luciole-tokenizer-"));
    expect(() => loadTokenizer(folder)).toThrow(DataError);
    writeFileSync(join(folder, "tokenizer.json"), '{"model":');
    expect(() => loadTokenizer(folder)).toThrow(/tokenizer\.json: not valid JSON/);
    rmSync(folder, { recursive: true });
  });
});

describe("pair heap", () => {
  it("pops by count, then by key", () => {
    const heap = new PairHeap();
    const entries = Array.from({ length: 200 }, (_, i) => ({ key: (i * 37) % 200, count: (i * 11) % 7 }));
    for (const { key, count } of entries) heap.push(key, count);
    const popped = entries.map(() => heap.pop());
    expect(popped).toEqual([...entries].sort((a, b) => b.count - a.count || a.key - b.key));
    expect(heap.size).toBe(0);
  });
});

describe("pair table", () => {
  it("gives back what a Map of pairs does, the last value of a pair that comes twice", () => {
    const random = new Random(5);
    const table = new PairTable(500);
    const map = new Map<string, number>();
    for (let i = 0; i < 500; i++) {
      const [left, right] = [random.below(40), random.below(1 << 20) * (i % 2)];
      table.set(left, right, i);
      map.set(`${left} ${right}`, i);
    }
    for (const [pair, value] of map)
      expect(table.get(...(pair.split(" ").map(Number) as [number, number]))).toBe(value);
    for (let left = 0; left < 60; left++) expect(table.get(left, 7)).toBe(map.get(`${left} 7`) ?? NOT_THERE);
    expect(new PairTable(0).get(0, 0)).toBe(NOT_THERE);
  });
});
