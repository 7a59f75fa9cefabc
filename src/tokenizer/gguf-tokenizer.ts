// The vocabulary that a GGUF file carries, as tokenizer.json and tokenizer_config.json. Knows the metadata by key;
// reads no file. Keys and token types: ggml-org/llama.cpp@00ad355, gguf-py/gguf/constants.py; what a missing key means:
// its src/llama-vocab.cpp.
import { DataError, didYouMean } from "../errors.js";
import { BYTE_LEVEL_DECODER, bpeJson } from "./bpe-json.js";
import { isEndText } from "./end-tokens.js";
import { sentencePieceJson, TOKEN_TYPE } from "./gguf-sentencepiece.js";
import {
  PRE_TOKENIZER_KINDS,
  PRE_TOKENIZER_NAMES,
  type PreTokenizerKind,
  preTokenizerKindOf,
  preTokenizerOf,
} from "./pre-tokenizer-kinds.js";
import { frameProcessor } from "./special-tokens.js";
import type { AddedTokenJson, TokenizerConfigJson, TokenizerJson } from "./tokenizer.js";

/** The metadata of a file, by key and type; a key that is absent gives undefined. */
export interface GgufFacts {
  text(key: string): string | undefined;
  count(key: string): number | undefined;
  flag(key: string): boolean | undefined;
  texts(key: string): (Iterable<string> & { readonly length: number }) | undefined;
  numbers(key: string): ArrayLike<number | bigint> | undefined;
}

/** The two files a tokenizer is made of. */
export interface TokenizerParts {
  readonly json: TokenizerJson;
  readonly config: TokenizerConfigJson;
}

/** Part of the text whatever a file says, since thinking is told by them; some conversions make them control tokens. */
const TEXT_TAGS = ["<think>", "</think>"];
/** Where a SentencePiece file names no ids. */
const SENTENCEPIECE_IDS: Readonly<Record<string, number>> = { unknown_token_id: 0, bos_token_id: 1, eos_token_id: 2 };
const MODEL_NAMES: Readonly<Record<string, string>> = {
  bert: "WordPiece",
  t5: "Unigram",
  rwkv: "RWKV",
};

/**
 * The tokenizer of a GGUF file. Throws DataError, which begins with `where`, for a vocabulary of another kind or one
 * that contradicts itself.
 */
export function ggufTokenizer(facts: GgufFacts, where: string): TokenizerParts {
  const refuse = (problem: string): never => {
    throw new DataError(`${where}: ${problem}`);
  };
  const model = readModel(facts, refuse);
  const kind = model === "gpt2" ? readKind(facts, refuse) : undefined;
  const tokens = [
    ...(facts.texts("tokenizer.ggml.tokens") ??
      refuse("the file carries no vocabulary (tokenizer.ggml.tokens is missing)")),
  ];
  const types = facts.numbers("tokenizer.ggml.token_type");
  if (types && types.length !== tokens.length)
    refuse(`tokenizer.ggml.token_type has ${types.length} entries for ${tokens.length} tokens; download it again`);
  const added = addedTokens(tokens, types);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  // Of equal texts the last would win, and the others' ids could never be made.
  const numDistinct = Object.keys(vocab).length;
  if (numDistinct !== tokens.length)
    refuse(`its ${tokens.length} tokens have only ${numDistinct} different texts; convert the model again`);
  const config = readConfig(facts, kind, tokens);
  const special = (content: unknown) => {
    const found = added.find((token) => token.content === content);
    return found && { token: found.content, id: found.id, special: true };
  };
  const frame = frameProcessor(
    config.add_bos_token ? special(config.bos_token) : undefined,
    config.add_eos_token ? special(config.eos_token) : undefined,
  );
  if (kind !== undefined)
    return {
      json: byteLevelJson(kind, vocab, [...(facts.texts("tokenizer.ggml.merges") ?? [])], added, frame),
      config,
    };
  const pieces = {
    tokens,
    types,
    scores: facts.numbers("tokenizer.ggml.scores") ?? refuse("the scores of its pieces are missing; convert it again"),
    unknownToken: typeof config.unk_token === "string" ? config.unk_token : undefined,
    addsSpacePrefix: facts.flag("tokenizer.ggml.add_space_prefix") ?? true,
  };
  return { json: sentencePieceJson(pieces, added, frame, refuse), config };
}

type Refuse = (problem: string) => never;

