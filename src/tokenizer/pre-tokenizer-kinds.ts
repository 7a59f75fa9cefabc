// The pre-tokenisers that GGUF files know by name, as the published tokenizer.json files define them, and how to tell one in such a file.
// Names and aliases: ggml-org/llama.cpp@00ad355, src/llama-vocab.cpp; definitions: tokenizer.json of deepseek-ai/DeepSeek-V3@e815299,
// deepseek-ai/DeepSeek-V2-Lite, deepseek-ai/deepseek-coder-6.7b-base, deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, meta-llama/Llama-3.1-8B.
// Two differences are llama.cpp's: it takes runs of numbers whole in deepseek-llm, and never composes characters for Qwen.
import { type PreTokenizerStep, preTokenizerSteps } from "./pre-tokenizer.js";

/** Names under `tokenizer.ggml.pre`. */
export const PRE_TOKENIZER_KINDS = ["deepseek-llm", "deepseek-coder", "deepseek-v3", "deepseek-r1-qwen", "qwen2", "llama-bpe", "gpt-2"] as const;
/** One of the names. */
export type PreTokenizerKind = (typeof PRE_TOKENIZER_KINDS)[number];

/** What a kind says of the whole tokenizer. */
export interface PreTokenizerDefinition {
  readonly normalizer: object | null;
  readonly steps: readonly PreTokenizerStep[];
  /** A piece that is a token is taken whole, whatever the merges would make of it. */
  readonly ignoreMerges: boolean;
  /** Whether the begin token is put in front where the file does not say. */
  readonly addsBegin: boolean;
}

const ALIASES: Readonly<Record<string, PreTokenizerKind>> = { llama3: "llama-bpe", "llama-v3": "llama-bpe", gpt2: "gpt-2" };

/** The kind of a name as files have it, or undefined for one that is not known. */
export const preTokenizerKindOf = (name: string): PreTokenizerKind | undefined => PRE_TOKENIZER_KINDS.find((kind) => kind === name) ?? ALIASES[name];

/** Cased letters of the scripts that have them. */
const CASED =
  "A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386" +
  "\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA" +
  "\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D" +
  "\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113" +
  "\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4" +
  "\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A" +
  "\uFF41-\uFF5A\u{10400}-\u{1044F}\u{104B0}-\u{104D3}\u{104D8}-\u{104FB}\u{10C80}-\u{10CB2}\u{10CC0}-\u{10CF2}\u{118A0}-\u{118DF}\u{1E900}-\u{1E943}";
const IDEOGRAPHS_AND_SYLLABLES = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const WORDS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const SYMBOLS_AND_SPACE = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const split = (Regex: string): PreTokenizerStep => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });
const DIGITS: PreTokenizerStep = { type: "Digits", individual_digits: true };
const byteLevel = (use_regex: boolean) => ({ type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex });
const PLAIN = { normalizer: null, ignoreMerges: false, addsBegin: false };
const QWEN2: PreTokenizerDefinition = {
  ...PLAIN,
  normalizer: { type: "NFC" },
  steps: [split(`${CONTRACTIONS}|${WORDS}|\\p{N}|${SYMBOLS_AND_SPACE}`), byteLevel(false)],
};

/** Each kind's definition. */
export const PRE_TOKENIZERS: Readonly<Record<PreTokenizerKind, PreTokenizerDefinition>> = {
  "deepseek-llm": {
    ...PLAIN,
    steps: [
      split("[\r\n]"),
      split(`\\s?[${CASED}]+`),
      split("\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+"),
      split("\\s+$"),
      split(IDEOGRAPHS_AND_SYLLABLES),
      DIGITS,
      byteLevel(false),
    ],
  },
  "deepseek-coder": {
    ...PLAIN,
    steps: [split("[\r\n]"), split("\\s?\\p{L}+"), split("\\s?\\p{P}+"), split(IDEOGRAPHS_AND_SYLLABLES), DIGITS, byteLevel(false)],
  },
  "deepseek-v3": {
    ...PLAIN,
    steps: [
      split("\\p{N}{1,3}"),
      split("[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+"),
      split(
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|" +
          "\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
      ),
      byteLevel(false),
    ],
  },
  "deepseek-r1-qwen": QWEN2,
  qwen2: QWEN2,
  "llama-bpe": {
    normalizer: null,
    ignoreMerges: true,
    addsBegin: true,
    steps: [split(`${CONTRACTIONS}|${WORDS}|\\p{N}{1,3}|${SYMBOLS_AND_SPACE}`), byteLevel(false)],
  },
  "gpt-2": { ...PLAIN, steps: [byteLevel(true)] },
};

/**
 * The kind whose definition a `pre_tokenizer` of tokenizer.json has, or undefined for none. The distills share Qwen's and are told apart by
 * `tokens`, the texts of their added tokens.
 */
export function preTokenizerKind(preTokenizer: unknown, tokens: Iterable<string> = []): PreTokenizerKind | undefined {
  const given = canonical(preTokenizerSteps(preTokenizer));
  const kind = PRE_TOKENIZER_KINDS.find((each) => canonical(PRE_TOKENIZERS[each].steps) === given);
  if (kind !== "deepseek-r1-qwen") return kind;
  return [...tokens].includes("<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>") ? kind : "qwen2";
}

/** What decides how text is cut: a line end may be written as itself or as an escape, and some keys change nothing. */
function canonical(steps: readonly PreTokenizerStep[]): string {
  const decisive = steps.map(({ type, pattern, behavior, invert = false, individual_digits, use_regex = true }) => {
    if (type === "ByteLevel") return { type, use_regex };
    if (type === "Digits") return { type, individual_digits };
    return { type, behavior, invert, regex: pattern?.Regex?.replaceAll("\r", "\\r").replaceAll("\n", "\\n"), text: pattern?.String };
  });
  return JSON.stringify(decisive);
}
