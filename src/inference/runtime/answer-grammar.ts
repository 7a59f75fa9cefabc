// Answers that obey a JSON schema: keeps the grammars of schemas over a tokenizer's vocabulary and tells which tokens
// may come next. Grammars are compiled and followed on threads of their own (grammar-host.ts). Knows no model.
import { ConfigError } from "../../errors.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { AnswerConstraint, FollowSchemas, SchemaFollower } from "./answer-constraint.js";
import { GRAMMAR_BUDGET, type GrammarBudget, GrammarHost, type GrammarParts } from "./grammar-host.js";
import { checkedSchema } from "./schema-check.js";

/** Grammars kept for later requests of the same schema, each with its thread. */
const MAX_KEPT = 4;
/** Grammars compiled at once; others wait. */
const MAX_COMPILING = 2;
/** Blanks and newlines that may stand before an answer and between two parts of it: enough to indent, too few to go on for ever. */
const MAX_WHITESPACE = 20;
/** Characters of a schema, as JSON. */
const MAX_SCHEMA_LENGTH = 1 << 20;

type Rules = Pick<GrammarParts, "schema" | "hasLead">;

/** A schema's grammar, made or in the making. */
interface Entry {
  readonly host: Promise<GrammarHost>;
  readonly abort: AbortController;
  /** Requests that wait for it or are held to it. */
  numUsers: number;
  isMade: boolean;
}

/** Grammars over one tokenizer's vocabulary; a schema is compiled once. */
export class AnswerGrammars implements SchemaFollower {
  private readonly entries = new Map<string, Entry>();
  private numCompiling = 0;
  private readonly queue: (() => void)[] = [];

  /** `vocabSize`: the model's, which may exceed the tokenizer's. */
  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly vocabSize: number,
    private readonly budget: GrammarBudget = GRAMMAR_BUDGET,
  ) {}

  async constrain(
    schema: object | boolean,
    stopIds: readonly number[],
    signal?: AbortSignal,
    hasLead = false,
  ): Promise<AnswerConstraint> {
    const rules = { schema: schemaText(schema), hasLead };
    const key = JSON.stringify(rules);
    const entry = this.entryOf(key, rules);
    const release = once(() => this.release(key, entry));
    signal?.addEventListener("abort", release, { once: true });
    entry.numUsers++;
    try {
      const host = await entry.host;
      const constraint = new HostedConstraint(host, release);
      await constraint.open(stopIds);
      return constraint;
    } catch (error) {
      release();
      throw error;
    } finally {
      signal?.removeEventListener("abort", release);
    }
  }

  dispose(): void {
    for (const [key, entry] of this.entries) this.drop(key, entry);
  }

  private entryOf(key: string, rules: Rules): Entry {
    const known = this.entries.get(key);
    this.entries.delete(key); // what is used moves to the end
    const entry = known ?? this.start(key, rules);
    this.entries.set(key, entry);
    return entry;
  }

  private start(key: string, rules: Rules): Entry {
    const abort = new AbortController();
    const entry: Entry = { host: this.compile(rules, abort.signal), abort, numUsers: 0, isMade: false };
    entry.host.then(
      () => {
        entry.isMade = true;
        this.forgetOldest();
      },
      () => this.entries.get(key) === entry && this.entries.delete(key),
    );
    return entry;
  }

  private async compile(rules: Rules, signal: AbortSignal): Promise<GrammarHost> {
    while (this.numCompiling >= MAX_COMPILING) await new Promise<void>((resolve) => this.queue.push(resolve));
    this.numCompiling++;
    try {
      const { tokens, kind } = vocabularyOf(this.tokenizer);
      const parts = {
        tokens,
        kind,
        vocabSize: Math.max(this.vocabSize, tokens.length),
        ...rules,
        maxWhitespace: MAX_WHITESPACE,
      };
      return await GrammarHost.compile(parts, signal, this.budget);
    } finally {
      this.numCompiling--;
      this.queue.shift()?.();
    }
  }

  /** A request is done with it; one that nobody waits for any more is not made. */
  private release(key: string, entry: Entry): void {
    if (--entry.numUsers === 0 && !entry.isMade) this.drop(key, entry);
    this.forgetOldest();
  }

  private forgetOldest(): void {
    const unused = [...this.entries].filter(([, { numUsers, isMade }]) => isMade && numUsers === 0);
    for (const [key, entry] of unused.slice(0, Math.max(0, this.entries.size - MAX_KEPT))) this.drop(key, entry);
  }

  private drop(key: string, entry: Entry): void {
    if (this.entries.get(key) === entry) this.entries.delete(key);
    entry.abort.abort();
    entry.host.then((host) => host.dispose()).catch(() => {});
  }
}