function readModel(facts: GgufFacts, refuse: Refuse): "gpt2" | "llama" {
  const model =
    facts.text("tokenizer.ggml.model") ??
    refuse("the file carries no tokenizer (tokenizer.ggml.model is missing); take one that was converted with it");
  if (model === "gpt2" || model === "llama") return model;
  return refuse(
    `a ${MODEL_NAMES[model] ?? JSON.stringify(model)} vocabulary is not supported; expected byte-level BPE ("gpt2") ` +
      'or SentencePiece ("llama")',
  );
}

function readKind(facts: GgufFacts, refuse: Refuse): PreTokenizerKind {
  const name =
    facts.text("tokenizer.ggml.pre") ??
    refuse(`the pre-tokeniser is missing (tokenizer.ggml.pre); convert the model again with a recent llama.cpp`);
  const known = PRE_TOKENIZER_KINDS.join(", ");
  return (
    preTokenizerKindOf(name) ??
    refuse(
      `pre-tokeniser ${JSON.stringify(name)} is not supported${didYouMean(name, PRE_TOKENIZER_NAMES)}; ` +
        `supported are ${known}`,
    )
  );
}

function addedTokens(tokens: readonly string[], types: ArrayLike<number | bigint> | undefined): AddedTokenJson[] {
  return tokens.flatMap((content, id) => {
    const type = Number(types?.[id] ?? 1);
    const isControl = isEndText(content) || type === TOKEN_TYPE.control || type === TOKEN_TYPE.unknown;
    if (content === "" || !(isControl || type === TOKEN_TYPE.userDefined)) return [];
    const special = isControl && !TEXT_TAGS.includes(content);
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

/** The id under a key of the vocabulary. One beyond it (−1 in 32 bits, for one) stands for none, as in llama.cpp. */
export function tokenIdIn(facts: Pick<GgufFacts, "count">, key: string, vocabSize: number): number | undefined {
  const id = facts.count(`tokenizer.ggml.${key}`);
  return id !== undefined && id < vocabSize ? id : undefined;
}

/** `kind`: of a byte-level vocabulary; undefined for SentencePiece. */
function readConfig(
  facts: GgufFacts,
  kind: PreTokenizerKind | undefined,
  tokens: readonly string[],
): TokenizerConfigJson {
  const named = (key: string): string | undefined => {
    const byDefault = kind === undefined && facts.count(`tokenizer.ggml.${key}`) === undefined;
    const id = byDefault ? SENTENCEPIECE_IDS[key] : tokenIdIn(facts, key, tokens.length);
    return id === undefined ? undefined : tokens[id];
  };
  const [bos_token, eos_token, pad_token] = [named("bos_token_id"), named("eos_token_id"), named("padding_token_id")];
  const beginsByDefault = kind === undefined || preTokenizerOf(kind).addsBegin;
  const add_bos_token = bos_token !== undefined && (facts.flag("tokenizer.ggml.add_bos_token") ?? beginsByDefault);
  const add_eos_token = eos_token !== undefined && (facts.flag("tokenizer.ggml.add_eos_token") ?? false);
  return {
    bos_token,
    eos_token,
    pad_token,
    add_bos_token,
    ...(kind === undefined ? { unk_token: named("unknown_token_id"), add_eos_token } : {}),
    chat_template: readTemplates(facts),
    clean_up_tokenization_spaces: false,
  };
}

/** One template, or a list of named ones where the file has more than the default. */
function readTemplates(facts: GgufFacts): TokenizerConfigJson["chat_template"] {
  const template = facts.text("tokenizer.chat_template");
  const names = [...(facts.texts("tokenizer.chat_templates") ?? [])];
  const named = names.flatMap((name) => {
    const text = facts.text(`tokenizer.chat_template.${name}`);
    return text === undefined ? [] : [{ name, template: text }];
  });
  if (named.length === 0) return template;
  return template === undefined ? named : [{ name: "default", template }, ...named];
}

function byteLevelJson(
  kind: PreTokenizerKind,
  vocab: Readonly<Record<string, number>>,
  merges: readonly string[],
  added_tokens: readonly AddedTokenJson[],
  post_processor: unknown,
): TokenizerJson {
  const { normalizer, steps, ignoreMerges } = preTokenizerOf(kind);
  return bpeJson({
    added_tokens,
    normalizer,
    pre_tokenizer: steps.length === 1 ? steps[0] : { type: "Sequence", pretokenizers: steps },
    post_processor,
    decoder: BYTE_LEVEL_DECODER,
    vocab,
    merges,
    ignoreMerges,
  });
}
