// tokenizer.json as the vocabulary that GGUF files carry, for llama.cpp's byte-level BPE. Knows the two notations; encodes no text.
// Keys and token types: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py; kinds of pre-tokenisers: its src/llama-vocab.cpp.
import { CheckpointError } from "../errors.js";
import { toByteCharacters } from "../tokenizer/byte-alphabet.js";
import type { TokenizerConfigJson } from "../tokenizer/library-tokenizer.js";
import type { AddedTokenJson, TokenizerJson } from "../tokenizer/tokenizer.js";
import type { GgufSetting } from "./gguf-writer.js";

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
  readonly eos?: number;
  readonly pad?: number;
}

const TOKEN_TYPE = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const;

/**
 * The metadata of a vocabulary with `vocabSize` rows of embedding. Byte-level BPE of a known pre-tokeniser goes over as it is; a character
 * tokenizer becomes byte-level BPE that gives the same ids for text of its alphabet. Throws CheckpointError for any other kind.
 */
export function ggufVocabulary(files: TokenizerFiles, ids: TokenIds, vocabSize: number): GgufSetting[] {
  const { tokenizer, config } = files;
  const { tokens, merges, pre } = byteLevelParts(tokenizer);
  const added = tokenizer.added_tokens ?? [];
  const tooMany = Math.max(tokens.length, ...added.map(({ id }) => id + 1));
  if (tooMany > vocabSize)
    throw new CheckpointError(`tokenizer.json names ${tooMany} tokens, the model has ${vocabSize}; take the tokenizer that belongs to it`);
  const list = tokenList(tokens, added, vocabSize);
  const template = files.chatTemplate ?? chatTemplateOf(config);
  return [
    ["tokenizer.ggml.model", "string", "gpt2"],
    ["tokenizer.ggml.pre", "string", pre],
    ["tokenizer.ggml.tokens", "strings", list.texts],
    ["tokenizer.ggml.token_type", "i32s", list.types],
    ["tokenizer.ggml.merges", "strings", merges],
    ...idSettings(tokenizer, config, ids),
    ["tokenizer.ggml.add_bos_token", "bool", addsBegin(tokenizer, config)],
    ["tokenizer.ggml.add_eos_token", "bool", false],
    ...(template === undefined ? [] : [["tokenizer.chat_template", "string", template] as const]),
  ];
}

interface ByteLevelParts {
  /** By id; holes where no token is named. */
  readonly tokens: readonly (string | undefined)[];
  readonly merges: readonly string[];
  readonly pre: string;
}

function byteLevelParts(tokenizer: TokenizerJson): ByteLevelParts {
  const { type, vocab, merges } = tokenizer.model;
  if (type !== "BPE" || typeof vocab !== "object" || vocab === null || Array.isArray(vocab)) {
    throw new CheckpointError(`tokenizer.json: a ${type ?? "nameless"} model cannot be written into a GGUF file; expected byte-level BPE`);
  }
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(vocab as Record<string, number>)) tokens[id] = token;
  if (isCharacterTokenizer(tokenizer)) return characterParts(tokens, tokenizer.added_tokens ?? []);
  return { tokens, merges: (merges ?? []).map(mergeText), pre: preTokenizerKind(tokenizer) };
}

const mergeText = (merge: unknown): string => (Array.isArray(merge) ? merge.join(" ") : String(merge));

const isCharacterTokenizer = ({ pre_tokenizer, model }: TokenizerJson): boolean => (pre_tokenizer ?? null) === null && model.merges?.length === 0;

/** One token per character: its bytes in GPT-2's alphabet, and the merges that build it from them. */
function characterParts(tokens: readonly string[], added: readonly AddedTokenJson[]): ByteLevelParts {
  const special = new Set(added.map(({ id }) => id));
  const merges = new Set<string>();
  const renamed = tokens.map((token, id) => {
    if (special.has(id)) return token;
    const bytes = [...toByteCharacters(token)];
    for (let i = 1; i < bytes.length; i++) merges.add(`${bytes.slice(0, i).join("")} ${bytes[i]}`);
    return bytes.join("");
  });
  return { tokens: renamed, merges: [...merges], pre: "gpt-2" };
}

