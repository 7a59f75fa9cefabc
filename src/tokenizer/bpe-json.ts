// The form that every BPE tokenizer.json written here shares, whatever stands before and after the model. Knows no
// vocabulary.
import type { AddedTokenJson, TokenizerJson } from "./tokenizer.js";

/** What differs between them. */
export interface BpeJsonParts {
  readonly added_tokens: readonly AddedTokenJson[];
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly post_processor: unknown;
  readonly decoder: unknown;
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly unknown[];
  /** Whether a piece that is a token as a whole is taken without merging (Llama 3). */
  readonly ignoreMerges?: boolean;
  /** What characters without a token become, several at once; default: they are left out. */
  readonly unknownToken?: string;
  /** Whether characters without a token become the tokens of their bytes (`<0x0A>`). */
  readonly hasByteFallback?: boolean;
}

/** Turns the characters that stand for bytes back into bytes. */
export const BYTE_LEVEL_DECODER = {
  type: "ByteLevel",
  add_prefix_space: true,
  trim_offsets: true,
  use_regex: true,
} as const;

/** A tokenizer.json of a BPE without dropout or affixes of subwords. */
export function bpeJson({ vocab, merges, ignoreMerges = false, ...parts }: BpeJsonParts): TokenizerJson {
  const {
    added_tokens,
    normalizer,
    pre_tokenizer,
    post_processor,
    decoder,
    unknownToken,
    hasByteFallback = false,
  } = parts;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens,
    normalizer,
    pre_tokenizer,
    post_processor,
    decoder,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknownToken ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: unknownToken !== undefined,
      byte_fallback: hasByteFallback,
      ignore_merges: ignoreMerges,
      vocab,
      merges,
    },
  };
}
