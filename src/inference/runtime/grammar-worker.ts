// The thread of one grammar: compiles a schema over a vocabulary and follows answers by it, so that neither can hold up
// the engine. Started by grammar-host.ts with `workerData`; answers every call on its port in order.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { CompiledGrammar, GrammarMatcher } from "@mlc-ai/web-xgrammar";
import { loadGrammarEngine } from "./grammar-engine.js";

/** What a grammar is made of, and how to talk about it. */
export interface GrammarWorkerData {
  readonly tokens: readonly string[];
  /** How tokens spell bytes: "byte_level", "byte_fallback" or "raw". */
  readonly kind: string;
  readonly vocabSize: number;
  /** A JSON schema. */
  readonly schema: string;
  /** Whether blanks and newlines may stand before the answer, as many as between two parts. */
  readonly hasLead: boolean;
  /** Blanks and newlines between two parts of an answer, at most. */
  readonly maxWhitespace: number;
  readonly maxMemoryBytes: number;
  readonly port: MessagePort;
  /** One number, raised with every reply. */
  readonly numReplies: Int32Array;
}

/** A call about one matcher. */
export type GrammarCall = { readonly number: number; readonly matcher: number } & (
  | { readonly kind: "open"; readonly stopIds: readonly number[] }
  | { readonly kind: "mask" }
  | { readonly kind: "accept"; readonly id: number }
  | { readonly kind: "rollback"; readonly count: number }
  | { readonly kind: "close" }
);

/** What comes of a call. */
export interface GrammarReply {
  readonly number: number;
  readonly mask?: Int32Array;
  readonly isAccepted?: boolean;
  /** Whether the answer is complete and nothing may follow. */
  readonly isComplete?: boolean;
  readonly error?: string;
}

/** How the start goes on: the vocabulary is read, the grammar stands, or it cannot be made. */
export type GrammarProgress =
  | { readonly kind: "vocabulary" }
  | { readonly kind: "compiled" }
  | { readonly kind: "failed"; readonly message: string };

/** WebAssembly.Memory, as far as it is used. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const { tokens, kind, vocabSize, schema, hasLead, maxWhitespace, maxMemoryBytes, port, numReplies } =
  workerData as GrammarWorkerData;
const matchers = new Map<number, GrammarMatcher>();
const engine = loadGrammarEngine();
const tell = (progress: GrammarProgress) => parentPort?.postMessage(progress);

boundMemory();
const grammar = await compile();
if (grammar) {
  port.on("message", (call: GrammarCall) => void answer(grammar, call));
  tell({ kind: "compiled" });
}

/** The engine's memory only grows; beyond the bound it is told that there is none. */
function boundMemory(): void {
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: WasmMemory } } }).WebAssembly
    .Memory;
  const { grow } = prototype;
  prototype.grow = function (this: WasmMemory, pages: number): number {
    if (this.buffer.byteLength + pages * 65536 > maxMemoryBytes) throw new RangeError("out of memory");
    return grow.call(this, pages);
  };
}

async function compile(): Promise<CompiledGrammar | undefined> {
  const { TokenizerInfo, GrammarCompiler } = engine.library;
  try {
    const info = await TokenizerInfo.createTokenizerInfo([...tokens], kind, false, vocabSize, []);
    const compiler = await GrammarCompiler.createGrammarCompiler(info, false);
    tell({ kind: "vocabulary" });
    if (!hasLead) return await compiler.compileJSONSchema(schema, true, -1, undefined, true, maxWhitespace);
    return await compiler.compileGrammar(await withLead(), "lead");
  } catch (error) {
    tell({ kind: "failed", message: engine.lastFailure() ?? (error as Error).message ?? String(error) });
    return undefined;
  }
}

/** The grammar of the schema as text, with a rule for what may stand before it. */
async function withLead(): Promise<string> {
  const rules = await engine.library.Grammar.fromJSONSchema(schema, true, -1, undefined, true, maxWhitespace);
  const text = rules.toString();
  rules.dispose();
  return `${text}\nlead ::= [ \\t\\r\\n]{0,${maxWhitespace}} root\n`;
}

async function answer(compiled: CompiledGrammar, call: GrammarCall): Promise<void> {
  const reply = await run(compiled, call).catch((error) => ({
    error: engine.lastFailure() ?? (error as Error).message ?? String(error),
  }));
  port.postMessage({ number: call.number, ...reply });
  Atomics.add(numReplies, 0, 1);
  Atomics.notify(numReplies, 0);
}

async function run(compiled: CompiledGrammar, call: GrammarCall): Promise<Omit<GrammarReply, "number">> {
  if (call.kind === "open") {
    const endsItself = call.stopIds.length === 0;
    const made = await engine.library.GrammarMatcher.createGrammarMatcher(
      compiled,
      endsItself ? undefined : [...call.stopIds],
      endsItself,
    );
    matchers.set(call.matcher, made);
    return {};
  }
  const matcher = matchers.get(call.matcher);
  if (!matcher) return {};
  if (call.kind === "mask") return { mask: await matcher.getNextTokenBitmask() };
  if (call.kind === "accept") return { isAccepted: matcher.acceptToken(call.id), isComplete: matcher.isTerminated() };
  if (call.kind === "rollback") matcher.rollBack(call.count);
  else {
    matcher.dispose();
    matchers.delete(call.matcher);
  }
  return {};
}
