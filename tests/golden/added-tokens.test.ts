// Added tokens of every kind against Hugging Face's `tokenizers`: single words, stripping to either side, normalised or
// not.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createTokenizer, type TokenizerJson } from "../../src/tokenizer/index.js";

interface Golden {
  readonly kinds: Readonly<
    Record<
      string,
      {
        readonly tokenizer: TokenizerJson;
        readonly cases: readonly { readonly text: string; readonly ids: number[] }[];
      }
    >
  >;
}
const { kinds }: Golden = JSON.parse(readFileSync(new URL("tokenizers/added-tokens.json", import.meta.url), "utf8"));

test.each([
  ["byte_level", "BpeTokenizer"],
  ["lower_cased", "LibraryTokenizer"],
  ["prefixed", "LibraryTokenizer"],
])("%s", (kind, reader) => {
  const { tokenizer: json, cases } = kinds[kind];
  const tokenizer = createTokenizer(json);
  expect(tokenizer.constructor.name).toBe(reader);
  for (const { text, ids } of cases) expect({ text, ids: [...tokenizer.encode(text)] }).toEqual({ text, ids });
});
