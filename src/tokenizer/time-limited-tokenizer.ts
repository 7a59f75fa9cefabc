// Regular expressions of a tokenizer.json that are neither of a published kind nor our own may take for ever on some
// text: then encoding and decoding are stopped. Does not know how any tokenizer splits text.
import { DataError } from "../errors.js";
import { withinTime } from "../time-limit.js";
import { SINGLE_DIGITS_PATTERN } from "./pre-tokenizer.js";
import { PRE_TOKENIZER_KINDS, preTokenizerOf } from "./pre-tokenizer-kinds.js";
import type { Tokenizer, TokenizerJson } from "./tokenizer.js";

const LIMIT_MS = 3000;
/** A hundred times what published expressions take. */
const LIMIT_MS_PER_CHARACTER = 0.01;

const written = (regex: string): string => regex.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
const KNOWN: ReadonlySet<string> = new Set([
  SINGLE_DIGITS_PATTERN,
  ...PRE_TOKENIZER_KINDS.flatMap((kind) =>
    preTokenizerOf(kind).steps.flatMap(({ pattern }) => (pattern?.Regex === undefined ? [] : [written(pattern.Regex)])),
  ),
]);

/** Whether a part of tokenizer.json holds an expression that is not known. */
function hasForeignPattern(part: unknown): boolean {
  if (typeof part !== "object" || part === null) return false;
  return Object.entries(part).some(([key, value]) =>
    key === "Regex" && typeof value === "string" ? !KNOWN.has(written(value)) : hasForeignPattern(value),
  );
}

/** The same tokenizer; where it runs expressions of unknown making, a DataError ends the calls that take too long. */
export function limitTime(tokenizer: Tokenizer, json: TokenizerJson): Tokenizer {
  const limited =
    <A extends { readonly length: number }, O, R>(call: (input: A, options?: O) => R) =>
    (input: A, options?: O): R => {
      const limitMs = LIMIT_MS + LIMIT_MS_PER_CHARACTER * input.length;
      return withinTime(
        limitMs,
        () => call(input, options),
        () => tookTooLong(limitMs),
      );
    };
  if (hasForeignPattern(json.normalizer) || hasForeignPattern(json.pre_tokenizer))
    tokenizer.encode = limited(tokenizer.encode.bind(tokenizer));
  if (hasForeignPattern(json.decoder)) tokenizer.decode = limited(tokenizer.decode.bind(tokenizer));
  return tokenizer;
}

const tookTooLong = (limitMs: number): DataError =>
  new DataError(
    `the model's tokenizer was stopped after ${Math.round(limitMs / 1000)} seconds: its regular ` +
      "expressions backtrack without end; use a tokenizer.json of a common kind",
  );
