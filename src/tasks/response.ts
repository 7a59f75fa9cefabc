// A model's response: its tags, the one grammar that tells thought from answer while it is written, and what a finished
// one holds. Knows text and tags, no tokens; does not judge the answer.
import { finalAnswer, plainAnswer } from "./grading/final-answer.js";

/** Opens the thought. */
export const THINK_OPEN = "<think>";
/** Closes the thought. */
export const THINK_CLOSE = "</think>";
/** Opens the answer. */
export const ANSWER_OPEN = "<answer>";
/** Closes the answer. */
export const ANSWER_CLOSE = "</answer>";
/** The four tags in the order of a well-formed tagged response; each is one token in the character tokenizer. */
export const RESPONSE_TAGS = [THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE] as const;
/** One of the four. */
export type ResponseTag = (typeof RESPONSE_TAGS)[number];

/**
 * How a response is built. `chat`: a thought, which stands first or not at all, then the answer; all other tags are
 * text of either. `unmarked`: a chat whose answer needs no mark. `tagged`: `<think>…</think><answer>…</answer>`, read
 * leniently: every tag is a tag, wherever it stands.
 */
export type ResponseForm = "chat" | "unmarked" | "tagged";

/** How to read a response. */
export interface ReadingOptions {
  /** Whether the prompt ends in `<think>`, so that the response begins inside the thought; default false. */
  readonly startsInside?: boolean;
  /** Default "chat". */
  readonly form?: ResponseForm;
}

/**
 * What a piece of a response belongs to. A tag belongs to neither side; blanks before the opening tag are part of it.
 */
export type ResponsePart = "thought" | "answer" | "tag";

/** A piece of a response. The texts of all pieces, joined, are the response. */
export interface ResponsePiece {
  readonly part: ResponsePart;
  readonly text: string;
  /** Set at a `</think>` that nothing opened: all that came before it, told as answer, was thought. */
  readonly recasts?: true;
}

/** What a response holds. */
export interface ParsedResponse {
  /** All of it, tags included. */
  readonly text: string;
  /** The thought; null when there is none. An unclosed one goes on to the answer tag or the end. */
  readonly think: string | null;
  /**
   * What a reader is given as the answer: the last closed answer block, else all text outside the thought without its
   * tags.
   */
  readonly reply: string;
  /**
   * What is graded: the last closed answer block, else the last `\boxed{…}` outside the thought; null when there is
   * neither. Unmarked, it is then the last number outside the thought, or all that stands there where there is none.
   */
  readonly answer: string | null;
  /**
   * tagged: each tag once, in order, nothing but white space around and between. chat: a closed thought and an answer
   * to grade.
   */
  readonly wellFormed: boolean;
  /** The tags that were read as tags, in order; one that the prompt opened with comes first. */
  readonly tags: readonly ResponseTag[];
}

/** Parts a response while it is written. What may yet become a tag is held back until it is certain. */
export class ResponseParser {
  private place: "start" | "thought" | "answer";
  /** The end of the text, which may become a tag. */
  private held = "";
  /** White space before anything else. */
  private blanks = "";
  private hasThought: boolean;
  /** In a chat, no tag means anything any more. */
  private isSettled = false;
  private readonly isTagged: boolean;
  /** Inside a thought that the prompt opened and in which nothing was said yet. */
  private isFreshInside: boolean;

  /** `spelled`: the tags to look for in text; others come by `pushTag` alone. */
  constructor(
    { startsInside = false, form = "chat" }: ReadingOptions = {},
    private readonly spelled: readonly ResponseTag[] = RESPONSE_TAGS,
  ) {
    this.place = startsInside ? "thought" : "start";
    this.hasThought = this.isFreshInside = startsInside;
    this.isTagged = form === "tagged";
  }

  /** Whether the response stands inside its thought. */
  get isInside(): boolean {
    return this.place === "thought";
  }

  /** Takes text and gives the pieces that have become certain. */
  push(text: string): ResponsePiece[] {
    const pieces: ResponsePiece[] = [];
    this.held += text;
    for (let next = this.firstTag(); next; next = this.firstTag()) {
      this.release(next.at, pieces);
      this.held = this.held.slice(next.tag.length);
      this.take(next.tag, pieces);
    }
    this.release(this.held.length - this.numUncertain(), pieces);
    return pieces;
  }

  /** Takes a tag that came as a token of its own. */
  pushTag(tag: ResponseTag): ResponsePiece[] {
    const pieces: ResponsePiece[] = [];
    this.release(this.held.length, pieces);
    this.take(tag, pieces);
    return pieces;
  }

  /** The rest, when no more will come. */
  end(): ResponsePiece[] {
    const pieces: ResponsePiece[] = [];
    this.release(this.held.length, pieces);
    if (this.blanks !== "") pieces.push({ part: "answer", text: this.blanks });
    this.blanks = "";
    return pieces;
  }

  private release(length: number, pieces: ResponsePiece[]): void {
    if (length === 0) return;
    const text = this.held.slice(0, length);
    this.held = this.held.slice(length);
    this.say(text, pieces);
  }

  /** Text that is no tag. */
  private say(text: string, pieces: ResponsePiece[]): void {
    const isBlank = text.trim() === "";
    if (this.place === "start" && isBlank) this.blanks += text;
    else {
      if (this.place === "start") this.place = "answer";
      if (!isBlank) this.isFreshInside = false;
      pieces.push({ part: this.place, text: this.blanks + text } as ResponsePiece);
      this.blanks = "";
    }
  }

