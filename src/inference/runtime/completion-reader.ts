// What a request's tokens say, as they come or in one go at the end: parts, stop texts, the length of the thought.
// Knows no model.
import { type ParsedResponse, type ReadingOptions, type ResponsePiece, ResponseRecord } from "../../tasks/response.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { ResponseReader } from "./response-reader.js";
import { StopText } from "./stop-text.js";

/** What a completion was found to hold. */
export interface CompletionReading {
  readonly response: ParsedResponse;
  /** Tokens sampled inside the thought. */
  readonly numThinking: number;
  readonly isThinkClosed: boolean;
  /** The stop text that ended it. */
  readonly stopText?: string;
}

/** Reads the tokens of one completion. Without a tokenizer it counts nothing and finds nothing. */
export class CompletionReader {
  numThinking = 0;
  private readonly reader?: ResponseReader;
  private readonly record: ResponseRecord;
  private readonly stopText: StopText;
  private numRead = 0;

  constructor(tokenizer: Tokenizer | undefined, options: ReadingOptions, stops: readonly string[]) {
    this.reader = tokenizer && new ResponseReader(tokenizer, options);
    this.record = new ResponseRecord(options);
    this.stopText = new StopText(stops);
  }

  /** Whether the completion stands inside its thought. */
  get isThinking(): boolean {
    return this.reader?.isInside ?? false;
  }
  /** Whether one of the stop texts has come. */
  get isStopped(): boolean {
    return this.stopText.found !== undefined;
  }

  /** Takes the next token. An end token is no text, unless it is a tag. Tokens that were forced are no thinking. */
  push(id: number, isEnd: boolean, isForced: boolean): readonly ResponsePiece[] {
    this.numRead++;
    if (!this.reader || (isEnd && !this.reader.isTag(id))) return [];
    const wasThinking = this.isThinking;
    const pieces = this.reader.push(id);
    if (wasThinking && this.isThinking && !isForced && !isEnd) this.numThinking++;
    if (pieces.some(({ recasts }) => recasts)) this.numThinking = this.numRead - 1;
    return this.keep(this.stopText.push(pieces));
  }

  /** Takes all tokens of a completion of which none has been read: what `push` of each would give, at less cost. */
  pushAll(ids: Int32Array, endIds: ReadonlySet<number>): void {
    const { reader } = this;
    for (let at = 0; at < ids.length; ) {
      const end = reader?.tagsAreTokens ? firstOf(ids, at, (id) => reader.isTag(id) || endIds.has(id)) : at;
      if (end > at) this.pushRun(ids.subarray(at, end));
      if (end < ids.length) this.push(ids[end], endIds.has(ids[end]), false);
      at = end + 1;
    }
  }

  /** The rest, when no more tokens will come. */
  end(): readonly ResponsePiece[] {
    return this.keep([...this.stopText.push(this.reader?.end() ?? []), ...this.stopText.flush()]);
  }

  /** What was found; call `end` before. */
  read(): CompletionReading {
    const { numThinking, isThinking, stopText } = this;
    return {
      response: this.record.read(),
      numThinking,
      isThinkClosed: !isThinking,
      ...(stopText.found !== undefined && { stopText: stopText.found }),
    };
  }

  /** Ordinary tokens: they leave the response where it stands, inside its thought or outside. */
  private pushRun(ids: Int32Array): void {
    this.numRead += ids.length;
    if (this.isThinking) this.numThinking += ids.length;
    this.keep(this.stopText.push(this.reader!.pushRun(ids)));
  }

  private keep(pieces: readonly ResponsePiece[]): readonly ResponsePiece[] {
    this.record.add(pieces);
    return pieces;
  }
}

function firstOf(ids: Int32Array, from: number, is: (id: number) => boolean): number {
  let at = from;
  while (at < ids.length && !is(ids[at])) at++;
  return at;
}
