// Finds the texts with which a model hands its turn over: wherever they stand, the thought included, and across the
// borders of tokens. Knows tokens and text, not what comes after.
import { createStreamDecoder, type StreamDecoder } from "../../tokenizer/stream-decoder.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";

/** Follows the tokens of one completion. */
export class TurnEnd {
  /** The text that ended the turn, once it has come. */
  found?: string;
  /** The end of what was said: all that may yet be the beginning of one of the texts. */
  private tail = "";
  private readonly decoder: StreamDecoder;
  private readonly longest: number;

  constructor(
    tokenizer: Tokenizer,
    private readonly texts: readonly string[],
  ) {
    this.decoder = createStreamDecoder(tokenizer);
    this.longest = Math.max(...texts.map(({ length }) => length));
  }

  /** Takes the next token; returns whether it completes one of the texts. Of two that it completes, the longer counts. */
  push(id: number): boolean {
    const text = this.tail + this.decoder.push(id);
    const complete = this.texts.filter((each) => text.includes(each));
    this.found = complete.sort((a, b) => b.length - a.length)[0];
    this.tail = this.longest > 1 ? text.slice(1 - this.longest) : "";
    return this.found !== undefined;
  }
}
