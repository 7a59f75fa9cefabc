// Turns ids that come one by one into text that can be shown at once, never showing half a character. Knows only the Tokenizer interface.
import type { DecodeOptions, Tokenizer } from "./tokenizer.js";

/** Stands at the end of a decoded text while the bytes of its last character are incomplete. */
const REPLACEMENT = "\uFFFD";

/** Ids in, text that is certain out. */
export interface StreamDecoder {
  /** Takes the next id and returns the text that has become certain, perhaps "". */
  push(id: number): string;
  /** Returns what is still held back, an incomplete character as U+FFFD, and starts afresh. */
  flush(): string;
}

/**
 * The pieces joined equal `decode` of all ids. A window of recent ids is decoded anew each time, as decoders may treat a token differently
 * at the start of a text; only its last character is held back, and only while it is U+FFFD.
 */
export function createStreamDecoder(tokenizer: Tokenizer, options: DecodeOptions = {}): StreamDecoder {
  let window: number[] = [];
  /** Leading ids of the window that were fully shown before and serve as context. */
  let numContext = 0;
  /** Characters of the window's text that are already shown. */
  let shown = 0;
  return {
    push(id) {
      window.push(id);
      const text = tokenizer.decode(window, options);
      const certain = text.endsWith(REPLACEMENT) ? text.length - 1 : text.length;
      const piece = text.slice(shown, certain);
      shown = Math.max(shown, certain);
      if (certain === text.length && text.length > 0) {
        window = window.slice(numContext);
        numContext = window.length;
        shown = tokenizer.decode(window, options).length;
      }
      return piece;
    },
    flush() {
      const rest = tokenizer.decode(window, options).slice(shown);
      window = [];
      numContext = 0;
      shown = 0;
      return rest;
    },
  };
}
