// Which of the tokenizers runs a tokenizer.json: ours where it knows all that the file holds, else the kept library.
// Reads no files.
import { DataError, LucioleError } from "../errors.js";
import { BYTE_LEVEL_DECODER } from "./bpe-json.js";
import { createBpeTokenizer } from "./bpe-tokenizer.js";
import { charTokenizerFromJson } from "./char-tokenizer.js";
import { type GgufFacts, ggufTokenizer } from "./gguf-tokenizer.js";
import { createLibraryTokenizer } from "./library-tokenizer.js";
import { limitTime } from "./time-limited-tokenizer.js";
import { type Tokenizer, type TokenizerConfigJson, type TokenizerJson, tokenText } from "./tokenizer.js";
import { checkTokenizerJson } from "./tokenizer-check.js";

/**
 * The tokenizer of a tokenizer.json (called `where` in errors) and its tokenizer_config.json. @throws DataError when
 * nobody can read it
 */
export function createTokenizer(
  json: TokenizerJson,
  config: TokenizerConfigJson = {},
  where = "tokenizer.json",
): Tokenizer {
  const checked = checkTokenizerJson(json, where);
  try {
    return limitTime(readTokenizer(checked, config), checked);
  } catch (error) {
    if (error instanceof LucioleError) throw error;
    // A file whose parts are not of the kind the format says shows as whatever went wrong first.
    throw new DataError(`${where} is malformed (${(error as Error).message}); download it again`, { cause: error });
  }
}

function readTokenizer(json: TokenizerJson, config: TokenizerConfigJson): Tokenizer {
  const roles = {
    bos: tokenText(config.bos_token),
    eos: tokenText(config.eos_token),
    pad: tokenText(config.pad_token),
  };
  return charTokenizerFromJson(json, roles) ?? createBpeTokenizer(json, config) ?? createLibraryTokenizer(json, config);
}

/**
 * The tokenizer of a GGUF file. Throws DataError, which begins with `where`, as `ggufTokenizer` does, and for merges
 * that do not fit the tokens.
 */
export function createGgufTokenizer(facts: GgufFacts, where: string): Tokenizer {
  const { json, config } = ggufTokenizer(facts, where);
  if ((json.decoder as { readonly type?: string }).type !== BYTE_LEVEL_DECODER.type)
    return createLibraryTokenizer(json, config);
  const tokenizer = createBpeTokenizer(json, config);
  if (!tokenizer)
    throw new DataError(
      `${where}: its merges (tokenizer.ggml.merges) name tokens that its vocabulary lacks; download or ` +
        "convert it again",
    );
  return tokenizer;
}
