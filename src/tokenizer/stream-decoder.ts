// Turns ids that come one by one into text that can be shown at once, never showing half a character. Knows only the
// Tokenizer interface.
import type { DecodeOptions, Tokenizer } from "./tokenizer.js";

/** Stands at the end of a decoded text while the bytes of its last character are incomplete. */
const REPLACEMENT = "\uFFFD";
/** A character has at most four bytes: after so many tokens without one it can no longer be completed. */
const MAX_HELD = 4;

/** Ids in, text that is certain out. */
export interface StreamDecoder {
  /** Takes the next id and returns the text that has become certain, perhaps "". */
  push(id: number): string;
  /** Returns what is still held back, an incomplete character as U+FFFD, and starts afresh. */
  flush(): string;
}

/** The pieces joined equal `decode` of all ids. The work for a token does not grow with the text. */
export function createStreamDecoder(tokenizer: Tokenizer, options: DecodeOptions = {}): StreamDecoder {
  return tokenizer.tokenBytes ? byteStream(tokenizer as ByteSource, options) : windowStream(tokenizer, options);
}

type ByteSource = Tokenizer & Required<Pick<Tokenizer, "tokenBytes">>;

/**
 * Tokens that are the same bytes wherever they stand: a decoder of UTF-8 that waits for the rest of a character is all
 * it takes.
 */
function byteStream(tokenizer: ByteSource, { skipSpecialTokens }: DecodeOptions): StreamDecoder {
  const skipped = new Set(
    skipSpecialTokens ? tokenizer.specialTokens.filter(({ special }) => special).map(({ id }) => id) : [],
  );
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    push(id) {
      const bytes = skipped.has(id) ? undefined : tokenizer.tokenBytes(id);
      return bytes === undefined ? "" : decoder.decode(bytes, { stream: true });
    },
    flush: () => decoder.decode(),
  };
}

/**
 * Tokens whose text depends on their neighbours: a window of recent ids is decoded anew each time. Only its last
 * character is held back, and only while it is U+FFFD and may yet be completed.
 */
function windowStream(tokenizer: Tokenizer, options: DecodeOptions): StreamDecoder {
  let window: number[] = [];
  /** Leading ids of the window that were fully shown before and serve as context. */
  let numContext = 0;
  /** Characters of the window's text that are already shown. */
  let shown = 0;
  return {
    push(id) {
      window.push(id);
      const text = tokenizer.decode(window, options);
      const isWhole = !text.endsWith(REPLACEMENT) || window.length - numContext >= MAX_HELD;
      const certain = isWhole ? text.length : text.length - 1;
      const piece = text.slice(shown, certain);
      shown = Math.max(shown, certain);
      if (isWhole && text.length > 0) {
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
