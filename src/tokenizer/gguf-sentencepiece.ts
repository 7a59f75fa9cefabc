// A SentencePiece vocabulary of a GGUF file (`tokenizer.ggml.model` = "llama") as the BPE of a tokenizer.json: merges
// that follow from the scores of the pieces. Knows pieces and scores; reads no file. Source of the rules:
// ggml-org/llama.cpp@00ad355, src/llama-vocab.cpp, llm_tokenizer_spm_session.
import { bpeJson } from "./bpe-json.js";
import type { AddedTokenJson, TokenizerJson } from "./tokenizer.js";

/** Stands for a space in every piece. */
export const SPACE_MARK = "\u2581";
const BYTE_PIECE = /^<0x[0-9A-F]{2}>$/;
/** SentencePiece's own limit is 16 by default. Longer pieces would make reading slow by the square of their length. */
const MAX_PIECE_LENGTH = 512;

/** Types of tokens in GGUF files. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Whether a piece stands for one byte of a character that has no piece. */
export const isBytePiece = (piece: string): boolean => BYTE_PIECE.test(piece);

/** The pieces of a vocabulary, by id. */
export interface SentencePieces {
  readonly tokens: readonly string[];
  readonly scores: ArrayLike<number | bigint>;
  /** `TOKEN_TYPE`; every token is normal where the file has none. */
  readonly types?: ArrayLike<number | bigint>;
  readonly unknownToken: string | undefined;
  /** Whether every piece of text between added tokens gets a space in front. */
  readonly addsSpacePrefix: boolean;
}

/** The tokenizer.json of a vocabulary. Calls `refuse` for scores and pieces that cannot be. */
export function sentencePieceJson(
  pieces: SentencePieces,
  added_tokens: readonly AddedTokenJson[],
  post_processor: unknown,
  refuse: (problem: string) => never,
): TokenizerJson {
  const { tokens, addsSpacePrefix } = pieces;
  const toMarks = { type: "Replace", pattern: { String: " " }, content: SPACE_MARK };
  const prefix = { type: "Prepend", prepend: SPACE_MARK };
  return bpeJson({
    added_tokens,
    normalizer: addsSpacePrefix ? { type: "Sequence", normalizers: [prefix, toMarks] } : toMarks,
    pre_tokenizer: null,
    post_processor,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: SPACE_MARK }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(addsSpacePrefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges: mergesOfScores(mergeablePieces(pieces, refuse)),
    unknownToken: pieces.unknownToken,
    hasByteFallback: tokens.some(isBytePiece),
  });
}

/**
 * Pieces that text can become, with their scores. Control tokens stay out: text that spells one stays text. Calls
 * `refuse` for scores and pieces that cannot be.
 */
export function mergeablePieces(
  { tokens, scores, types, unknownToken }: Omit<SentencePieces, "addsSpacePrefix">,
  refuse: (problem: string) => never,
): ReadonlyMap<string, number> {
  if (scores.length !== tokens.length)
    refuse(`tokenizer.ggml.scores has ${scores.length} entries for ${tokens.length} tokens; download it again`);
  const mergeable = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    const type = Number(types?.[id] ?? TOKEN_TYPE.normal);
    const score = Number(scores[id]);
    if (Number.isNaN(score)) refuse(`the score of token ${id} is not a number; download it again`);
    if (token === unknownToken || isBytePiece(token)) continue;
    if (type !== TOKEN_TYPE.normal && type !== TOKEN_TYPE.userDefined) continue;
    if (token.length > MAX_PIECE_LENGTH)
      refuse(`token ${id} has ${token.length} characters; the maximum is ${MAX_PIECE_LENGTH}`);
    mergeable.set(token, score);
  }
  return mergeable;
}

/**
 * The merges that make every piece of two others, best score first. They give what SentencePiece gives, which takes the
 * neighbours that form the piece of the best score, the leftmost among equals; only where different pieces have one
 * score, the piece of the lower id comes first.
 */
export function mergesOfScores(scoreOf: ReadonlyMap<string, number>): (readonly [string, string])[] {
  const merges: { readonly pair: readonly [string, string]; readonly score: number }[] = [];
  for (const [piece, score] of scoreOf)
    for (let at = 1; at < piece.length; at++) {
      const pair = [piece.slice(0, at), piece.slice(at)] as const;
      if (scoreOf.has(pair[0]) && scoreOf.has(pair[1])) merges.push({ pair, score });
    }
  return merges.sort((a, b) => b.score - a.score || 0).map(({ pair }) => pair);
}
