// A tokenizer whose vocabulary is a fixed alphabet: one token per character, plus special tokens. Meant for models
// trained from nothing. Knows nothing of what the text means.
import { ConfigError, DataError } from "../errors.js";
import { bpeJson } from "./bpe-json.js";
import { encodeMarked } from "./control-tokens.js";
import {
  addedTokensJson,
  frameProcessor,
  numberSpecialTokens,
  SpecialTokenMatcher,
  specialTokenRoles,
} from "./special-tokens.js";
import type {
  DecodeOptions,
  EncodeOptions,
  SpecialToken,
  SpecialTokenSpec,
  Tokenizer,
  TokenizerJson,
} from "./tokenizer.js";

const NO_ID = -1;

/**
 * Special tokens get ids 0 …, the alphabet's characters follow in the order given. A declared bos token is what
 * `addSpecialTokens` prepends. `encode` throws a DataError naming a character that is not in the alphabet.
 * @throws ConfigError for a repeated character or special token
 */
export function createCharTokenizer(alphabet: string, specialTokens: SpecialTokenSpec = {}): Tokenizer {
  const specials = numberSpecialTokens(specialTokens);
  const characters = [...alphabet];
  if (new Set(characters).size !== characters.length)
    throw new ConfigError(`alphabet must not repeat a character, got ${JSON.stringify(alphabet)}`);
  for (const { token } of specials)
    if (characters.includes(token))
      throw new ConfigError(`special token "${token}" is also a character of the alphabet`);
  return new CharTokenizer(characters, specials, specialTokenRoles(specialTokens, specials));
}

/**
 * The inverse of `toJSON`, given which tokens tokenizer_config.json names as begin, end and padding; undefined for a
 * tokenizer.json that is not exactly of this kind.
 */
export function charTokenizerFromJson(
  json: TokenizerJson,
  roles: Omit<SpecialTokenSpec, "tags">,
): Tokenizer | undefined {
  const { vocab, merges, type } = json.model;
  if (
    type !== "BPE" ||
    merges?.length !== 0 ||
    (json.pre_tokenizer ?? null) !== null ||
    typeof vocab !== "object" ||
    vocab === null
  )
    return undefined;
  const tokens = Object.entries(vocab as Record<string, number>)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
  const specials = (json.added_tokens ?? []).map(({ content, id, special }) => ({
    token: content,
    id,
    special: special ?? false,
  }));
  const characters = tokens.slice(specials.length);
  const rebuilt = new CharTokenizer(characters, specials, specialTokenRoles(roles, specials));
  return JSON.stringify(rebuilt.toJSON()) === JSON.stringify(json) ? rebuilt : undefined;
}

class CharTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
  readonly #tokens: readonly string[];
  readonly #idByToken: ReadonlyMap<string, number>;
  /**
   * Id by UTF-16 unit, for the characters of the basic plane; a table look-up is what makes encoding a corpus quick.
   */
  readonly #idByUnit = new Int32Array(65536).fill(NO_ID);
  /** 1 for the units at which a special token may start. */
  readonly #mayStartSpecial = new Uint8Array(65536);
  readonly #matcher: SpecialTokenMatcher;

  constructor(
    characters: readonly string[],
    readonly specialTokens: readonly SpecialToken[],
    roles: { readonly bosId?: number; readonly eosId?: number; readonly padId?: number },
  ) {
    this.bosId = roles.bosId;
    this.eosId = roles.eosId;
    this.padId = roles.padId;
    this.#tokens = [...specialTokens.map((s) => s.token), ...characters];
    this.vocabSize = this.#tokens.length;
    this.#idByToken = new Map(this.#tokens.map((token, id) => [token, id]));
    this.#matcher = new SpecialTokenMatcher(specialTokens);
    for (const { token } of specialTokens) this.#mayStartSpecial[token.charCodeAt(0)] = 1;
    for (const character of characters)
      if (character.length === 1) this.#idByUnit[character.charCodeAt(0)] = this.#idByToken.get(character) ?? NO_ID;
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    if (options.marks?.size) return encodeMarked(text, options, (part, own) => this.encode(part, own));
    const ids = new Int32Array(text.length + 1);
    let length = 0;
    if (options.addSpecialTokens && this.bosId !== undefined) ids[length++] = this.bosId;
    for (let at = 0; at < text.length; ) {
      const unit = text.charCodeAt(at);
      const special = this.#mayStartSpecial[unit] === 1 ? this.#matcher.matchAt(text, at) : undefined;
      const id = special?.id ?? this.#idByUnit[unit];
      if (id !== NO_ID) {
        ids[length++] = id;
        at += special?.token.length ?? 1;
      } else {
        const character = String.fromCodePoint(text.codePointAt(at) ?? unit);
        ids[length++] = this.#wideCharacterId(character, text, at);
        at += character.length;
      }
    }
    return ids.slice(0, length);
  }

  #wideCharacterId(character: string, text: string, at: number): number {
    const id = character.length > 1 ? this.#idByToken.get(character) : undefined;
    if (id !== undefined) return id;
    const alphabet = this.#tokens.slice(this.specialTokens.length).join("");
    const excerpt = text.slice(Math.max(0, at - 10), at + 10);
    throw new DataError(
      `character ${JSON.stringify(character)} at position ${at} (near ${JSON.stringify(excerpt)}) is not in ` +
        `the tokenizer's alphabet ${JSON.stringify(alphabet)}`,
    );
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    let text = "";
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (options.skipSpecialTokens && this.specialTokens[id]?.special) continue;
      text += this.#tokens[id] ?? "";
    }
    return text;
  }

  tokenBytes(id: number): Uint8Array | undefined {
    const token = this.#tokens[id];
    return token === undefined ? undefined : new TextEncoder().encode(token);
  }

  tokenId(token: string): number | undefined {
    return this.#idByToken.get(token);
  }

  /**
   * A BPE model without merges and without a pre-tokeniser: exactly one token per character in every reader of the
   * format.
   */
  toJSON(): TokenizerJson {
    return bpeJson({
      added_tokens: addedTokensJson(this.specialTokens),
      normalizer: null,
      pre_tokenizer: null,
      post_processor: frameProcessor(this.specialTokens.find((s) => s.id === this.bosId)),
      decoder: { type: "Fuse" },
      vocab: Object.fromEntries(this.#idByToken),
      merges: [],
    });
  }
}
