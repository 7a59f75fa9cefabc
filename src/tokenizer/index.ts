// The tokenizer layer's public face.
export { type BpeTrainerOptions, trainBpe } from "./bpe-trainer.js";
export { createByteTokenizer } from "./byte-tokenizer.js";
export { createCharTokenizer } from "./char-tokenizer.js";
export { createLibraryTokenizer, type TokenizerConfigJson } from "./library-tokenizer.js";
export { createStreamDecoder, type StreamDecoder } from "./stream-decoder.js";
export type { DecodeOptions, EncodeOptions, SpecialToken, SpecialTokenSpec, Tokenizer, TokenizerJson } from "./tokenizer.js";
export { loadTokenizer, saveTokenizer } from "./tokenizer-files.js";
