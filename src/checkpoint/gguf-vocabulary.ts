// tokenizer.json as the vocabulary that GGUF files carry: llama.cpp's byte-level BPE, or SentencePiece. Knows the two
// notations; encodes no text. Keys: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py.
import { z } from "zod";
import { CheckpointError } from "../errors.js";
import { toByteCharacters } from "../tokenizer/byte-alphabet.js";
import { END_OF_MESSAGE, idsOf } from "../tokenizer/end-tokens.js";
import { TOKEN_TYPE } from "../tokenizer/gguf-sentencepiece.js";
import { PRE_TOKENIZER_KINDS, preTokenizerKind } from "../tokenizer/pre-tokenizer-kinds.js";
import type { TokenizerConfigJson, TokenizerJson } from "../tokenizer/tokenizer.js";
import type { GgufSetting } from "./gguf-writer.js";
import { isSentencePiece, mergePair, sentencePieceSettings, type TokenList } from "./sentencepiece-vocabulary.js";

/** What a model directory says of its tokenizer. */
export interface TokenizerFiles {
  readonly tokenizer: TokenizerJson;
  readonly config: TokenizerConfigJson;
  /** chat_template.jinja, where the template has a file of its own. */
  readonly chatTemplate?: string;
}

/** Ids that configuration files name. */
export interface TokenIds {
  readonly bos?: number;
  /** One or several ids that end a turn. */
  readonly eos?: number | readonly number[];
  readonly pad?: number;
}

/**
 * The metadata of a vocabulary with `vocabSize` rows of embedding. Byte-level BPE of a known pre-tokeniser goes over as
 * it is, SentencePiece's BPE as pieces with scores. A character tokenizer becomes byte-level BPE that gives the same
 * ids for text of its alphabet. Throws CheckpointError for any other kind.
 */
export function ggufVocabulary(files: TokenizerFiles, ids: TokenIds, vocabSize: number): GgufSetting[] {
  const { config } = files;
  const tokenizer = checked(files.tokenizer);
  const template = files.chatTemplate ?? chatTemplateOf(config);
  return [
    ...modelSettings(tokenizer, vocabSize),
    ...idSettings(tokenizer, config, ids),
    ["tokenizer.ggml.add_bos_token", "bool", addsBegin(tokenizer, config)],
    ["tokenizer.ggml.add_eos_token", "bool", false],
    ...(template === undefined ? [] : [["tokenizer.chat_template", "string", template] as const]),
  ];
}

function modelSettings(tokenizer: BpeJson, vocabSize: number): GgufSetting[] {
  const { model, added_tokens: added = [] } = tokenizer;
  if (isSentencePiece(tokenizer))
    return sentencePieceSettings(tokenizer, model.merges, tokenList(tokensById(tokenizer), added, vocabSize));
  const { tokens, merges, pre } = byteLevelParts(tokenizer);
  const list = tokenList(tokens, added, vocabSize);
  return [
    ["tokenizer.ggml.model", "string", "gpt2"],
    ["tokenizer.ggml.pre", "string", pre],
    ["tokenizer.ggml.tokens", "strings", list.texts],
    ["tokenizer.ggml.token_type", "i32s", list.types],
    ["tokenizer.ggml.merges", "strings", merges],
  ];
}

function tokensById({ model }: BpeJson): (string | undefined)[] {
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  return tokens;
}

const tokenId = z
  .int()
  .min(0)
  .max(2 ** 24);
