// From the tokens of one reply to what a client is told of it: thought, answer, calls of tools, without the line breaks
// between them. Knows no dialect.
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

/** The part of a reply that goes on with a text which the client has: its first line breaks count. */
export type ContinuedPart = "thought" | "answer";

/**
 * Reads one reply. Line breaks before a thought or an answer, behind a thought and before calls are the template's and
 * left out, as DeepSeek's own server does; all other blanks stay.
 */
export class ReplyReader implements PieceReader {
  private readonly decoder: StreamDecoder;
  private readonly thought: Trimmed;
  private readonly answer: Trimmed;
  private isInThought = false;

  /** Without `calls`, everything outside the thought is answer. */
  constructor(
    tokenizer: Tokenizer,
    private readonly calls?: CallReader,
    continues?: ContinuedPart,
  ) {
    this.decoder = createStreamDecoder(tokenizer);
    this.thought = new Trimmed(continues === "thought");
    this.answer = new Trimmed(continues === "answer");
  }

  push({ id, part, pieces }: Pick<TokenEvent, "id" | "part" | "pieces">): ReplyPiece[] {
    // The tags of calls are often control tokens, which the text of pieces leaves out.
    if (part === "tool call" && this.calls) return this.tell(this.calls.pushCall(this.decoder.push(id)));
    return pieces.flatMap((piece): ReplyPiece[] => {
      const recast: ReplyPiece[] = piece.recasts ? [{ kind: "recast" }] : [];
      this.isInThought = piece.part === "thought";
      if (piece.part === "thought") return [...recast, ...textOf("thought", this.thought.push(piece.text))];
      if (piece.part === "tag") return recast;
      return this.calls ? this.tell(this.calls.push(piece.text)) : textOf("text", this.answer.push(piece.text));
    });
  }

  end(): ReplyPiece[] {
    if (this.isInThought) return textOf("thought", this.thought.end());
    const rest = this.tell(this.calls?.end() ?? []);
    return this.calls?.numCalls ? rest : [...rest, ...textOf("text", this.answer.end())];
  }

  private tell(pieces: readonly AnswerPiece[]): ReplyPiece[] {
    return pieces.flatMap((piece) => (piece.kind === "text" ? textOf("text", this.answer.push(piece.text)) : [piece]));
  }
}

const textOf = (kind: "thought" | "text", text: string): ReplyPiece[] => (text === "" ? [] : [{ kind, text }]);

/** Text without the line breaks before it; those inside come with what follows them, those behind it at the end. */
class Trimmed {
  private breaks = "";

  constructor(private hasBegun: boolean) {}

  push(text: string): string {
    const body = this.hasBegun ? text : text.replace(/^\n+/, "");
    const end = body.replace(/\n+$/, "");
    if (end === "") {
      if (this.hasBegun) this.breaks += body;
      return "";
    }
    const told = this.breaks + end;
    this.breaks = body.slice(end.length);
    this.hasBegun = true;
    return told;
  }

  /** The line breaks behind it, where nothing follows. */
  end(): string {
    return this.breaks;
  }
}
