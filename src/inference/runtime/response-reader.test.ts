// Responses read from token ids: a tokenizer that flags the tags as special and its twin that does not give the same,
// tags that have a token are that token alone, and streams equal the whole.
import { expect, test } from "vitest";
import {
  type ParsedResponse,
  parseResponse,
  RESPONSE_TAGS,
  type ReadingOptions,
  ResponseRecord,
} from "../../tasks/response.js";
import { createByteTokenizer } from "../../tokenizer/byte-tokenizer.js";
import { createTokenizer } from "../../tokenizer/create-tokenizer.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { ResponseReader } from "./response-reader.js";

const unflagged = createByteTokenizer({ bos: "<s>", eos: "</s>", tags: [...RESPONSE_TAGS] });
const json = unflagged.toJSON();
const flagged = createTokenizer(
  { ...json, added_tokens: json.added_tokens?.map((token) => ({ ...token, special: true })) },
  { eos_token: "</s>" },
);
/** Spells the tags in bytes. */
const spelling = createByteTokenizer({ bos: "<s>", eos: "</s>" });

function read(tokenizer: Tokenizer, ids: Iterable<number>, options: ReadingOptions): ParsedResponse {
  const reader = new ResponseReader(tokenizer, options);
  const record = new ResponseRecord(options);
  for (const id of ids) record.add(reader.push(id));
  record.add(reader.end());
  return record.read();
}

const TEXTS = [
  "<think>é 🙂</think>\n<answer>日本</answer>",
  "so</think>4",
  "<think>a<answer>b</answer>",
  "use <think> here",
  "<answer>1</answer><think>2</think>",
  "a<b <thi",
  "",
];
const OPTIONS: ReadingOptions[] = [
  { form: "chat" },
  { form: "tagged" },
  { form: "chat", startsInside: true },
  { form: "tagged", startsInside: true },
];

test("flagged, unflagged or spelled in several tokens, the same text holds the same", () => {
  for (const text of TEXTS)
    for (const options of OPTIONS) {
      const expected = parseResponse(text, options);
      expect(expected.text).toBe(text);
      for (const tokenizer of [unflagged, flagged, spelling])
        expect(read(tokenizer, tokenizer.encode(`${text}</s>`), options)).toEqual(expected);
    }
});

test("where the vocabulary has a token for a tag, ordinary tokens that spell it are text", () => {
  const ids = [...spelling.encode("a</think>b"), unflagged.tokenId("</think>") as number, ...spelling.encode("c")];
  for (const tokenizer of [unflagged, flagged])
    expect(read(tokenizer, ids, { startsInside: true })).toMatchObject({
      think: "a</think>b",
      reply: "c",
      tags: ["<think>", "</think>"],
    });
});

test("half a character before a tag does not swallow it", () => {
  const ids = [0xf0, unflagged.tokenId("</think>") as number, 0x34];
  expect(read(unflagged, ids, { startsInside: true })).toMatchObject({ think: "\uFFFD", reply: "4" });
});