/** The expressions that tell a pre-tokeniser's kind, in the order they stand in tokenizer.json. */
const KINDS: readonly (readonly [kind: string, expressions: readonly RegExp[]])[] = [
  ["deepseek-v3", [/^\\p\{N\}\{1,3\}$/, /一-龥/, /./]],
  ["deepseek-llm", [/^\[\\?[r\r]\\?[n\n]\]$/, /A-Za-z/, /！-／/, /^\\s\+\$$/, /一-龥/]],
  ["llama-bpe", [/^\(\?i:'s\|'t.*\\p\{N\}\{1,3\}\|/]],
  ["qwen2", [/^\(\?i:'s\|'t.*\\p\{L\}\+\|\\p\{N\}\|/]],
];

function preTokenizerKind({ pre_tokenizer: root, added_tokens: added = [] }: TokenizerJson): string {
  const steps = stepsOf(root);
  const expressions = steps.flatMap((step) => (step.type === "Split" ? [expressionOf(step)] : []));
  const byteLevel = steps.find((step) => step.type === "ByteLevel");
  if (byteLevel && expressions.length === 0 && byteLevel.use_regex !== false) return "gpt-2";
  const kind = KINDS.find(([, wanted]) => wanted.length === expressions.length && wanted.every((pattern, i) => pattern.test(expressions[i])))?.[0];
  if (!byteLevel || !kind) {
    const known = ["gpt-2", ...KINDS.map(([name]) => name)].join(", ");
    throw new CheckpointError(`tokenizer.json: its pre-tokeniser is none that GGUF readers know by name; expected that of ${known}`);
  }
  const isDistill = kind === "qwen2" && added.some(({ content }) => content === "<｜begin▁of▁sentence｜>");
  return isDistill ? "deepseek-r1-qwen" : kind;
}

type Step = Readonly<Record<string, unknown>>;

function stepsOf(root: unknown): Step[] {
  if (typeof root !== "object" || root === null) return [];
  const { type, pretokenizers } = root as Step;
  return type === "Sequence" && Array.isArray(pretokenizers) ? pretokenizers.flatMap(stepsOf) : [root as Step];
}

function expressionOf(step: Step): string {
  const { pattern } = step as { pattern?: { Regex?: unknown; String?: unknown } };
  return String(pattern?.Regex ?? pattern?.String ?? "");
}

function tokenList(tokens: readonly (string | undefined)[], added: readonly AddedTokenJson[], vocabSize: number): { texts: string[]; types: number[] } {
  const texts = Array.from({ length: vocabSize }, (_, id) => tokens[id] ?? `[PAD${id}]`);
  const types = Array.from({ length: vocabSize }, (_, id): number => (tokens[id] === undefined ? TOKEN_TYPE.unused : TOKEN_TYPE.normal));
  for (const { id, content, special } of added) {
    texts[id] = content;
    types[id] = special ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined;
  }
  return { texts, types };
}

function idSettings({ added_tokens: added = [] }: TokenizerJson, config: TokenizerConfigJson, ids: TokenIds): GgufSetting[] {
  const named = (name: TokenizerConfigJson["bos_token"]): number | undefined => {
    const text = typeof name === "string" ? name : name?.content;
    return added.find(({ content }) => content === text)?.id;
  };
  const roles = [
    ["bos_token_id", named(config.bos_token) ?? ids.bos],
    ["eos_token_id", named(config.eos_token) ?? ids.eos],
    ["padding_token_id", named(config.pad_token) ?? ids.pad],
  ] as const;
  return roles.flatMap(([key, id]) => (id === undefined ? [] : [[`tokenizer.ggml.${key}`, "u32", id] as const]));
}

/** Whether the begin token is put in front: as the configuration says, else as the post-processor does. */
function addsBegin({ post_processor: processor }: TokenizerJson, config: TokenizerConfigJson): boolean {
  if (typeof config.add_bos_token === "boolean") return config.add_bos_token;
  return processorsOf(processor).some(({ type, single }) => type === "TemplateProcessing" && Array.isArray(single) && "SpecialToken" in (single[0] ?? {}));
}

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
