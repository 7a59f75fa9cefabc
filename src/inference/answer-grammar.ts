// Answers that obey a JSON schema: compiles schemas to grammars over a tokenizer's vocabulary and tells which tokens may come next.
// The grammar engine is kept: @mlc-ai/web-xgrammar. Knows no model.
import type { CompiledGrammar, GrammarCompiler, GrammarMatcher } from "@mlc-ai/web-xgrammar";
import { ConfigError } from "../errors.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { type GrammarEngine, loadGrammarEngine } from "./grammar-engine.js";
import { checkedSchema } from "./schema-check.js";

/** What an answer's next token may be. */
export interface AnswerConstraint {
  /** Whether the answer is complete and nothing may follow. */
  readonly isComplete: boolean;
  /** Bit mask of the tokens allowed next (see `maskLogits`). Throws ConfigError where the schema leaves none. */
  mask(): Promise<Int32Array>;
  /** Takes the next token; false, and no change, where it is not allowed. */
  accept(id: number): boolean;
  /** Takes back the last `count` tokens. */
  rollback(count: number): void;
  dispose(): void;
}

/** Compiled grammars kept for later requests of the same schema. */
const MAX_KEPT = 32;
/** Blanks and newlines that may stand between two parts of an answer: enough to indent, too few to go on for ever. */
const MAX_WHITESPACE = 20;

/** Grammars over one tokenizer's vocabulary; a schema is compiled once. */
export class AnswerGrammars {
  private compiler: Promise<{ readonly engine: GrammarEngine; readonly compiler: GrammarCompiler }> | null = null;
  private readonly compiled = new Map<string, Promise<{ readonly engine: GrammarEngine; readonly grammar: CompiledGrammar }>>();

  /** `vocabSize`: the model's, which may exceed the tokenizer's. */
  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly vocabSize: number,
  ) {}

  /**
   * The constraint of one answer, to be disposed. The answer ends with one of `stopIds`, which only a complete answer allows; without any it ends
   * itself. Throws ConfigError for a schema that is not one, or that cannot be enforced.
   */
  async constrain(schema: object | boolean, stopIds: readonly number[]): Promise<AnswerConstraint> {
    const text = JSON.stringify(checkedSchema(schema));
    let entry = this.compiled.get(text);
    if (!entry) this.keep(text, (entry = this.compile(text)));
    const { engine, grammar } = await entry;
    const endsItself = stopIds.length === 0;
    return new MatcherConstraint(await engine.library.GrammarMatcher.createGrammarMatcher(grammar, endsItself ? undefined : [...stopIds], endsItself));
  }

  private keep(text: string, entry: Promise<{ readonly engine: GrammarEngine; readonly grammar: CompiledGrammar }>): void {
    this.compiled.set(text, entry);
    entry.catch(() => this.compiled.delete(text));
    if (this.compiled.size <= MAX_KEPT) return;
    const [oldest, old] = this.compiled.entries().next().value!;
    this.compiled.delete(oldest);
    old.then(({ grammar }) => grammar.dispose()).catch(() => {});
  }

  private async compile(text: string): Promise<{ engine: GrammarEngine; grammar: CompiledGrammar }> {
    const { engine, compiler } = await (this.compiler ??= this.start());
    try {
      return { engine, grammar: await compiler.compileJSONSchema(text, true, -1, undefined, true, MAX_WHITESPACE) };
    } catch (error) {
      this.compiler = null; // the next schema gets an engine whose memory is sound
      throw new ConfigError(`schema: the grammar engine cannot use it: ${engine.lastFailure() ?? (error as Error).message}`);
    }
  }

  private async start(): Promise<{ engine: GrammarEngine; compiler: GrammarCompiler }> {
    const engine = loadGrammarEngine();
    const { TokenizerInfo, GrammarCompiler } = engine.library;
    const { tokens, kind } = vocabularyOf(this.tokenizer);
    const info = await TokenizerInfo.createTokenizerInfo(tokens, kind, false, Math.max(this.vocabSize, tokens.length), []);
    return { engine, compiler: await GrammarCompiler.createGrammarCompiler(info, false) };
  }
}

/** A matcher of one answer. Once disposed it allows everything: its request is gone, and what was under way may end. */
class MatcherConstraint implements AnswerConstraint {
  private matcher: GrammarMatcher | null;

  constructor(matcher: GrammarMatcher) {
    this.matcher = matcher;
  }
  get isComplete(): boolean {
    return this.matcher?.isTerminated() ?? false;
  }
  async mask(): Promise<Int32Array> {
    const mask = await this.matcher?.getNextTokenBitmask();
    if (!mask || this.matcher === null) return new Int32Array(0);
    if (mask.every((word) => word === 0)) throw new ConfigError("schema: it leaves no token to go on with; check that some finite answer obeys it");
    return mask;
  }
  accept(id: number): boolean {
    return this.matcher?.acceptToken(id) ?? false;
  }
  rollback(count: number): void {
    if (count > 0) this.matcher?.rollBack(count);
  }
  dispose(): void {
    this.matcher?.dispose();
    this.matcher = null;
  }
}

/** A tokenizer's tokens by id, and how they spell bytes. Special tokens and tags are no text: an answer never contains them. */
function vocabularyOf(tokenizer: Tokenizer): { tokens: string[]; kind: string } {
  const json = tokenizer.toJSON();
  const tokens: string[] = new Array(tokenizer.vocabSize).fill("");
  for (const [token, id] of Object.entries((json.model.vocab ?? {}) as Record<string, number>)) tokens[id] = token;
  for (const { id, content } of json.added_tokens ?? []) tokens[id] = content;
  for (const { id } of tokenizer.specialTokens) tokens[id] = "";
  const decoder = JSON.stringify(json.decoder ?? null);
  return { tokens, kind: decoder.includes('"ByteLevel"') ? "byte_level" : decoder.includes('"ByteFallback"') ? "byte_fallback" : "raw" };
}
