// A place in the tokens of an answer: what stands there, what is taken, how deep it is nested. Knows where an item ends
// and a factor begins, but builds nothing.
import type { Token } from "./lexer.js";

/** A text that is no formula. */
export class NoFormula extends Error {}
/** Gives up reading. */
export const refuse = (): never => {
  throw new NoFormula();
};

const MAX_DEPTH = 40;
/** Signs between the sides of equations and inequalities. */
export const RELATIONS: ReadonlySet<string> = new Set(["=", "<", "<=", ">", ">=", "!=", "~", "in"]);
/** Signs and words between the parts of a list. */
export const SEPARATORS: ReadonlySet<string> = new Set([",", ";", "and", "or"]);

/** See the file's head. */
export class TokenCursor {
  protected at = 0;
  protected isInBars = false;
  private depth = 0;

  constructor(protected readonly tokens: Token[]) {}

  protected get next(): Token | undefined {
    return this.tokens[this.at];
  }

  protected isSign(text: string, at = this.at): boolean {
    const token = this.tokens[at];
    return token?.kind === "sign" && token.text === text;
  }

  protected take(text: string): boolean {
    if (!this.isSign(text)) return false;
    this.at++;
    return true;
  }

  protected expect(text: string): void {
    if (!this.take(text)) refuse();
  }

  protected nested<T>(body: () => T): T {
    if (++this.depth > MAX_DEPTH) refuse();
    const result = body();
    this.depth--;
    return result;
  }

  /** Whether an item ends here: at the end, a separator, a relation, or what closes. */
  protected isEnd(at = this.at): boolean {
    const token = this.tokens[at];
    if (!token) return true;
    return (
      token.kind === "sign" &&
      (SEPARATORS.has(token.text) || RELATIONS.has(token.text) || /^[)\]}⟩&∪∩∖|]$|^\\[\\}]$/.test(token.text))
    );
  }

  protected startsFactor(): boolean {
    const token = this.next;
    if (!token || token.kind === "text") return false;
    if (token.kind === "command") return !token.text.startsWith("end ");
    if (token.kind !== "sign") return true;
    return /^[({⟨⌊⌈]$/.test(token.text) || (token.text === "|" && !this.isInBars && !this.isEndOfBars());
  }

  /** Whether the bar here has no partner behind it. */
  protected isEndOfBars(): boolean {
    for (let at = this.at + 1; at < this.tokens.length; at++) if (this.isSign("|", at)) return false;
    return true;
  }
}