const schema = z.looseObject({
  added_tokens: z
    .array(z.looseObject({ id: tokenId, content: z.string(), special: z.boolean().optional() }))
    .optional(),
  model: z.looseObject({
    type: z.literal("BPE"),
    vocab: z.record(z.string(), tokenId),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
});
type BpeJson = z.infer<typeof schema>;
type AddedTokens = NonNullable<BpeJson["added_tokens"]>;

function checked(tokenizer: TokenizerJson): BpeJson {
  const result = schema.safeParse(tokenizer);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0];
  throw new CheckpointError(
    "tokenizer.json cannot be written into a GGUF file, which needs BPE: " +
      `${path.join(".") || "its content"}: ${message}`,
  );
}

interface ByteLevelParts {
  /** By id; holes where no token is named. */
  readonly tokens: readonly (string | undefined)[];
  readonly merges: readonly string[];
  readonly pre: string;
}

function byteLevelParts(tokenizer: BpeJson): ByteLevelParts {
  const tokens = tokensById(tokenizer);
  const { merges } = tokenizer.model;
  if (merges.length === 0 && (tokenizer.pre_tokenizer ?? null) === null)
    return characterParts(tokens, tokenizer.added_tokens ?? []);
  return {
    tokens,
    merges: merges.map((merge) => mergePair(merge).join(" ")),
    pre: kindOf(tokenizer),
  };
}

/** One token per character: its bytes in GPT-2's alphabet, and the merges that build it from them. */
function characterParts(tokens: readonly (string | undefined)[], added: AddedTokens): ByteLevelParts {
  const special = new Set(added.map(({ id }) => id));
  const merges = new Set<string>();
  const renamed = tokens.map((token, id) => {
    if (token === undefined || special.has(id)) return token;
    const bytes = [...toByteCharacters(token)];
    for (let i = 1; i < bytes.length; i++) merges.add(`${bytes.slice(0, i).join("")} ${bytes[i]}`);
    return bytes.join("");
  });
  return { tokens: renamed, merges: [...merges], pre: "gpt-2" };
}

function kindOf({ pre_tokenizer, added_tokens = [], model }: BpeJson): string {
  const kind = preTokenizerKind(pre_tokenizer, {
    tokens: added_tokens.map(({ content }) => content),
    ignoresMerges: model.ignore_merges === true,
  });
  if (kind) return kind;
  throw new CheckpointError(
    "tokenizer.json: its pre-tokeniser has no name that GGUF readers know; expected that of " +
      `${PRE_TOKENIZER_KINDS.join(", ")}`,
  );
}

function tokenList(tokens: readonly (string | undefined)[], added: AddedTokens, vocabSize: number): TokenList {
  const tooMany = added.reduce((most, { id }) => Math.max(most, id + 1), tokens.length);
  if (tooMany > vocabSize)
    throw new CheckpointError(
      `tokenizer.json names ${tooMany} tokens, the model has ${vocabSize}; use the tokenizer that belongs to it`,
    );
  const texts = Array.from({ length: vocabSize }, (_, id) => tokens[id] ?? `[PAD${id}]`);
  const types = Array.from({ length: vocabSize }, (_, id): number =>
    tokens[id] === undefined ? TOKEN_TYPE.unused : TOKEN_TYPE.normal,
  );
  for (const { id, content, special } of added) {
    texts[id] = content;
    types[id] = special ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined;
  }
  return { texts, types };
}

function idSettings({ added_tokens: added = [] }: BpeJson, config: TokenizerConfigJson, ids: TokenIds): GgufSetting[] {
  const named = (name: TokenizerConfigJson["bos_token"]): number | undefined => {
    const text = typeof name === "string" ? name : name?.content;
    return added.find(({ content }) => content === text)?.id;
  };
  const [eos, ...others] = idsOf(named(config.eos_token), ids.eos);
  const message = added.find(({ id, content }) => others.includes(id) && content === END_OF_MESSAGE)?.id;
  const roles = [
    ["bos_token_id", named(config.bos_token) ?? ids.bos],
    ["eos_token_id", eos],
    ["eot_token_id", others.find((id) => id !== message)],
    ["eom_token_id", message],
    ["padding_token_id", named(config.pad_token) ?? ids.pad],
  ] as const;
  return roles.flatMap(([key, id]) => (id === undefined ? [] : [[`tokenizer.ggml.${key}`, "u32", id] as const]));
}

/** Whether the begin token is put in front: as the configuration says, else as the post-processor does. */
function addsBegin({ post_processor: processor }: BpeJson, config: TokenizerConfigJson): boolean {
  if (typeof config.add_bos_token === "boolean") return config.add_bos_token;
  return processorsOf(processor).some(
    ({ type, single }) => type === "TemplateProcessing" && Array.isArray(single) && "SpecialToken" in (single[0] ?? {}),
  );
}

type Step = Readonly<Record<string, unknown>>;

function processorsOf(root: unknown): Step[] {
  if (typeof root !== "object" || root === null) return [];
  const { type, processors } = root as Step;
  return type === "Sequence" && Array.isArray(processors) ? processors.flatMap(processorsOf) : [root as Step];
}

function chatTemplateOf({ chat_template: template }: TokenizerConfigJson): string | undefined {
  if (typeof template === "string") return template;
  if (!Array.isArray(template)) return undefined;
  const byDefault = template.find((each) => each?.name === "default")?.template;
  return typeof byDefault === "string" ? byDefault : undefined;
}
