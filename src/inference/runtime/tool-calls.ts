// Which tokens of a completion are calls of tools: those between the tags that a model's makers gave it, known by their
// ids. Knows no tool and no syntax of a call.
import type { Tokenizer } from "../../tokenizer/tokenizer.js";

/** Tags around calls: Qwen's (and Hermes'), DeepSeek's, and Mistral's, which goes on to the end. */
const TAGS: readonly (readonly [open: string, close: string | null])[] = [
  ["<tool_call>", "</tool_call>"],
  ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"],
  ["[TOOL_CALLS]", null],
];
/** In place of the id of a closing tag where there is none. */
const NEVER = -1;

/** Follows the tokens of one completion, those of its thought left out. */
export class ToolCallReader {
  private readonly tags: ReadonlyMap<number, number>;
  /** The token that ends the call under way. */
  private closing: number | null = null;

  constructor(tokenizer: Tokenizer | undefined) {
    this.tags = tokenizer ? tagsOf(tokenizer) : new Map();
  }

  /** Takes the next token; returns whether it belongs to a call, whose tags do too. */
  take(id: number): boolean {
    if (this.closing === null) {
      this.closing = this.tags.get(id) ?? null;
      return this.closing !== null;
    }
    if (id === this.closing) this.closing = null;
    return true;
  }
}

const known = new WeakMap<Tokenizer, ReadonlyMap<number, number>>();

/** Opening tags that are tokens of this vocabulary, each with the id of the closing one. */
function tagsOf(tokenizer: Tokenizer): ReadonlyMap<number, number> {
  const kept = known.get(tokenizer);
  if (kept) return kept;
  const made = new Map<number, number>();
  for (const [open, close] of TAGS) {
    const id = tokenizer.tokenId(open);
    if (id !== undefined) made.set(id, (close === null ? undefined : tokenizer.tokenId(close)) ?? NEVER);
  }
  known.set(tokenizer, made);
  return made;
}
