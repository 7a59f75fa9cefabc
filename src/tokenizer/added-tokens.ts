// Added tokens in text, found as Hugging Face's tokenizers find them: first those that are looked for in the text as it
// is, then, once the rest is normalised, those that are looked for in what became of it. Does not know what lies
// between them. Source: huggingface/tokenizers, tokenizers/src/tokenizer/added_vocabulary.rs.
import { SpecialTokenMatcher } from "./special-tokens.js";
import type { AddedTokenJson } from "./tokenizer.js";

/** A piece of text: plain, or one added token. */
export type TextPiece = string | AddedTokenJson;

const WORD_AT_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_AT_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const SPACE_AT_END = /\p{White_Space}+$/u;
const SPACE_AT_START = /^\p{White_Space}+/u;

/** The added tokens of one pass. */
class Pass {
  private readonly matcher: SpecialTokenMatcher<AddedTokenJson & { readonly token: string }>;
  private readonly isEmpty: boolean;

  constructor(tokens: readonly AddedTokenJson[], textOf: (token: AddedTokenJson) => string) {
    const found = tokens.map((token) => ({ ...token, token: textOf(token) })).filter(({ token }) => token !== "");
    this.matcher = new SpecialTokenMatcher(found);
    this.isEmpty = found.length === 0;
  }

  split(text: string): TextPiece[] {
    if (this.isEmpty) return text === "" ? [] : [text];
    const pieces: TextPiece[] = [];
    let done = 0;
    for (let at = this.matcher.next(text, 0); at < text.length; at = this.matcher.next(text, at)) {
      const token = this.matcher.matchAt(text, at);
      if (token === undefined) at++;
      else {
        const stop = at + token.token.length;
        if (!token.single_word || standsAlone(text, at, stop)) {
          const start = token.lstrip ? Math.max(done, at - lengthOf(SPACE_AT_END, text.slice(done, at))) : at;
          if (start > done) pieces.push(text.slice(done, start));
          pieces.push(token);
          done = stop + (token.rstrip ? lengthOf(SPACE_AT_START, text.slice(stop)) : 0);
        }
        at = Math.max(stop, done);
      }
    }
    if (done < text.length) pieces.push(done === 0 ? text : text.slice(done));
    return pieces;
  }
}

const standsAlone = (text: string, start: number, stop: number): boolean =>
  !WORD_AT_END.test(text.slice(Math.max(0, start - 2), start)) && !WORD_AT_START.test(text.slice(stop, stop + 2));
const lengthOf = (pattern: RegExp, text: string): number => pattern.exec(text)?.[0].length ?? 0;

/** The added tokens of a vocabulary. */
export class AddedTokens {
  private readonly raw: Pass;
  private readonly normalised: Pass;

  constructor(
    tokens: readonly AddedTokenJson[],
    private readonly normalize: (text: string) => string,
  ) {
    const isNormalised = ({ normalized, special }: AddedTokenJson): boolean => normalized ?? !special;
    this.raw = new Pass(
      tokens.filter((token) => !isNormalised(token)),
      ({ content }) => content,
    );
    this.normalised = new Pass(tokens.filter(isNormalised), ({ content }) => normalize(content));
  }

  /** The pieces of a text in order: added tokens, and normalised text between them. */
  split(text: string): TextPiece[] {
    return this.splitRaw(text).flatMap((piece) =>
      typeof piece === "string" ? this.splitNormalised(this.normalize(piece)) : [piece],
    );
  }

  /** The first pass alone. */
  splitRaw(text: string): TextPiece[] {
    return this.raw.split(text);
  }

  /** The second pass alone, over text that is normalised. */
  splitNormalised(text: string): TextPiece[] {
    return this.normalised.split(text);
  }
}
