// A tokenizer.json of SentencePiece's BPE (Llama 2, Mistral, Gemma) as the pieces, scores and types that a GGUF file
// carries. Knows the two notations; encodes no text. Types: ggml-org/llama.cpp@00ad355, convert_hf_to_gguf.py,
// _create_vocab_sentencepiece. Scores come from the order of the merges, since tokenizer.json has no others.
import { CheckpointError } from "../errors.js";
import {
  isBytePiece,
  mergeablePieces,
  mergesOfScores,
  SPACE_MARK,
  TOKEN_TYPE,
} from "../tokenizer/gguf-sentencepiece.js";
import type { TokenizerJson } from "../tokenizer/tokenizer.js";
import type { GgufSetting } from "./gguf-writer.js";

/** The tokens of a vocabulary by id, with their types (`TOKEN_TYPE`). */
export interface TokenList {
  readonly texts: readonly string[];
  readonly types: readonly number[];
}

/** A merge as tokenizer.json writes it: two texts, or one with a space between. */
export type MergeJson = string | readonly [string, string];

/** The texts of a merge. */
export const mergePair = (merge: MergeJson): readonly [string, string] =>
  typeof merge === "string" ? (merge.split(" ", 2) as [string, string]) : merge;

/** Whether a tokenizer.json is SentencePiece's: spaces become U+2581, or characters fall back to bytes. */
export const isSentencePiece = ({ model, normalizer, pre_tokenizer }: TokenizerJson): boolean =>
  model.byte_fallback === true || JSON.stringify([normalizer, pre_tokenizer]).includes(SPACE_MARK);

/** The metadata of the vocabulary. Throws CheckpointError for what a GGUF file has no words for. */
export function sentencePieceSettings(
  tokenizer: TokenizerJson,
  merges: readonly MergeJson[],
  list: TokenList,
): GgufSetting[] {
  const { model } = tokenizer;
  const odd = ["ignore_merges", "dropout", "continuing_subword_prefix", "end_of_word_suffix"].find((key) => model[key]);
  if (odd) return refuse(`model.${odd} has no place in a GGUF file; expected none`);
  if (model.byte_fallback !== true) return refuse("model.byte_fallback is off, which GGUF readers do not know");
  const addsSpacePrefix = spacePrefix(tokenizer);
  const unknown = list.texts.indexOf(String(model.unk_token ?? ""));
  const types = list.texts.map((text, id) => pieceType(text, list.types[id], id === unknown));
  const scores = scoresOf(merges.map(mergePair), { texts: list.texts, types }, unknown);
  return [
    ["tokenizer.ggml.model", "string", "llama"],
    ["tokenizer.ggml.pre", "string", "default"],
    ["tokenizer.ggml.tokens", "strings", list.texts],
    ["tokenizer.ggml.scores", "f32s", scores],
    ["tokenizer.ggml.token_type", "i32s", types],
    ["tokenizer.ggml.add_space_prefix", "bool", addsSpacePrefix],
    ...(unknown < 0 ? [] : [["tokenizer.ggml.unknown_token_id", "u32", unknown] as const]),
  ];
}

const refuse = (problem: string): never => {
  throw new CheckpointError(`tokenizer.json cannot be written into a GGUF file: ${problem}`);
};

/** Readers show user-defined tokens as they are, so runs of U+2581, which stand for spaces, are normal pieces. */
function pieceType(text: string, type: number, isUnknown: boolean): number {
  if (isUnknown) return TOKEN_TYPE.unknown;
  if (type === TOKEN_TYPE.normal && isBytePiece(text)) return TOKEN_TYPE.byte;
  return type === TOKEN_TYPE.userDefined && text.includes(SPACE_MARK) ? TOKEN_TYPE.normal : type;
}

interface Step {
  readonly type?: string;
  readonly prepend?: unknown;
  readonly content?: unknown;
  readonly pattern?: { readonly String?: unknown };
  readonly replacement?: unknown;
  readonly prepend_scheme?: unknown;
  readonly split?: unknown;
  readonly normalizers?: readonly Step[];
}

/** Whether each text between added tokens gets a space in front. GGUF readers know no other treatment of spaces. */
function spacePrefix({ normalizer, pre_tokenizer }: TokenizerJson): boolean {
  const { normalizers } = (normalizer ?? { normalizers: [] }) as Step;
  const steps = Array.isArray(normalizers) ? normalizers : [normalizer as Step];
  const isPrefix = ({ type, prepend }: Step) => type === "Prepend" && prepend === SPACE_MARK;
  const isToMarks = ({ type, content, pattern }: Step) =>
    type === "Replace" && content === SPACE_MARK && pattern?.String === " ";
  const pre = (pre_tokenizer ?? {}) as Step;
  if (steps.length === 0 && pre.type === "Metaspace" && pre.replacement === SPACE_MARK) {
    if (pre.prepend_scheme === "never" && pre.split === false) return false;
    return refuse(
      "its pre-tokeniser (Metaspace) puts a space in front of some texts alone; GGUF readers put one in front of all " +
        "or of none",
    );
  }
  // Once spaces are marks there is nothing left for Gemma's pre-tokeniser to split at.
  if (pre_tokenizer && !(pre.type === "Split" && pre.pattern?.String === " "))
    return refuse(`its pre-tokeniser (${pre.type}) is not one that SentencePiece has; expected none`);
  if (steps.length === 1 && isToMarks(steps[0])) return false;
  if (steps.length === 2 && isPrefix(steps[0]) && isToMarks(steps[1])) return true;
  return refuse(`its normalizer is not SentencePiece's; expected spaces to become ${SPACE_MARK} and nothing else`);
}

/**
 * The score of each piece: 0 for the one that is merged first, 1 less for each after it, and the least for pieces that
 * nothing makes. Throws where the merges say more than scores can.
 */
function scoresOf(
  merges: readonly (readonly [string, string])[],
  { texts, types }: TokenList,
  unknown: number,
): number[] {
  const scoreOf = new Map<string, number>();
  for (const [left, right] of merges) if (!scoreOf.has(left + right)) scoreOf.set(left + right, -scoreOf.size || 0);
  const least = -scoreOf.size || 0;
  const scores = texts.map((text) => scoreOf.get(text) ?? least);
  const pieces = mergeablePieces({ tokens: texts, types, scores, unknownToken: texts[unknown] }, refuse);
  const given = merges.filter((pair) => [...pair, pair.join("")].every((text) => pieces.has(text)));
  const notByScore = (piece: string) =>
    refuse(`the merges of ${JSON.stringify(piece)} do not follow from one score per piece, which is all a file holds`);
  let last = Number.POSITIVE_INFINITY;
  for (const [left, right] of given) {
    const score = pieces.get(left + right)!;
    if (score > last) notByScore(left + right);
    last = score;
  }
  const known = new Set(given.map((pair) => pair.join(" ")));
  for (const pair of mergesOfScores(pieces)) if (!known.has(pair.join(" "))) notByScore(pair.join(""));
  return scores;
}
