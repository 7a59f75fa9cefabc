// The pre-tokenisers that GGUF files know by name, and how to tell one in a tokenizer.json.
// Names: ggml-org/llama.cpp@00ad355, src/llama-vocab.cpp. Those of vocabularies that are not byte-level (gemma4,
// granite-embed-multi-311m, sarvam-moe, whitespace) or close every text with a separator (roberta-bpe, jina-v1-en,
// jina-v2-code) are left out.
import { type PreTokenizerStep, preTokenizerSteps } from "./pre-tokenizer.js";
import { PRE_TOKENIZERS, type PreTokenizerDefinition } from "./pre-tokenizer-definitions.js";

/** A name under `tokenizer.ggml.pre`; each has a definition of its own. */
export type PreTokenizerKind = keyof typeof PRE_TOKENIZERS;
/** The kinds. */
export const PRE_TOKENIZER_KINDS = Object.keys(PRE_TOKENIZERS) as readonly PreTokenizerKind[];
/** The definition of a kind. */
export const preTokenizerOf = (kind: PreTokenizerKind): PreTokenizerDefinition => PRE_TOKENIZERS[kind];

/** Other names that files have for a kind. */
const ALIASES: Readonly<Partial<Record<PreTokenizerKind, readonly string[]>>> = {
  "llama-bpe": ["llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"],
  dbrx: ["smaug-bpe", "glm4", "chatglm-bpe"],
  "deepseek-v3": ["hunyuan-dense", "joyai-llm", "hy_v4"],
  qwen2: ["f2llmv2"],
  stablelm2: ["kormo", "megrez", "hunyuan", "solar-open", "grok-2"],
  smollm: ["starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"],
  "gpt-2": [
    ...[
      "gpt2",
      "phi-2",
      "jina-es",
      "jina-de",
      "jina-v2-es",
      "jina-v2-de",
      "gigachat",
      "a.x-4.0",
      "mellum",
      "modern-bert",
    ],
    ...["mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4"],
  ],
  "gpt-4o": ["llama4", "kanana2", "talkie", "minimax-m2"],
  tiny_aya: ["cohere2moe"],
  bailingmoe: ["bailingmoe2", "llada-moe"],
  bloom: ["poro-chat", "gpt3-finnish"],
};
const BY_NAME = new Map(
  PRE_TOKENIZER_KINDS.flatMap((kind) => [kind, ...(ALIASES[kind] ?? [])].map((name) => [name, kind] as const)),
);

/** Every name of a kind. */
export const PRE_TOKENIZER_NAMES: readonly string[] = [...BY_NAME.keys()];

/** The kind of a name as files have it, or undefined for one that is not known. */
export const preTokenizerKindOf = (name: string): PreTokenizerKind | undefined => BY_NAME.get(name);

/** What of a tokenizer.json tells its kind. */
export interface TokenizerMarks {
  /** Texts of its added tokens: by them the distills are told from Qwen, whose steps they share. */
  readonly tokens?: Iterable<string>;
  /** Of its model. */
  readonly ignoresMerges?: boolean;
}

/** The kind whose definition a `pre_tokenizer` of tokenizer.json has, or undefined for none. */
export function preTokenizerKind(
  preTokenizer: unknown,
  { tokens = [], ignoresMerges = false }: TokenizerMarks = {},
): PreTokenizerKind | undefined {
  const given = canonical(preTokenizerSteps(preTokenizer));
  const alike = PRE_TOKENIZER_KINDS.filter((kind) => CANONICAL.get(kind) === given);
  const kind = alike.find((each) => preTokenizerOf(each).ignoreMerges === ignoresMerges) ?? alike[0];
  if (kind !== "deepseek-r1-qwen") return kind;
  return [...tokens].includes("<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>") ? kind : "qwen2";
}

/**
 * What decides how text is cut: a line end may be written as itself or as an escape, a quantifier be possessive, and
 * some keys change nothing.
 */
function canonical(steps: readonly PreTokenizerStep[]): string {
  const decisive = steps.map(({ type, pattern, behavior, invert = false, individual_digits, use_regex = true }) => {
    if (type === "ByteLevel") return { type, use_regex };
    if (type === "Digits") return { type, individual_digits };
    const regex = pattern?.Regex?.replaceAll("\r", "\\r")
      .replaceAll("\n", "\\n")
      .replaceAll(/([?+*])\+/g, "$1");
    return { type, behavior, invert, regex, text: pattern?.String };
  });
  return JSON.stringify(decisive);
}

const CANONICAL = new Map(PRE_TOKENIZER_KINDS.map((kind) => [kind, canonical(preTokenizerOf(kind).steps)]));
