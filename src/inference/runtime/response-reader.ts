// Reads a response from its token ids: the tags a vocabulary has tokens for are known by id and by nothing else,
// whatever the tokenizer flags them as; only those that it spells in several tokens are looked for in the text. What
// tags mean is the parser's knowledge.
import {
  RESPONSE_TAGS,
  type ReadingOptions,
  ResponseParser,
  type ResponsePiece,
  type ResponseTag,
} from "../../tasks/response.js";
import { createStreamDecoder, type StreamDecoder } from "../../tokenizer/stream-decoder.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";

/** Ids in, pieces of the response out. Control tokens are left out, half characters held back. */
export class ResponseReader {
  private readonly parser: ResponseParser;
  private readonly decoder: StreamDecoder;
  private readonly tags: ReadonlyMap<number, ResponseTag>;
  /** Whether every tag is a token, so that ordinary tokens can never spell one. */
  readonly tagsAreTokens: boolean;

  constructor(
    private readonly tokenizer: Tokenizer,
    options: ReadingOptions,
  ) {
    this.tags = tagTokens(tokenizer);
    const known = [...this.tags.values()];
    const spelled = RESPONSE_TAGS.filter((tag) => !known.includes(tag));
    this.tagsAreTokens = spelled.length === 0;
    this.parser = new ResponseParser(options, spelled);
    this.decoder = createStreamDecoder(tokenizer, SKIP);
  }

  /** Whether the response stands inside its thought. */
  get isInside(): boolean {
    return this.parser.isInside;
  }

  /** Whether a token is one of the tags. */
  isTag(id: number): boolean {
    return this.tags.has(id);
  }

  /** Takes the next token and gives the pieces that have become certain. */
  push(id: number): ResponsePiece[] {
    const tag = this.tags.get(id);
    if (tag === undefined) return this.parser.push(this.decoder.push(id));
    return [...this.parser.push(this.decoder.flush()), ...this.parser.pushTag(tag)];
  }

  /** Takes a run of tokens of which none is a tag, and which nothing or a tag went before. */
  pushRun(ids: ArrayLike<number>): ResponsePiece[] {
    return this.parser.push(this.tokenizer.decode(ids, SKIP));
  }

  /** The rest, when no more tokens will come. */
  end(): ResponsePiece[] {
    return [...this.parser.push(this.decoder.flush()), ...this.parser.end()];
  }
}

const SKIP = { skipSpecialTokens: true };

const known = new WeakMap<Tokenizer, ReadonlyMap<number, ResponseTag>>();

/** The tags that are tokens of this vocabulary. */
function tagTokens(tokenizer: Tokenizer): ReadonlyMap<number, ResponseTag> {
  const kept = known.get(tokenizer);
  if (kept) return kept;
  const tags = RESPONSE_TAGS.flatMap((tag): [number, ResponseTag][] => {
    const id = tokenizer.tokenId(tag);
    return id === undefined ? [] : [[id, tag]];
  });
  const made = new Map(tags);
  known.set(tokenizer, made);
  return made;
}
