// Claims about the character tokenizer: exact ids, tags whole, equality with the kept library, speed.
import { Tokenizer as HfTokenizer } from "@huggingface/tokenizers";
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../errors.js";
import { createCharTokenizer } from "./char-tokenizer.js";

const TAGS = ["<think>", "</think>", "<answer>", "</answer>"];
const tokenizer = createCharTokenizer("0123456789+-*/()=,;!:QA< \né🙂", {
  bos: "<bos>",
  eos: "<eos>",
  pad: "<pad>",
  tags: TAGS,
});
const SAMPLE = "Q:3 7 8=24\nA:<think>3+7=10,10*8=80;8-7=1!</think><answer>(8-7)*24</answer><eos>";

describe("character tokenizer", () => {
  it("numbers special tokens first, then the alphabet in order", () => {
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.padId]).toEqual([0, 1, 2]);
    expect(TAGS.map((tag) => tokenizer.tokenId(tag))).toEqual([3, 4, 5, 6]);
    expect([...tokenizer.encode("01<think>", { addSpecialTokens: true })]).toEqual([0, 7, 8, 3]);
    expect(tokenizer.vocabSize).toBe(7 + 28);
  });

  it("decodes what it encoded, with wide characters and a lone '<' that starts no tag", () => {
    const text = `${SAMPLE}<é🙂<`;
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer.encode("🙂")).toHaveLength(1);
  });

  it("drops control tokens but keeps tags when asked to skip special tokens", () => {
    const ids = tokenizer.encode("<bos><think>1</think><eos><pad>");
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe("<think>1</think>");
  });

  it("leaves ids outside the vocabulary out", () => {
    expect(tokenizer.decode([7, 999, -1, 8])).toBe("01");
  });

  it.each(["a", "\u{1F600}"])("names the unknown character %j", (character) => {
    expect(() => tokenizer.encode(`12${character}3`)).toThrow(DataError);
    expect(() => tokenizer.encode(`12${character}3`)).toThrow(`character "${character}" at position 2`);
  });

  it("refuses a repeated character and a repeated special token", () => {
    expect(() => createCharTokenizer("aba")).toThrow(ConfigError);
    expect(() => createCharTokenizer("ab", { tags: ["<x>", "<x>"] })).toThrow(ConfigError);
    expect(() => createCharTokenizer("ab", { eos: "a" })).toThrow(ConfigError);
  });

  it("may use one token as end and padding", () => {
    const shared = createCharTokenizer("ab", { eos: "<end>", pad: "<end>" });
    expect([shared.eosId, shared.padId, shared.vocabSize]).toEqual([0, 0, 3]);
  });

  it("gives the same ids and text through its tokenizer.json in @huggingface/tokenizers", () => {
    const library = new HfTokenizer(JSON.parse(JSON.stringify(tokenizer)), { clean_up_tokenization_spaces: false });
    for (const text of [SAMPLE, "0", " 1  2 \n\n3", "é🙂<", "<bos>1<pad>"]) {
      for (const addSpecialTokens of [false, true]) {
        expect(library.encode(text, { add_special_tokens: addSpecialTokens }).ids).toEqual([
          ...tokenizer.encode(text, { addSpecialTokens }),
        ]);
      }
      const ids = tokenizer.encode(text);
      for (const skip of [false, true]) {
        expect(library.decode([...ids], { skip_special_tokens: skip })).toBe(
          tokenizer.decode(ids, { skipSpecialTokens: skip }),
        );
      }
    }
  });

  it("encodes 50,000 traces of 150 characters in seconds at most", () => {
    const trace = SAMPLE.padEnd(150, "12+3=15,");
    const start = performance.now();
    for (let i = 0; i < 50000; i++) tokenizer.encode(trace);
    const elapsedMs = performance.now() - start;
    expect(elapsedMs).toBeLessThan(5000);
  });
});
