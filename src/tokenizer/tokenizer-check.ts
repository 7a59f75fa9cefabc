// Whether a tokenizer.json has the parts that every reader of it relies on, each of its kind and of a possible size.
// Knows nothing of what they mean.
import { DataError } from "../errors.js";
import type { TokenizerJson } from "./tokenizer.js";

/** Ids lie below this: tables of tokens are as long as the largest. The largest vocabularies have 262,144. */
const MAX_IDS = 1 << 22;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isId = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_IDS;
const isMerge = (value: unknown): boolean =>
  typeof value === "string" ||
  (Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string"));

/** The same object, checked. Throws DataError, which begins with `where` and names the part at fault. */
export function checkTokenizerJson(json: unknown, where = "tokenizer.json"): TokenizerJson {
  const fail = (part: string, expected: string): never => {
    throw new DataError(`${where}: expected ${expected} as ${part}; download it again`);
  };
  if (!isRecord(json)) return fail("the whole", "a JSON object");
  const { model, added_tokens: added = [] } = json;
  if (!isRecord(model)) return fail("model", 'an object with "vocab"');
  const { vocab, merges = [] } = model;
  const ids = `whole numbers below ${MAX_IDS}`;
  if (isRecord(vocab))
    for (const token in vocab)
      if (!isId(vocab[token])) fail(`the id of token ${JSON.stringify(token.slice(0, 80))}`, ids);
  if (!Array.isArray(merges) || !merges.every(isMerge)) fail("model.merges", "a list of pairs");
  if (!Array.isArray(added) && added !== null) fail("added_tokens", "a list");
  for (const token of (added ?? []) as unknown[]) {
    if (!isRecord(token) || typeof token.content !== "string")
      fail("each of added_tokens", 'an object with "content" and "id"');
    else if (!isId(token.id)) fail(`the id of added token ${JSON.stringify(token.content.slice(0, 80))}`, ids);
  }
  return json as unknown as TokenizerJson;
}
