// From the tokens of one reply to what a client is told of it: thought, answer, calls of tools, without the blanks
// around them. Knows no dialect.
import type { TokenEvent } from "../../inference/index.js";
import { createStreamDecoder, type StreamDecoder, type Tokenizer } from "../../tokenizer/index.js";
import type { AnswerPiece, CallReader } from "./calls/call-reader.js";

/** What a reply has more of. */
export type ReplyPiece =
  | { readonly kind: "thought"; readonly text: string }
  | AnswerPiece
  /** All that was told as answer so far was thought: it ended in a `</think>` that nothing had opened. */
  | { readonly kind: "recast" };

/** Makes pieces of the tokens of one reply. */
export interface PieceReader {
  /** Takes the next token. */
  push(token: Pick<TokenEvent, "id" | "part" | "pieces" | "text">): ReplyPiece[];
  /** The rest, when no more tokens will come. */
  end(): ReplyPiece[];
}

/** Tells all text as it stands, tags and all: for texts that are gone on with. */
export const PLAIN_READER: PieceReader = {
  push: ({ text }) => (text === "" ? [] : [{ kind: "text", text }]),
  end: () => [],
};

/** Reads one reply. Blanks between thought, answer and calls say nothing and are left out; those inside stay. */
export class ReplyReader implements PieceReader {
  private readonly decoder: StreamDecoder;
  private readonly thought = new Trimmed();
  private readonly answer: Trimmed;

  /**
   * Without `calls`, everything outside the thought is answer. `keepsBlanks`: the answer goes on with a text that the
   * client has, so that all its blanks count.
   */
  constructor(
    tokenizer: Tokenizer,
    private readonly calls?: CallReader,
    keepsBlanks = false,
  ) {
    this.decoder = createStreamDecoder(tokenizer);
    this.answer = new Trimmed(keepsBlanks);
  }

  push({ id, part, pieces }: Pick<TokenEvent, "id" | "part" | "pieces">): ReplyPiece[] {
    // The tags of calls are often control tokens, which the text of pieces leaves out.
    if (part === "tool call" && this.calls) return this.tell(this.calls.pushCall(this.decoder.push(id)));
    return pieces.flatMap((piece): ReplyPiece[] => {
      const recast: ReplyPiece[] = piece.recasts ? [{ kind: "recast" }] : [];
      if (piece.part === "thought") return [...recast, ...textOf("thought", this.thought.push(piece.text))];
      if (piece.part === "tag") return recast;
      return this.calls ? this.tell(this.calls.push(piece.text)) : textOf("text", this.answer.push(piece.text));
    });
  }

  end(): ReplyPiece[] {
    return this.tell(this.calls?.end() ?? []);
  }

  private tell(pieces: readonly AnswerPiece[]): ReplyPiece[] {
    return pieces.flatMap((piece) => (piece.kind === "text" ? textOf("text", this.answer.push(piece.text)) : [piece]));
  }
}

const textOf = (kind: "thought" | "text", text: string): ReplyPiece[] => (text === "" ? [] : [{ kind, text }]);

/** Text without the blanks before it and behind it; those inside come with what follows them. */
class Trimmed {
  private blanks = "";
  private hasBegun = false;

  constructor(private readonly keepsAll = false) {}

  push(text: string): string {
    if (this.keepsAll) return text;
    const body = this.hasBegun ? text : text.trimStart();
    const end = body.trimEnd();
    if (end === "") {
      if (this.hasBegun) this.blanks += body;
      return "";
    }
    const told = this.blanks + end;
    this.blanks = body.slice(end.length);
    this.hasBegun = true;
    return told;
  }
}
