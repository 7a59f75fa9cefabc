// Parts the reply of a chat model into thinking and answer while it is being written. The thinking stands first or not at all and closes once:
// a tag that comes later is text, as in an answer about tags.
import { THINK_CLOSE, THINK_OPEN } from "../tasks/response.js";
import type { ResponsePiece } from "./think-splitter.js";

/** Takes text as it comes and gives the pieces that have become certain. */
export interface ReplyParts {
  push(text: string): ResponsePiece[];
  /** The rest, when no more text will come. */
  flush(): ResponsePiece[];
}

/** Pieces are of the parts `think` and `text`; the two tags are left out. `prefilled`: the prompt already opened the thinking. */
export class ReplySplitter implements ReplyParts {
  private held = "";
  private state: "start" | "think" | "text";

  constructor({ prefilled = false }: { readonly prefilled?: boolean } = {}) {
    this.state = prefilled ? "think" : "start";
  }

  push(text: string): ResponsePiece[] {
    this.held += text;
    if (this.state === "start" && !this.leaveStart()) return [];
    const pieces = this.state === "think" ? this.takeThinking() : [];
    return this.state === "text" ? [...pieces, ...this.take("text", this.held.length)] : pieces;
  }

  flush(): ResponsePiece[] {
    return this.take(this.state === "think" ? "think" : "text", this.held.length);
  }

  /** Whether it has become certain if the reply begins with thinking. */
  private leaveStart(): boolean {
    const begun = this.held.trimStart();
    if (THINK_OPEN.startsWith(begun)) {
      if (begun.length < THINK_OPEN.length) return false;
    } else if (!begun.startsWith(THINK_OPEN)) {
      this.state = "text";
      return true;
    }
    this.held = begun.slice(THINK_OPEN.length);
    this.state = "think";
    return true;
  }

  private takeThinking(): ResponsePiece[] {
    const end = this.held.indexOf(THINK_CLOSE);
    if (end < 0) return this.take("think", this.held.length - unfinishedClose(this.held));
    const pieces = this.take("think", end);
    this.held = this.held.slice(THINK_CLOSE.length);
    this.state = "text";
    return pieces;
  }

  private take(part: "think" | "text", length: number): ResponsePiece[] {
    const text = this.held.slice(0, length);
    this.held = this.held.slice(length);
    return text === "" ? [] : [{ part, text }];
  }
}

/** Length of the text's end that may yet become the closing tag. */
function unfinishedClose(text: string): number {
  for (let length = Math.min(text.length, THINK_CLOSE.length - 1); length > 0; length--) if (text.endsWith(THINK_CLOSE.slice(0, length))) return length;
  return 0;
}
