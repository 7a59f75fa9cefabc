// Special tokens: numbering them, finding them in text, and their form in tokenizer.json. Does not know what lies
// between them.
import { ConfigError } from "../errors.js";
import type { AddedTokenJson, SpecialToken, SpecialTokenSpec, TokenizerJson } from "./tokenizer.js";

/**
 * Numbers the tokens of a spec from `firstId` on: bos, eos, pad, then tags. @throws ConfigError for an empty or
 * repeated one
 */
export function numberSpecialTokens(spec: SpecialTokenSpec, firstId = 0): SpecialToken[] {
  const control = [spec.bos, spec.eos, spec.pad].filter((token) => token !== undefined);
  // One token may serve as eos and pad at once, as in many published models.
  const tokens = [...new Set(control), ...(spec.tags ?? [])];
  for (const [i, token] of tokens.entries()) {
    if (token === "" || tokens.indexOf(token) !== i)
      throw new ConfigError(
        `special tokens must be non-empty and distinct, got "${token}" ${token === "" ? "" : "twice"}`,
      );
  }
  return tokens.map((token, i) => ({ token, id: firstId + i, special: control.includes(token) }));
}

/** The ids of the tokens that a spec names as begin, end and padding. */
export function specialTokenRoles(
  spec: SpecialTokenSpec,
  tokens: readonly SpecialToken[],
): { bosId?: number; eosId?: number; padId?: number } {
  const idOf = (name: string | undefined): number | undefined => tokens.find(({ token }) => token === name)?.id;
  return { bosId: idOf(spec.bos), eosId: idOf(spec.eos), padId: idOf(spec.pad) };
}

/** Finds special tokens in text, the longest first where several start at one place. */
export class SpecialTokenMatcher<T extends { readonly token: string } = SpecialToken> {
  /**
   * By the first two UTF-16 units: some vocabularies have hundreds that begin alike, with a pair that is rare in text.
   */
  private readonly byStart = new Map<number, T[]>();
  /** 1 for the units at which a special token may start. */
  private readonly mayStart = new Uint8Array(65536);

  constructor(tokens: readonly T[]) {
    for (const token of [...tokens].sort((a, b) => b.token.length - a.token.length)) {
      this.mayStart[token.token.charCodeAt(0)] = 1;
      const start = startKey(token.token, 0);
      const alike = this.byStart.get(start);
      if (alike) alike.push(token);
      else this.byStart.set(start, [token]);
    }
  }

  /** The first place from `position` on at which a special token may start; the text's length where there is none. */
  next(text: string, position: number): number {
    let at = position;
    while (at < text.length && this.mayStart[text.charCodeAt(at)] === 0) at++;
    return at;
  }

  /** The special token that starts at this place, if one does. */
  matchAt(text: string, position: number): T | undefined {
    if (this.mayStart[text.charCodeAt(position)] === 0) return undefined;
    const startsHere = (candidate: T) => text.startsWith(candidate.token, position);
    return (
      this.byStart.get(startKey(text, position))?.find(startsHere) ??
      this.byStart.get(text.charCodeAt(position))?.find(startsHere)
    );
  }
}

/** The first two units as a number; of a text of one unit, that unit alone. */
const startKey = (text: string, at: number): number =>
  text.charCodeAt(at) + (at + 1 < text.length ? 65536 * (1 + text.charCodeAt(at + 1)) : 0);

/** Special tokens as the `added_tokens` of tokenizer.json. */
export const addedTokensJson = (tokens: readonly SpecialToken[]): AddedTokenJson[] =>
  tokens.map(({ token, id, special }) => ({
    id,
    content: token,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special,
  }));

/** A post-processor that puts the begin token in front and the end token behind, or null where there is neither. */
export function frameProcessor(bos: SpecialToken | undefined, eos?: SpecialToken): TokenizerJson["post_processor"] {
  if (bos === undefined && eos === undefined) return null;
  const tokens = [bos, eos].filter((token) => token !== undefined);
  const special = (token: SpecialToken | undefined) =>
    token === undefined ? [] : [{ SpecialToken: { id: token.token, type_id: 0 } }];
  const framed = (id: "A" | "B") => [...special(bos), { Sequence: { id, type_id: 0 } }, ...special(eos)];
  return {
    type: "TemplateProcessing",
    single: framed("A"),
    pair: [...framed("A"), ...framed("B")],
    special_tokens: Object.fromEntries(
      tokens.map(({ token, id }) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  };
}
