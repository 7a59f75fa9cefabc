// How the pre-tokenisers that GGUF files know by name cut text: the data of pre-tokenizer-kinds.ts.
// Regexes as in the published tokenizer.json files: deepseek-ai/DeepSeek-V3@e815299, deepseek-ai/DeepSeek-V2-Lite,
// deepseek-ai/deepseek-coder-6.7b-base, deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, meta-llama/Llama-3.1-8B; of the
// others as ggml-org/llama.cpp@00ad355, src/llama-vocab.cpp, gives or quotes them. Two differences are llama.cpp's: it
// takes runs of numbers whole in deepseek-llm, and never composes characters for Qwen.
import { GPT2_PATTERN, type PreTokenizerStep } from "./pre-tokenizer.js";

/** What a kind says of the whole tokenizer. */
export interface PreTokenizerDefinition {
  readonly normalizer: object | null;
  readonly steps: readonly PreTokenizerStep[];
  /** A piece that is a token is taken whole, whatever the merges would make of it. */
  readonly ignoreMerges: boolean;
  /** Whether the begin token is put in front where the file does not say. */
  readonly addsBegin: boolean;
}

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
const IDEOGRAPHS_AND_KANA = "[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+";
const EAST_ASIAN =
  "[\u4E00-\u9FFF\u3400-\u4DBF\uF900-\uFAFF\u3040-\u309F\u30A0-\u30FF\uFF65-\uFF9F\u2F00-\u2FDF\u0E40-\u0E7F\u0E80-\u0EFF" +
  "\u1780-\u17FF\u1000-\u109F\uAA60-\uAA7F\uA9E0-\uA9FF\uAC00-\uD7AF\u1100-\u11FF]+";
const YOUTU_SCRIPTS =
  "[\uAC00-\uD7A3\u3131-\u318E]+|[\uFF01\u2026\u201C\u201D\u2018\u2019\u2014\uFF1A\uFF1B\uFF0C\u3001-\u303F\uFE30-\uFE4F]+|" +
  `[\u3105-\u312F]+|${IDEOGRAPHS_AND_KANA}`;
const BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+";

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const LEAD = "[^\\r\\n\\p{L}\\p{N}]?";
const WORDS = `${LEAD}\\p{L}+`;
const SYMBOLS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
const PATH_SYMBOLS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";
const SPACE = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const HALVES = [512, 256, 128, 64, 32, 16, 8, 4].map((n) => `\\s{${n}}(?!\\S)`).join("|");
const HALVING_SPACE = `\\s*[\\r\\n]+|${HALVES}|\\s{1,2}(?!\\S)|\\s{1}`;
const QWEN2 = `${CONTRACTIONS}|${WORDS}|\\p{N}|${SYMBOLS}|${SPACE}`;
/** Words part where a lower-case letter is followed by an upper-case one; `ending` belongs to the word. */
const camelWords = (ending: string, exclude = ""): string => {
  const [upper, lower] = [
    `${exclude}[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]`,
    `${exclude}[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]`,
  ].map((each) => (exclude ? `(?:${each})` : each));
  return `${LEAD}${upper}*${lower}+${ending}|${LEAD}${upper}+${lower}*${ending}`;
};
const GPT4O = `${camelWords(`${CONTRACTIONS}?`)}|\\p{N}{1,3}|${PATH_SYMBOLS}|${SPACE}`;
const DEEPSEEK_V3_WORDS =
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+";
const DEEPSEEK_V3 = `${DEEPSEEK_V3_WORDS}[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+`;

const split = (Regex: string): PreTokenizerStep => ({
  type: "Split",
  pattern: { Regex },
  behavior: "Isolated",
  invert: false,
});
const byteLevel = (use_regex: boolean) => ({
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex,
});
const DIGITS: PreTokenizerStep = { type: "Digits", individual_digits: true };

/** Cut by each regex in turn. */
const cut = (...regexes: readonly string[]): PreTokenizerDefinition => ({
  normalizer: null,
  steps: [...regexes.map(split), byteLevel(false)],
  ignoreMerges: false,
  addsBegin: false,
});
const LLAMA3 = cut(`${CONTRACTIONS}|${WORDS}|\\p{N}{1,3}|${SYMBOLS}|${SPACE}`);
const COMPOSED = { normalizer: { type: "NFC" } };
const WHOLE_TOKENS = { ignoreMerges: true };

