// The one interface behind which every tokenizer stands, and the part of the tokenizer.json format the project reads
// and writes. Does not know how any tokenizer splits text.

/** A token that is matched in text before anything else and never split. */
export interface SpecialToken {
  readonly token: string;
  readonly id: number;
  /**
   * True for control tokens (begin, end, padding) that `skipSpecialTokens` drops; false for tags such as `<think>` that
   * are part of the text.
   */
  readonly special: boolean;
}

/** Choices of `encode`. */
export interface EncodeOptions {
  /**
   * Adds what the tokenizer's post-processor adds (usually the begin token). Off by default, so that
   * decode(encode(text)) is the text.
   */
  readonly addSpecialTokens?: boolean;
  /** Characters that stand for others so that no added token is found at them (see `MarkedText`). */
  readonly marks?: ReadonlyMap<string, string>;
}

/** Choices of `decode`. */
export interface DecodeOptions {
  /** Leaves control tokens out of the text; tags stay. Off by default. */
  readonly skipSpecialTokens?: boolean;
}

/** Text to ids and back. */
export interface Tokenizer {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
  readonly specialTokens: readonly SpecialToken[];
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** Ids outside the vocabulary are left out, as Hugging Face's tokenizers do. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  tokenId(token: string): number | undefined;
  /**
   * The bytes a token stands for wherever it stands, undefined outside the vocabulary. Absent where a token's text
   * depends on its neighbours.
   */
  tokenBytes?(id: number): Uint8Array | undefined;
  /** tokenizer_config.json, where the tokenizer came with one. */
  readonly config?: TokenizerConfigJson;
  /** The tokenizer.json object, readable by Hugging Face's `tokenizers` and `transformers`. */
  toJSON(): TokenizerJson;
}

/** The parts of tokenizer.json used here; everything else is carried along untouched. */
export interface TokenizerJson {
  readonly version?: string;
  readonly added_tokens?: readonly AddedTokenJson[];
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly post_processor?: unknown;
  readonly decoder?: unknown;
  readonly model: {
    readonly type?: string;
    readonly vocab?: unknown;
    readonly merges?: readonly unknown[];
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

/** The parts of tokenizer_config.json used here. A token is its text, or an object with the text as `content`. */
export interface TokenizerConfigJson {
  readonly bos_token?: TokenName;
  readonly eos_token?: TokenName;
  readonly pad_token?: TokenName;
  readonly add_bos_token?: boolean;
  readonly chat_template?: unknown;
  readonly [key: string]: unknown;
}

/** A token as tokenizer_config.json names it. */
export type TokenName = string | { readonly content: string } | null;

/** Text of a token in tokenizer_config.json. */
export const tokenText = (name: TokenName | undefined): string | undefined =>
  typeof name === "string" ? name : name?.content;

/** The id of a token in tokenizer_config.json. */
export function roleId(tokenizer: Pick<Tokenizer, "tokenId">, name: TokenName | undefined): number | undefined {
  const text = tokenText(name);
  return text === undefined ? undefined : tokenizer.tokenId(text);
}

/**
 * The ids before a text: what tokenizer.json puts there, unless tokenizer_config.json says otherwise of the begin
 * token. DeepSeek's tokenizer.json adds none while its `add_bos_token` asks for it; `transformers` follows the latter.
 */
export function addsBegin(
  { add_bos_token }: TokenizerConfigJson,
  bosId: number | undefined,
  before: readonly number[],
): readonly number[] {
  if (bosId === undefined || add_bos_token === undefined) return before;
  const others = before.filter((id) => id !== bosId);
  return add_bos_token ? [bosId, ...others] : others;
}

/** An entry of `added_tokens` in tokenizer.json. */
export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
}

/** Which special tokens a new tokenizer gets. Ids are given in the order bos, eos, pad, tags. */
export interface SpecialTokenSpec {
  readonly bos?: string;
  readonly eos?: string;
  readonly pad?: string;
  /** Tokens that belong to the text, such as `<think>`: single ids, but kept when control tokens are skipped. */
  readonly tags?: readonly string[];
}
