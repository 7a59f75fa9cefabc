// A tokenizer that needs no training: one token per UTF-8 byte, plus special tokens. Encodes any text; knows nothing of
// what it means.
import { BYTE_LEVEL_DECODER, bpeJson } from "./bpe-json.js";
import { CHARACTER_OF_BYTE } from "./byte-alphabet.js";
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

const NUM_BYTES = 256;

/** Ids 0 … 255 are the bytes, special tokens follow. A declared bos token is what `addSpecialTokens` prepends. */
export function createByteTokenizer(specialTokens: SpecialTokenSpec = {}): Tokenizer {
  return new ByteTokenizer(specialTokens);
}

class ByteTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  readonly padId?: number;
  readonly specialTokens: readonly SpecialToken[];
  readonly #matcher: SpecialTokenMatcher;
  readonly #encoder = new TextEncoder();

  constructor(spec: SpecialTokenSpec) {
    this.specialTokens = numberSpecialTokens(spec, NUM_BYTES);
    this.vocabSize = NUM_BYTES + this.specialTokens.length;
    Object.assign(this, specialTokenRoles(spec, this.specialTokens));
    this.#matcher = new SpecialTokenMatcher(this.specialTokens);
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    if (options.marks?.size) return encodeMarked(text, options, (part, own) => this.encode(part, own));
    const ids: number[] = options.addSpecialTokens && this.bosId !== undefined ? [this.bosId] : [];
    let start = 0;
    for (let at = 0; at <= text.length; ) {
      const special = at < text.length ? this.#matcher.matchAt(text, at) : undefined;
      if (special !== undefined || at === text.length) {
        for (const byte of this.#encoder.encode(text.slice(start, at))) ids.push(byte);
        if (special !== undefined) ids.push(special.id);
        start = at + (special?.token.length ?? 0);
      }
      at += special?.token.length ?? 1;
    }
    return Int32Array.from(ids);
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    let bytes: number[] = [];
    const flush = (): void => {
      text += decoder.decode(Uint8Array.from(bytes));
      bytes = [];
    };
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (id >= 0 && id < NUM_BYTES) bytes.push(id);
      const special = this.specialTokens[id - NUM_BYTES];
      if (special === undefined || (options.skipSpecialTokens && special.special)) continue;
      flush();
      text += special.token;
    }
    flush();
    return text;
  }

  tokenBytes(id: number): Uint8Array | undefined {
    if (id >= 0 && id < NUM_BYTES) return Uint8Array.of(id);
    const special = this.specialTokens[id - NUM_BYTES];
    return special && this.#encoder.encode(special.token);
  }

  tokenId(token: string): number | undefined {
    const byte = token.length === 1 ? CHARACTER_OF_BYTE.indexOf(token) : -1;
    return byte >= 0 ? byte : this.specialTokens.find((special) => special.token === token)?.id;
  }

  toJSON(): TokenizerJson {
    const vocab = Object.fromEntries(CHARACTER_OF_BYTE.map((character, byte) => [character, byte]));
    return byteLevelJson({ vocab, merges: [], specialTokens: this.specialTokens, bosId: this.bosId });
  }
}

/** tokenizer.json of a byte-level BPE; `pattern` replaces GPT-2's pre-tokeniser expression. */
export function byteLevelJson(parts: {
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly [string, string])[];
  readonly specialTokens: readonly SpecialToken[];
  readonly bosId?: number;
  readonly pattern?: string;
}): TokenizerJson {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: parts.pattern === undefined,
  };
  const split = { type: "Split", pattern: { Regex: parts.pattern }, behavior: "Isolated", invert: false };
  return bpeJson({
    added_tokens: addedTokensJson(parts.specialTokens),
    normalizer: null,
    pre_tokenizer: parts.pattern === undefined ? byteLevel : { type: "Sequence", pretokenizers: [split, byteLevel] },
    post_processor: frameProcessor(parts.specialTokens.find((special) => special.id === parts.bosId)),
    decoder: BYTE_LEVEL_DECODER,
    vocab: parts.vocab,
    merges: parts.merges,
  });
}
