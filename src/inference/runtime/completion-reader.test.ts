// Claims about reading completions: token by token and in one go give the same.
import { describe, expect, it } from "vitest";
import { Random } from "../../random.js";
import { RESPONSE_TAGS } from "../../tasks/response.js";
import { createByteTokenizer, createCharTokenizer, type Tokenizer } from "../../tokenizer/index.js";
import { CompletionReader } from "./completion-reader.js";

const END = "<eos>";
const tokenizers: Record<string, Tokenizer> = {
  "tags are tokens": createCharTokenizer("abc <>/think", { eos: END, tags: [...RESPONSE_TAGS] }),
  "tags are spelled": createCharTokenizer("abc <>/thinkswer", { eos: END }),
  "bytes of characters": createByteTokenizer({ eos: END, tags: [...RESPONSE_TAGS] }),
};

describe("reading a completion in one go", () => {
  for (const [name, tokenizer] of Object.entries(tokenizers))
    for (const form of ["chat", "tagged"] as const)
      it(`gives what reading token by token gives: ${name}, ${form}`, () => {
        const random = new Random(7);
        const endIds = new Set([tokenizer.eosId as number]);
        for (let round = 0; round < 300; round++) {
          const startsInside = random.float() < 0.5;
          const ids = anyCompletion(tokenizer, random);
          const each = new CompletionReader(tokenizer, { form, startsInside }, []);
          for (const id of ids) each.push(id, endIds.has(id), false);
          const all = new CompletionReader(tokenizer, { form, startsInside }, []);
          all.pushAll(ids, endIds);
          each.end();
          all.end();
          expect(all.read(), tokenizer.decode(ids)).toEqual(each.read());
        }
      });
});

function anyCompletion(tokenizer: Tokenizer, random: Random): Int32Array {
  const words = [...RESPONSE_TAGS, "a b", " ", "<", "think>", "\\boxed{1}", "é"].filter((word) =>
    canSpell(tokenizer, word),
  );
  const text = Array.from({ length: 12 }, () => words[random.below(words.length)]).join("");
  const ids = [...tokenizer.encode(text)];
  if (random.float() < 0.5) ids.push(tokenizer.eosId as number);
  return Int32Array.from(ids);
}

function canSpell(tokenizer: Tokenizer, text: string): boolean {
  try {
    tokenizer.encode(text);
    return true;
  } catch {
    return false;
  }
}
