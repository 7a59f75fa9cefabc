// Any tokenizer.json through the kept library, @huggingface/tokenizers, behind the project's interface. Reads no files.
import { Tokenizer as LibraryEngine } from "@huggingface/tokenizers";
import { DataError } from "../errors.js";
import type { DecodeOptions, EncodeOptions, SpecialToken, Tokenizer, TokenizerJson } from "./tokenizer.js";

/** The parts of tokenizer_config.json used here. A token is its text, or an object with the text as `content`. */
export interface TokenizerConfigJson {
  readonly bos_token?: TokenName;
  readonly eos_token?: TokenName;
  readonly pad_token?: TokenName;
  readonly chat_template?: unknown;
  readonly [key: string]: unknown;
}
type TokenName = string | { readonly content: string } | null;

/** Wraps a parsed tokenizer.json. @throws DataError when the library cannot read it */
export function createLibraryTokenizer(json: TokenizerJson, config: TokenizerConfigJson = {}): LibraryTokenizer {
  return new LibraryTokenizer(json, config);
}

/** Text of a token in tokenizer_config.json. */
export const tokenText = (name: TokenName | undefined): string | undefined => (typeof name === "string" ? name : name?.content);

/** A tokenizer.json run by the kept library. */
export class LibraryTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
  readonly specialTokens: readonly SpecialToken[];
  readonly #engine: LibraryEngine;

  constructor(
    readonly json: TokenizerJson,
    readonly config: TokenizerConfigJson,
  ) {
    try {
      // The library tidies spaces before punctuation unless told not to, which would break decode(encode(text)) = text.
      this.#engine = new LibraryEngine(json, { clean_up_tokenization_spaces: false, ...config });
    } catch (error) {
      throw new DataError(`tokenizer.json cannot be read: ${(error as Error).message}`);
    }
    this.specialTokens = (json.added_tokens ?? []).map(({ content, id, special }) => ({ token: content, id, special: special ?? false }));
    this.vocabSize = 1 + Math.max(...this.#engine.get_vocab().values());
    this.bosId = this.#roleId(config.bos_token);
    this.eosId = this.#roleId(config.eos_token);
    this.padId = this.#roleId(config.pad_token);
  }

  #roleId(name: TokenName | undefined): number | undefined {
    const text = tokenText(name);
    return text === undefined ? undefined : this.#engine.token_to_id(text);
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    return Int32Array.from(this.#engine.encode(text, { add_special_tokens: options.addSpecialTokens ?? false }).ids);
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const known = Array.from(ids).filter((id) => this.#engine.id_to_token(id) !== undefined);
    // The library refuses an empty list.
    return known.length === 0 ? "" : this.#engine.decode(known, { skip_special_tokens: options.skipSpecialTokens ?? false });
  }

  tokenId(token: string): number | undefined {
    return this.#engine.token_to_id(token);
  }

  toJSON(): TokenizerJson {
    return this.json;
  }
}
