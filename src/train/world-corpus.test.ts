// Claims about the world's corpus as tokens: nothing is lost, digits are single tokens, it is made fast.
import { describe, expect, it } from "vitest";
import { World } from "../tasks/world.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import { WorldCorpus, worldText, worldTokenizer } from "./world-corpus.js";

const world = new World({}, 0);
const tokenizer = worldTokenizer(world, 1024);
const corpus = new WorldCorpus(world, tokenizer);

describe("world corpus", () => {
  it("holds prompt and response between begin and end token, and decodes to the text", () => {
    for (const split of ["train", "heldout"] as const)
      for (const [i, { ids }] of corpus.sequences(40, 50, split).entries()) {
        expect([ids[0], ids[ids.length - 1]]).toEqual([tokenizer.bosId, tokenizer.eosId]);
        expect(tokenizer.decode(Int32Array.from(ids).subarray(1, -1))).toBe(worldText(world, 40 + i, split));
        expect(tokenizer.decode(ids)).toMatch(/^<bos>User: .*\nAssistant:.*<eos>$/s);
      }
  });

  it("gives sequence i whatever is asked for beside it", () => {
    expect(corpus.sequences(10, 5)[3]).toEqual(corpus.sequences(13, 1)[0]);
    expect(new WorldCorpus(new World({}, 0), worldTokenizer(world, 1024)).sequences(13, 1)).toEqual(
      corpus.sequences(13, 1),
    );
  });

  it("writes numbers digit by digit, always with the same ten tokens, and words in few", () => {
    const digits = Array.from({ length: 10 }, (_, digit) => tokenizer.tokenId(`${digit}`));
    const ids = [...tokenizer.encode("cost 1204 dollars, 3*408=1224;")];
    expect(
      ids
        .filter((id) => digits.includes(id))
        .map((id) => tokenizer.decode([id]))
        .join(""),
    ).toBe("120434081224");
    const { length } = Array.from({ length: 500 }, (_, i) => worldText(world, 9000 + i, "train")).join("");
    const numTokens = corpus.sequences(9000, 500).reduce((sum, { ids: each }) => sum + each.length - 2, 0);
    expect(length / numTokens).toBeGreaterThan(2.4);
  });

  it("is encoded without a time limit: the expression is known, in a run's files too", () => {
    expect(Object.hasOwn(tokenizer, "encode")).toBe(false);
    expect(Object.hasOwn(createTokenizer(tokenizer.toJSON()), "encode")).toBe(false);
    const pattern = { Regex: "(a+)+$" };
    const pre_tokenizer = { type: "Split", pattern, behavior: "Isolated", invert: false };
    expect(Object.hasOwn(createTokenizer({ ...tokenizer.toJSON(), pre_tokenizer }), "encode")).toBe(true);
  });

  it("makes 100,000 tokens within seconds", () => {
    const start = performance.now();
    let numTokens = 0;
    for (let i = 0; numTokens < 100_000; i += 100)
      numTokens += corpus.sequences(20_000 + i, 100).reduce((sum, { ids }) => sum + ids.length, 0);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
