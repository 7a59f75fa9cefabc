// Any tokenizer.json through the kept library, @huggingface/tokenizers, behind the project's interface. Reads no files.
import { Tokenizer as LibraryEngine } from "@huggingface/tokenizers";
import { DataError } from "../errors.js";
import {
  addsBegin,
  type DecodeOptions,
  type EncodeOptions,
  roleId,
  type SpecialToken,
  type Tokenizer,
  type TokenizerConfigJson,
  type TokenizerJson,
} from "./tokenizer.js";

/** Wraps a parsed tokenizer.json. @throws DataError when the library cannot read it */
export function createLibraryTokenizer(json: TokenizerJson, config: TokenizerConfigJson = {}): LibraryTokenizer {
  return new LibraryTokenizer(json, config);
}

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
    this.vocabSize = this.#engine.get_vocab().size;
    this.bosId = roleId(this, config.bos_token);
    this.eosId = roleId(this, config.eos_token);
    this.padId = roleId(this, config.pad_token);
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const plain = this.#encode(text, options.addSpecialTokens ?? false);
    if (!options.addSpecialTokens) return Int32Array.from(plain);
    const hasBegin = this.bosId !== undefined && plain[0] === this.bosId;
    return Int32Array.from([...addsBegin(this.config, this.bosId, hasBegin ? [plain[0]] : []), ...plain.slice(hasBegin ? 1 : 0)]);
  }

  #encode(text: string, add_special_tokens: boolean): number[] {
    try {
      return this.#engine.encode(text, { add_special_tokens }).ids;
    } catch (error) {
      // The library looks at some parts of the file only when it meets a text.
      throw new DataError(`tokenizer.json is malformed (${(error as Error).message}); download it again`, { cause: error });
    }
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
