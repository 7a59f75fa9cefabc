// The tokenizer layer's public face.
export { BpeTrainer, type BpeTrainerOptions, trainBpe } from "./bpe-trainer.js";
export { createByteTokenizer } from "./byte-tokenizer.js";
export { createCharTokenizer } from "./char-tokenizer.js";
export {
  type ChatMessage,
  type ChatPromptOptions,
  type ChatRenderer,
  ChatTemplate,
  type ChatTemplateOptions,
  encodePrompt,
  type PromptAndCompletion,
} from "./chat-template.js";
export { ControlTokens, type MarkedText, unmarked } from "./control-tokens.js";
export { createGgufTokenizer, createTokenizer } from "./create-tokenizer.js";
export { type GgufFacts, ggufTokenizer, type TokenizerParts } from "./gguf-tokenizer.js";
export { createLibraryTokenizer, type LibraryTokenizer } from "./library-tokenizer.js";
export { type PreTokenizerKind, preTokenizerKind, type TokenizerMarks } from "./pre-tokenizer-kinds.js";
export { createStreamDecoder, type StreamDecoder } from "./stream-decoder.js";
export type {
  AddedTokenJson,
  DecodeOptions,
  EncodeOptions,
  SpecialToken,
  SpecialTokenSpec,
  Tokenizer,
  TokenizerConfigJson,
  TokenizerJson,
  TokenName,
} from "./tokenizer.js";
export { loadTokenizer, saveTokenizer } from "./tokenizer-files.js";