/** Each kind's definition. Of kinds with the same steps the first is what a tokenizer.json is told as. */
export const PRE_TOKENIZERS = {
  "deepseek-llm": {
    ...cut(),
    steps: [
      ...[
        "[\r\n]",
        `\\s?[${CASED}]+`,
        "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+",
        "\\s+$",
        IDEOGRAPHS_AND_SYLLABLES,
      ].map(split),
      DIGITS,
      byteLevel(false),
    ],
  },
  "deepseek-coder": {
    ...cut(),
    steps: [...["[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", IDEOGRAPHS_AND_SYLLABLES].map(split), DIGITS, byteLevel(false)],
  },
  "deepseek-v3": cut("\\p{N}{1,3}", IDEOGRAPHS_AND_KANA, DEEPSEEK_V3),
  "deepseek-r1-qwen": { ...cut(QWEN2), ...COMPOSED },
  qwen2: { ...cut(QWEN2), ...COMPOSED },
  stablelm2: cut(QWEN2),
  qwen35: {
    ...cut(`${CONTRACTIONS}|${LEAD}[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${SPACE}`),
    ...COMPOSED,
  },
  "llama-bpe": { ...LLAMA3, ...WHOLE_TOKENS, addsBegin: true },
  dbrx: LLAMA3,
  "jais-2": cut(`${CONTRACTIONS}|${WORDS}|\\p{N}{1,3}|${SYMBOLS}|${HALVING_SPACE}`),
  smollm: { ...cut(), steps: [DIGITS, byteLevel(true)] },
  "gpt-2": { ...cut(), steps: [byteLevel(true)] },
  "gpt-4o": cut(GPT4O),
  "granite-embed-multi-97m": { ...cut(GPT4O), ...WHOLE_TOKENS },
  tekken: { ...cut(`${camelWords("")}|\\p{N}|${PATH_SYMBOLS}|${SPACE}`), ...WHOLE_TOKENS, addsBegin: true },
  tiny_aya: cut("\\d{1,3}(?=(?:\\d{3})*\\b)", GPT4O),
  "kimi-k2": cut(`[\\p{Han}]+|${camelWords(`${CONTRACTIONS}?`, "(?!\\p{Han})")}|\\p{N}{1,3}|${SYMBOLS}|${SPACE}`),
  bailingmoe: cut(`'(?i:[sdmt]|ll|ve|re)|${WORDS}|\\p{N}|${SYMBOLS}|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+`),
  "seed-coder": cut(`${CONTRACTIONS}|${WORDS}|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+`),
  ufakzeka: cut(`${WORDS}|\\p{N}|${SYMBOLS}|${SPACE}`),
  afmoe: cut("\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))", EAST_ASIAN, DEEPSEEK_V3),
  laguna: cut("[^\\n]+|[\\n]+", QWEN2),
  "exaone-moe": cut(
    `${CONTRACTIONS}|${LEAD}(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ` +
      "?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
  ),
  minicpm5: { ...cut("\\p{N}{1,3}", `${CONTRACTIONS}|${WORDS}|\\p{N}+|${SYMBOLS}|${SPACE}`), ...WHOLE_TOKENS },
  youtu: {
    ...cut(YOUTU_SCRIPTS, `${camelWords(`${CONTRACTIONS}?`)}|\\p{N}|${PATH_SYMBOLS}|${SPACE}`),
    ...WHOLE_TOKENS,
  },
  spark2_5: cut("\\p{N}{1,3}", IDEOGRAPHS_AND_KANA, `${DEEPSEEK_V3_WORDS}|[\r\n]|\\s+(?!\\S)|\\s+`, "\\p{N}"),
  superbpe: cut("\\p{N}+", "(?=(\\d{3})+(?!\\d))"),
  falcon: cut("[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2_PATTERN, "[0-9][0-9][0-9]"),
  default: cut("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_PATTERN, "\\p{N}+", "[0-9][0-9][0-9]"),
  bloom: cut(BLOOM),
  viking: cut(BLOOM, "\\p{N}"),
  chameleon: {
    ...cut(
      "<sentinel:[0-9]+>",
      "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
      "([\\t\\n]|    |  )",
      "\\p{N}",
      "[\\p{P}!-/:-@\\[-`{-~]",
      GPT2_PATTERN,
    ),
    addsBegin: true,
  },
} satisfies Record<string, PreTokenizerDefinition>;
