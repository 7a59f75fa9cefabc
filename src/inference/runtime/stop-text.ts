// Finds texts that end a completion, across the borders of the pieces the text comes in, and never lets one out. Knows
// pieces, no tokens.
import type { ResponsePiece } from "../../tasks/response.js";

/** Lets pieces of the answer through until one of the stop texts comes; the thought is not looked at. */
export class StopText {
  /** Pieces that are held back while their text may be the beginning of a stop text. */
  private held: ResponsePiece[] = [];
  /** The stop text that was found; nothing comes out after it. */
  found?: string;

  constructor(private readonly stops: readonly string[]) {}

  /** Takes more pieces and gives those that have become certain. */
  push(pieces: readonly ResponsePiece[]): readonly ResponsePiece[] {
    if (this.stops.length === 0) return pieces;
    const out: ResponsePiece[] = [];
    for (const piece of pieces) {
      if (this.found !== undefined) break;
      if (isOfThought(piece)) out.push(...this.flush(), piece);
      else out.push(...this.pushAnswer(piece));
    }
    return out;
  }

  /** The rest, when no more will come. */
  flush(): ResponsePiece[] {
    const rest = this.held;
    this.held = [];
    return rest;
  }

  private pushAnswer(piece: ResponsePiece): ResponsePiece[] {
    this.held.push(piece);
    const text = this.held.map((each) => each.text).join("");
    const first = this.firstStop(text);
    if (!first) return this.release(text.length - this.numUncertain(text));
    this.found = first.stop;
    const out = this.release(first.at);
    const [cut] = this.held;
    const rest = first.at - lengthOf(out);
    this.held = [];
    return rest > 0 ? [...out, { part: "answer", text: cut.text.slice(0, rest) }] : out;
  }

  /** The first `length` characters of what is held; a tag comes whole or not yet. */
  private release(length: number): ResponsePiece[] {
    const out: ResponsePiece[] = [];
    for (let left = length; left > 0; ) {
      const [piece] = this.held;
      if (piece.part === "tag" && piece.text.length > left) break;
      const text = piece.text.slice(0, left);
      out.push({ ...piece, text });
      left -= text.length;
      if (text.length === piece.text.length) this.held.shift();
      else this.held[0] = { ...piece, text: piece.text.slice(text.length) };
    }
    return out;
  }

  /** The stop text that begins first; of two that begin together, the longer. */
  private firstStop(text: string): { stop: string; at: number } | undefined {
    const found = this.stops.map((stop) => ({ stop, at: text.indexOf(stop) })).filter(({ at }) => at >= 0);
    return found.sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)[0];
  }

  /** Length of the longest end of the text that may grow into a stop text. */
  private numUncertain(text: string): number {
    const longest = Math.max(...this.stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length--) {
      const end = text.slice(text.length - length);
      if (this.stops.some((stop) => stop.length > length && stop.startsWith(end))) return length;
    }
    return 0;
  }
}

const lengthOf = (pieces: readonly ResponsePiece[]): number => pieces.reduce((sum, { text }) => sum + text.length, 0);

/** The thought and the tags around it; the answer's own tags may be stop texts. */
const isOfThought = ({ part, text }: ResponsePiece): boolean =>
  part === "thought" || (part === "tag" && text.endsWith("think>"));
