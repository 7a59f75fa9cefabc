// Markdown cut into blocks while it is written: those that will not change any more keep their identity, so that a page
// draws the last one alone anew. Knows no page; gives tokens of the Markdown reader.
import { type MarkedToken, marked, type Token, type TokensList } from "marked";
import { mathExtensions } from "./math-syntax.ts";

marked.use({ gfm: true, breaks: true, extensions: mathExtensions });

/** A block of a text: a fenced piece of code, or anything else that stands by itself. */
export interface Block {
  readonly token: Token;
  /** Whether more text can still change it. */
  readonly isOpen: boolean;
}

/** Reads a text that grows. */
export class BlockReader {
  private text = "";
  private settled: Block[] = [];
  private settledLength = 0;

  /** All blocks of the text. What was settled before is the same object again, unless the text is another one. */
  read(given: string, isWhole: boolean): readonly Block[] {
    const text = given.replaceAll(/\r\n?/g, "\n");
    if (!text.startsWith(this.text)) this.restart();
    this.text = text;
    const tokens = marked.lexer(text.slice(this.settledLength));
    const numSettled = isWhole ? tokens.length : this.firstOpen(tokens);
    this.settle(tokens.slice(0, numSettled));
    if (isWhole) this.settledLength = text.length;
    const open = blocksOf(tokens.slice(numSettled), true);
    return open.length === 0 ? this.settled : [...this.settled, ...open];
  }

  private restart(): void {
    this.settled = [];
    this.settledLength = 0;
  }

  /** Text may go on behind blank lines: a list with another item. So the last block that is not blank stays open. */
  private firstOpen(tokens: TokensList): number {
    const last = tokens.findLastIndex(({ type }) => type !== "space");
    const before = tokens.slice(0, Math.max(0, last));
    const isFaithful = this.text.startsWith(rawOf(before), this.settledLength);
    return isFaithful ? before.length : 0;
  }

  private settle(tokens: readonly Token[]): void {
    if (tokens.length === 0) return;
    this.settled = [...this.settled, ...blocksOf(tokens, false)];
    this.settledLength += rawOf(tokens).length;
  }
}

const rawOf = (tokens: readonly Token[]): string => tokens.map(({ raw }) => raw).join("");

const blocksOf = (tokens: readonly Token[], isOpen: boolean): Block[] =>
  tokens.filter(({ type }) => type !== "space" && type !== "def").map((token) => ({ token, isOpen }));

/** The code of a block that is a fenced piece of code. */
export function codeOf({ token }: Block): { readonly language: string; readonly text: string } | undefined {
  const known = token as MarkedToken;
  if (known.type !== "code") return undefined;
  return { language: known.lang?.trim().split(/\s/)[0] ?? "", text: known.text };
}
