// Parts a stream of text at the response tags, so that thinking can be shown apart from the answer while it is being written.
// A tag may come in pieces: what could be the beginning of one is held back.
import { ANSWER_CLOSE, ANSWER_OPEN, RESPONSE_TAGS, THINK_CLOSE, THINK_OPEN } from "../tasks/response.js";

/** Which part of a response a piece of text belongs to; `text` is what stands outside the tags. */
export type ResponsePart = "think" | "answer" | "text";

/** A piece of text of one part. */
export interface ResponsePiece {
  readonly part: ResponsePart;
  readonly text: string;
}

/** Tags are taken out; pieces joined give the rest of the text. `prefilled`: the prompt already opened the thinking. */
export class ThinkSplitter {
  private held = "";
  private part: ResponsePart;

  constructor({ prefilled = false }: { readonly prefilled?: boolean } = {}) {
    this.part = prefilled ? "think" : "text";
  }

  /** Takes more text and gives the pieces that have become certain. */
  push(text: string): ResponsePiece[] {
    this.held += text;
    const pieces: ResponsePiece[] = [];
    for (let next = firstTag(this.held); next; next = firstTag(this.held)) {
      this.emit(this.held.slice(0, next.at), pieces);
      this.held = this.held.slice(next.at + next.tag.length);
      this.part = PART_AFTER[next.tag];
    }
    const certain = this.held.length - unfinishedTag(this.held);
    this.emit(this.held.slice(0, certain), pieces);
    this.held = this.held.slice(certain);
    return pieces;
  }

  /** The rest, when no more text will come. */
  flush(): ResponsePiece[] {
    const pieces: ResponsePiece[] = [];
    this.emit(this.held, pieces);
    this.held = "";
    return pieces;
  }

  private emit(text: string, pieces: ResponsePiece[]): void {
    if (text !== "") pieces.push({ part: this.part, text });
  }
}

const PART_AFTER: Readonly<Record<string, ResponsePart>> = { [THINK_OPEN]: "think", [THINK_CLOSE]: "text", [ANSWER_OPEN]: "answer", [ANSWER_CLOSE]: "text" };

function firstTag(text: string): { tag: string; at: number } | undefined {
  const found = RESPONSE_TAGS.map((tag) => ({ tag, at: text.indexOf(tag) })).filter(({ at }) => at >= 0);
  return found.sort((a, b) => a.at - b.at)[0];
}

/** Length of the end of the text that may yet become a tag. */
function unfinishedTag(text: string): number {
  for (let length = Math.min(text.length, THINK_CLOSE.length + 1); length > 0; length--) {
    const end = text.slice(text.length - length);
    if (RESPONSE_TAGS.some((tag) => tag.length > length && tag.startsWith(end))) return length;
  }
  return 0;
}