  private take(tag: ResponseTag, pieces: ResponsePiece[]): void {
    if (this.means(tag)) this.takeTag(tag, pieces);
    else {
      if (tag === THINK_OPEN && this.place !== "thought") this.isSettled = true;
      this.say(tag, pieces);
    }
  }

  private takeTag(tag: ResponseTag, pieces: ResponsePiece[]): void {
    const { place } = this;
    const recasts = tag === THINK_CLOSE && place === "answer" && !this.hasThought;
    if (tag === THINK_OPEN && !this.hasThought) this.place = "thought";
    else if (tag !== THINK_OPEN && (place === "start" || place === "thought") && tag !== ANSWER_CLOSE)
      this.place = "answer";
    if (tag === THINK_OPEN || tag === THINK_CLOSE) this.hasThought = true;
    if (tag === THINK_CLOSE) this.isSettled = true;
    this.isFreshInside = false;
    pieces.push({ part: "tag", text: this.blanks + tag, ...(recasts && { recasts }) });
    this.blanks = "";
  }

  /**
   * Whether a tag at this place is one. In a chat the answer's are text, and so is what does not open or close the one
   * thought.
   */
  private means(tag: ResponseTag): boolean {
    if (this.isTagged) return true;
    if (this.isSettled) return false;
    if (tag === THINK_OPEN) return this.place === "start" || this.isFreshInside;
    return tag === THINK_CLOSE;
  }

  /** The tags to look for in text from here on. */
  private get awaited(): readonly ResponseTag[] {
    return this.isSettled && !this.isTagged ? [] : this.spelled;
  }

  private firstTag(): { tag: ResponseTag; at: number } | undefined {
    let first: { tag: ResponseTag; at: number } | undefined;
    for (const tag of this.awaited) {
      const at = this.held.indexOf(tag);
      if (at >= 0 && (!first || at < first.at)) first = { tag, at };
    }
    return first;
  }

  /** Length of the end of the text that may yet become a tag. */
  private numUncertain(): number {
    const { held, awaited } = this;
    const from = Math.max(held.lastIndexOf("<"), 0);
    const end = held.slice(from);
    return end !== "" && awaited.some((tag) => tag.length > end.length && tag.startsWith(end)) ? end.length : 0;
  }
}

/** Gathers the pieces of a response into what it holds. */
export class ResponseRecord {
  private text = "";
  private thought = "";
  /** Text outside the thought, tags left out. */
  private outside = "";
  private block: string | null = null;
  private lastBlock: string | null = null;
  private hasStrayText = false;
  private hasThought: boolean;
  private readonly tags: ResponseTag[];

  constructor(private readonly options: ReadingOptions = {}) {
    this.hasThought = options.startsInside ?? false;
    this.tags = this.hasThought ? [THINK_OPEN] : [];
  }

  add(pieces: readonly ResponsePiece[]): void {
    for (const piece of pieces) {
      if (piece.recasts) this.recast();
      if (piece.part === "thought") this.thought += piece.text;
      else if (piece.part === "answer") this.addAnswer(piece.text);
      else this.addTag(piece.text.trim() as ResponseTag);
      this.text += piece.text;
    }
  }

  /** What the response holds as far as it goes. */
  read(): ParsedResponse {
    const { text, tags, lastBlock, outside } = this;
    const think = this.hasThought ? this.thought : null;
    const answer =
      lastBlock ?? finalAnswer(outside) ?? (this.options.form === "unmarked" ? plainAnswer(outside) : null);
    return { text, think, reply: lastBlock ?? outside, answer, wellFormed: this.isWellFormed(answer), tags: [...tags] };
  }

  private addAnswer(text: string): void {
    this.outside += text;
    if (this.block !== null) this.block += text;
    else if (text.trim() !== "") this.hasStrayText = true;
  }

  private addTag(tag: ResponseTag): void {
    this.tags.push(tag);
    if (tag === THINK_OPEN || tag === THINK_CLOSE) this.hasThought = true;
    if (tag === ANSWER_OPEN) this.block = "";
    if (tag !== ANSWER_CLOSE || this.block === null) return;
    this.lastBlock = this.block;
    this.block = null;
  }

  private recast(): void {
    this.thought = this.text;
    this.outside = "";
    this.block = this.lastBlock = null;
    this.hasStrayText = false;
  }

  private isWellFormed(answer: string | null): boolean {
    const expected = this.options.form === "tagged" ? RESPONSE_TAGS : RESPONSE_TAGS.slice(0, 2);
    const inOrder = this.tags.length === expected.length && this.tags.every((tag, i) => tag === expected[i]);
    return inOrder && (this.options.form === "tagged" ? !this.hasStrayText : answer !== null);
  }
}

/**
 * Reads a finished completion of which only the text is known; its tags are found as they are spelled. Default form:
 * tagged.
 */
export function parseResponse(text: string, { form = "tagged", startsInside }: ReadingOptions = {}): ParsedResponse {
  const options = { form, startsInside };
  const parser = new ResponseParser(options);
  const record = new ResponseRecord(options);
  record.add(parser.push(text));
  record.add(parser.end());
  return record.read();
}

/** A response with the answer that its task finds in it, in place of the marked one. */
export function withAnswer(response: ParsedResponse, form: ResponseForm, answer: string | null): ParsedResponse {
  const isClosed = form === "tagged" ? response.wellFormed : response.tags.join() === `${THINK_OPEN},${THINK_CLOSE}`;
  return { ...response, answer, wellFormed: isClosed && answer !== null };
}

/** Whether a prompt itself opens the thought, so that the response begins inside it. */
export const opensThought = (prompt: string): boolean => prompt.trimEnd().endsWith(THINK_OPEN);
