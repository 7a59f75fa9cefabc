// Keeps the text of messages from becoming control tokens. Before a template is rendered, every place of a message
// where a control token would be found gets a mark in place of one character; the marks travel through whatever the
// template does with the text, no token is found at them, and the characters are put back when what lies between tokens
// is encoded. Knows no template.
import { SpecialTokenMatcher } from "./special-tokens.js";
import type { EncodeOptions, Tokenizer } from "./tokenizer.js";

/** A text in which marks stand for characters at which no added token may begin. */
export interface MarkedText {
  readonly text: string;
  /** The character behind each mark. */
  readonly marks: ReadonlyMap<string, string>;
}

/**
 * The tags of a response. In an assistant's turn they are meant: templates cut the thought out of earlier turns by
 * them.
 */
const RESPONSE_TAGS = ["<think>", "</think>", "<answer>", "</answer>"];
/** Private-use characters: no template looks for them, and they are as long as the character they stand for. */
const FIRST_MARK = 0xe000;
const LAST_MARK = 0xf8ff;
const MARK = /[\uE000-\uF8FF]/g;

/** The text with its characters put back. */
export const unmarked = ({ text, marks }: MarkedText): string => restoring(marks)(text);

/** Puts the characters behind marks back into a text. */
export function restoring(marks: ReadonlyMap<string, string> | undefined): (text: string) => string {
  if (!marks || marks.size === 0) return (text) => text;
  return (text) => text.replaceAll(MARK, (mark) => marks.get(mark) ?? mark);
}

/**
 * Encodes marked text where every character is encoded by itself: what lies between marks, and the characters behind
 * them.
 */
export function encodeMarked(
  text: string,
  { marks, ...options }: EncodeOptions,
  encode: (part: string, options: EncodeOptions) => Int32Array,
): Int32Array {
  const pieces = text.split(new RegExp(`([${[...(marks as ReadonlyMap<string, string>).keys()].join("")}])`));
  return Int32Array.from(pieces.flatMap((piece, i) => [...encode(marks?.get(piece) ?? piece, i === 0 ? options : {})]));
}

/**
 * The control tokens of a vocabulary: those flagged as special, those in `<|…|>`, those that a template writes, and the
 * tags of responses.
 */
export class ControlTokens {
  private readonly ofOthers: Finder;
  private readonly ofAssistant: Finder;

  constructor(tokenizer: Tokenizer, templates: Iterable<string>) {
    const sources = [...templates];
    const isControl = ({ token, special }: { readonly token: string; readonly special: boolean }) =>
      special || /^<[|｜].+[|｜]>$/.test(token);
    const isWritten = (token: string) => token.trim() !== "" && sources.some((source) => source.includes(token));
    const added = tokenizer.specialTokens;
    this.ofOthers = new Finder(
      added
        .filter((each) => isControl(each) || isWritten(each.token) || RESPONSE_TAGS.includes(each.token))
        .map(({ token }) => token),
    );
    this.ofAssistant = new Finder(
      added.filter((each) => isControl(each) && !RESPONSE_TAGS.includes(each.token)).map(({ token }) => token),
    );
  }

  /**
   * Copies of the messages with marks in all their text but the roles. Turns of the roles in `trusted` stay as they
   * are.
   */
  mark<M extends { readonly role: string }>(
    messages: readonly M[],
    templates: Iterable<string>,
    trusted: readonly string[] = [],
  ): { messages: M[]; marks: ReadonlyMap<string, string> } {
    const marks = new Marks([JSON.stringify(messages), ...templates].join(""));
    const marked = messages.map((message) => {
      if (trusted.includes(message.role)) return message;
      const finder = message.role === "assistant" ? this.ofAssistant : this.ofOthers;
      return { ...(deepMap(message, (text) => marks.put(text, finder.places(text))) as M), role: message.role };
    });
    return { messages: marked, marks: marks.characters };
  }

  /** A text by itself, marked like a user's message. */
  markText(text: string): MarkedText {
    const marks = new Marks(text);
    return { text: marks.put(text, this.ofOthers.places(text)), marks: marks.characters };
  }
}

/**
 * Finds where control tokens begin, also one that only begins at the end of the text and might be completed by what
 * follows.
 */
class Finder {
  private readonly matcher: SpecialTokenMatcher<{ readonly token: string }>;
  private readonly longest: number;

  constructor(private readonly tokens: readonly string[]) {
    this.matcher = new SpecialTokenMatcher(tokens.filter((token) => token !== "").map((token) => ({ token })));
    this.longest = tokens.reduce((most, { length }) => Math.max(most, length), 0);
  }

  places(text: string): number[] {
    const places: number[] = [];
    for (let at = this.matcher.next(text, 0); at < text.length; at = this.matcher.next(text, at + 1)) {
      const begins = () =>
        text.length - at < this.longest && this.tokens.some((token) => token.startsWith(text.slice(at)));
      if (this.matcher.matchAt(text, at) || begins()) places.push(at);
    }
    return places;
  }
}

/** Gives marks to characters: private-use characters that no text at hand contains. */
class Marks {
  readonly characters = new Map<string, string>();
  private readonly markOf = new Map<string, string>();
  private next = FIRST_MARK;

  constructor(private readonly taken: string) {}

  put(text: string, places: readonly number[]): string {
    let marked = "";
    let done = 0;
    for (const at of places) {
      marked += text.slice(done, at) + this.for(text[at]);
      done = at + 1;
    }
    return marked + text.slice(done);
  }

  private for(character: string): string {
    const known = this.markOf.get(character);
    if (known !== undefined) return known;
    while (this.next < LAST_MARK && this.taken.includes(String.fromCharCode(this.next))) this.next++;
    const mark = String.fromCharCode(this.next++);
    this.characters.set(mark, character);
    this.markOf.set(character, mark);
    return mark;
  }
}

/** A copy of a JSON-like value with every text in it changed; keys stay. */
function deepMap(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((each) => deepMap(each, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deepMap(each, change)]));
}
