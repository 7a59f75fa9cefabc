// Any tokenizer.json through the kept library, @huggingface/tokenizers, behind the project's interface. Reads no files.
import { Tokenizer as LibraryEngine } from "@huggingface/tokenizers";
import { DataError } from "../errors.js";
import { AddedTokens, type TextPiece } from "./added-tokens.js";
import { restoring } from "./control-tokens.js";
import {
  type AddedTokenJson,
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

/** What is replaced of the library's own. */
interface EngineInside {
  readonly normalizer: ((text: string) => string) | null;
  added_tokens_map: ReadonlyMap<string, AddedTokenJson>;
  splitter_unnormalized: { split(text: string): string[] };
  splitter_normalized: { split(text: string): string[] };
  pre_tokenizer: ((text: string, options: unknown) => string[]) | null;
  model: (pieces: string[]) => string[];
}

/** A tokenizer.json run by the kept library. */
export class LibraryTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
  readonly specialTokens: readonly SpecialToken[];
  readonly #engine: LibraryEngine;
  /** Puts back what stands behind the marks of the text at hand. */
  #restore = restoring(undefined);

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
    this.#takeOver(json.added_tokens ?? []);
    this.specialTokens = (json.added_tokens ?? []).map(({ content, id, special }) => ({
      token: content,
      id,
      special: special ?? false,
    }));
    this.vocabSize = this.#engine.get_vocab().size;
    this.bosId = roleId(this, config.bos_token);
    this.eosId = roleId(this, config.eos_token);
    this.padId = roleId(this, config.pad_token);
  }

  /**
   * Added tokens are found by our rules, which are those of Hugging Face's tokenizers, and characters behind marks put
   * back before pre-tokenising.
   */
  #takeOver(tokens: readonly AddedTokenJson[]): void {
    const engine = this.#engine as unknown as EngineInside;
    const { normalizer, pre_tokenizer, model } = engine;
    const added = new AddedTokens(tokens, (text) => normalizer?.(text) ?? text);
    // The library knows tokens by their text, which plain text may equal: they get names that no text has.
    const nameOf = ({ id }: { readonly id: number }) => `\0added ${id}`;
    const texts = (pieces: readonly TextPiece[]) =>
      pieces.map((piece) => (typeof piece === "string" ? piece : nameOf(piece)));
    engine.added_tokens_map = new Map(
      tokens.map((token) => [nameOf(token), { ...token, lstrip: false, rstrip: false }]),
    );
    engine.splitter_unnormalized = { split: (text) => texts(added.splitRaw(text)) };
    engine.splitter_normalized = { split: (text) => texts(added.splitNormalised(text)) };
    engine.pre_tokenizer = pre_tokenizer && ((text, options) => pre_tokenizer(this.#restore(text), options));
    engine.model = new Proxy(model, {
      apply: (target, self, [pieces]) => Reflect.apply(target, self, [pieces.map(this.#restore)]),
    });
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    this.#restore = restoring(options.marks);
    const plain = this.#encode(text, options.addSpecialTokens ?? false);
    if (!options.addSpecialTokens) return Int32Array.from(plain);
    const hasBegin = this.bosId !== undefined && plain[0] === this.bosId;
    return Int32Array.from([
      ...addsBegin(this.config, this.bosId, hasBegin ? [plain[0]] : []),
      ...plain.slice(hasBegin ? 1 : 0),
    ]);
  }

  #encode(text: string, add_special_tokens: boolean): number[] {
    try {
      return this.#engine.encode(text, { add_special_tokens }).ids;
    } catch (error) {
      // The library looks at some parts of the file only when it meets a text.
      throw new DataError(`tokenizer.json is malformed (${(error as Error).message}); download it again`, {
        cause: error,
      });
    }
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const known = Array.from(ids).filter((id) => this.#engine.id_to_token(id) !== undefined);
    // The library refuses an empty list.
    return known.length === 0
      ? ""
      : this.#engine.decode(known, { skip_special_tokens: options.skipSpecialTokens ?? false });
  }

  tokenId(token: string): number | undefined {
    return this.#engine.token_to_id(token);
  }

  toJSON(): TokenizerJson {
    return this.json;
  }
}