/** A checked schema as JSON. Throws ConfigError for what is none. */
function schemaText(schema: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(schema);
    if (text === undefined || text.length <= MAX_SCHEMA_LENGTH) return JSON.stringify(checkedSchema(schema));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`schema: expected JSON without too deep nesting: ${(error as Error).message.split("\n")[0]}`);
  }
  throw new ConfigError(
    `schema: the maximum length is ${MAX_SCHEMA_LENGTH} characters of JSON, got ${text.length}; shorten its lists`,
  );
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}

let numMatchers = 0;

/**
 * The matcher of one answer. Once disposed it allows everything: its request is gone, and what was under way may end.
 */
class HostedConstraint implements AnswerConstraint {
  isComplete = false;
  private readonly matcher = numMatchers++;
  private isDisposed = false;
  /** Why tokens can no longer be held to the schema; the next mask tells. */
  private failure: unknown;

  constructor(
    private readonly host: GrammarHost,
    private readonly release: () => void,
  ) {}

  async open(stopIds: readonly number[]): Promise<void> {
    await this.host.ask({ matcher: this.matcher, kind: "open", stopIds });
  }

  async mask(): Promise<Int32Array> {
    if (this.isDisposed) return new Int32Array(0);
    if (this.failure) throw this.failure;
    const { mask } = await this.host.ask({ matcher: this.matcher, kind: "mask" });
    if (!mask || this.isDisposed) return new Int32Array(0);
    if (mask.every((word) => word === 0))
      throw new ConfigError("schema: no token is allowed next; check that a finite answer can satisfy it");
    return mask;
  }

  accept(id: number): boolean {
    if (this.isDisposed) return false;
    try {
      const { isAccepted = false, isComplete = false } = this.host.askNow({
        matcher: this.matcher,
        kind: "accept",
        id,
      });
      this.isComplete = isComplete;
      return isAccepted;
    } catch (error) {
      this.failure ??= error;
      return false;
    }
  }

  rollback(count: number): void {
    if (count === 0 || this.isDisposed) return;
    this.isComplete = false;
    this.host.ask({ matcher: this.matcher, kind: "rollback", count }).catch((error) => (this.failure ??= error));
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.isComplete = false;
    this.host.ask({ matcher: this.matcher, kind: "close" }).catch(() => {});
    this.release();
  }
}

/**
 * A tokenizer's tokens by id, and how they spell bytes. Special tokens and tags are no text: an answer never contains
 * them.
 */
function vocabularyOf(tokenizer: Tokenizer): { tokens: string[]; kind: string } {
  const json = tokenizer.toJSON();
  const tokens: string[] = new Array(tokenizer.vocabSize).fill("");
  for (const [token, id] of Object.entries((json.model.vocab ?? {}) as Record<string, number>)) tokens[id] = token;
  for (const { id, content } of json.added_tokens ?? []) tokens[id] = content;
  for (const { id } of tokenizer.specialTokens) tokens[id] = "";
  const decoder = JSON.stringify(json.decoder ?? null);
  return {
    tokens,
    kind: decoder.includes('"ByteLevel"') ? "byte_level" : decoder.includes('"ByteFallback"') ? "byte_fallback" : "raw",
  };
}

/** Follows schemas with compiled grammars, each on a thread of Node's. */
export const answerGrammars: FollowSchemas = (tokenizer, vocabSize) => new AnswerGrammars(tokenizer, vocabSize);
