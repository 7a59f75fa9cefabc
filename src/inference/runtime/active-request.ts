// One request while it runs: takes each new token and says what follows from it: text, the end, forced tokens. Knows no
// model and no blocks.
import { LucioleError } from "../../errors.js";
import { Random } from "../../random.js";
import { type ResponsePiece, THINK_CLOSE } from "../../tasks/response.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { AnswerConstraint } from "./answer-constraint.js";
import { CompletionReader } from "./completion-reader.js";
import { DEFAULT_LOOKUP, LookupDrafter } from "./drafting.js";
import { EventQueue, type QueueListener } from "./event-queue.js";
import { changesLogits, LogitChanges } from "./logit-changes.js";
import { DEFAULT_LOOP, LoopDetector } from "./loop-detector.js";
import type {
  Completion,
  FinishReason,
  GenerationRequest,
  SamplingOptions,
  TokenEvent,
  TokenLogProb,
} from "./request.js";
import { Sequence } from "./sequence.js";
import { ToolCallReader } from "./tool-calls.js";
import { TurnEnd } from "./turn-end.js";

/** A request's sequence with all that is decided token by token. */
export class ActiveRequest extends Sequence {
  readonly sampling: SamplingOptions;
  readonly random: Random;
  /** Changes to the logits, where the request asks for any. */
  readonly changes?: LogitChanges;
  readonly events: EventQueue<TokenEvent>;
  readonly result: Promise<Completion>;
  readonly lookup = new LookupDrafter(DEFAULT_LOOKUP);
  /** Rules of the answer, set before the first token. */
  constraint?: AnswerConstraint;
  finishReason?: FinishReason;
  numDrafted = 0;
  numAccepted = 0;

  private readonly stopIds: ReadonlySet<number>;
  private readonly closeIds: ArrayLike<number>;
  private readonly reader: CompletionReader;
  private readonly turnEnd?: TurnEnd;
  /** Whether nobody asks what the tokens say before the end, so that they are read then, in one go. */
  private readonly readsAtEnd: boolean;
  private readonly toolCalls: ToolCallReader;
  private readonly loop?: LoopDetector;
  private logProbs = new Float32Array(64);
  private settle!: { resolve(result: Completion): void; reject(error: unknown): void };

  constructor(
    readonly request: GenerationRequest,
    readonly maxNewTokens: number,
    tokenizer: Tokenizer | undefined,
    listener: QueueListener,
    adapter = -1,
  ) {
    super(request.prompt, adapter);
    this.sampling = request.sampling ?? {};
    this.random = new Random(this.sampling.seed ?? 0);
    if (changesLogits(this.sampling)) this.changes = new LogitChanges(this.sampling, request.prompt);
    this.events = new EventQueue(listener);
    this.stopIds = new Set(request.stopIds);
    this.reader = new CompletionReader(
      tokenizer,
      { startsInside: request.thinking?.startsInside, form: request.form },
      request.stop ?? [],
    );
    if (tokenizer && request.turnEnds?.length) this.turnEnd = new TurnEnd(tokenizer, request.turnEnds);
    this.toolCalls = new ToolCallReader(tokenizer);
    this.readsAtEnd = !mustReadOnTheWay(request);
    this.closeIds = tokenizer ? closingIds(tokenizer) : [];
    if (request.loop !== false) this.loop = new LoopDetector(request.loop ?? DEFAULT_LOOP);
    this.result = new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.result.catch(() => {}); // one who iterates alone hears of errors there
  }

  /** Begins: a thinking budget of nothing is spent at once. */
  begin(): void {
    if (this.isThinking && this.request.thinking?.budget === 0) this.closeThinking();
  }

  /** Whether the completion stands inside its thinking, as far as it is read. */
  get isThinking(): boolean {
    return this.reader.isThinking;
  }
  /** Whether the next token must obey the constraint. */
  get isConstrained(): boolean {
    return this.constraint !== undefined && !this.isThinking;
  }
  /** A reader that is behind holds nobody up but its own request. */
  override get isPaused(): boolean {
    return this.events.isBehind;
  }
  get isFinished(): boolean {
    return this.finishReason !== undefined;
  }
  /** Most drafts that could still be of use. */
  get draftLimit(): number {
    return this.request.speculate === false ? 0 : this.maxNewTokens - this.numGenerated - 1;
  }

  /** Takes the token drawn; more may be forced behind it, or another in its place. */
  take(id: number, logProb: number, top?: readonly TokenLogProb[]): void {
    const isStop = this.stopIds.has(id);
    if (this.readsAtEnd) this.appendUnread(id, logProb, isStop);
    else this.takeReading(id, logProb, isStop, top);
  }

  private takeReading(id: number, logProb: number, isStop: boolean, top?: readonly TokenLogProb[]): void {
    const { unclosed, budget = Number.POSITIVE_INFINITY } = this.request.thinking ?? {};
    const isReplaced = isStop && this.isThinking && unclosed === "close";
    const isLoop = !isReplaced && this.append(id, logProb, isStop, false, top);
    if (this.isFinished || !this.isThinking) return;
    if (isReplaced || isLoop || this.reader.numThinking >= budget) this.closeThinking();
  }

  /** Ends the completion as it stands. */
  finish(reason: FinishReason): void {
    this.finishReason = reason;
    if (this.readsAtEnd) this.reader.pushAll(this.generated(), this.stopIds);
    this.reader.end();
    this.constraint?.dispose();
    this.events.end();
    this.settle.resolve(this.describe());
  }

  /** Ends it with an error instead of a result. */
  fail(error: unknown): void {
    this.finishReason = "cancelled";
    this.constraint?.dispose();
    this.events.end(error);
    this.settle.reject(error);
  }

  private closeThinking(): void {
    this.loop?.reset();
    for (let i = 0; i < this.closeIds.length && !this.isFinished; i++) this.append(this.closeIds[i], 0, false, true);
  }

  /** Appends a token that is read when the completion has ended. */
  private appendUnread(id: number, logProb: number, isStop: boolean): void {
    this.push(id);
    this.noteLogProb(logProb);
    this.changes?.add(id);
    const reason = this.reasonToEnd(id, isStop, false);
    if (reason) this.finish(reason);
  }

  /** Appends a token; returns whether it completes a loop inside the thinking. */
  private append(
    id: number,
    logProb: number,
    isStop: boolean,
    isForced: boolean,
    top?: readonly TokenLogProb[],
  ): boolean {
    const wasThinking = this.isThinking;
    const wasConstrained = this.isConstrained;
    this.push(id);
    this.noteLogProb(logProb);
    this.changes?.add(id);
    let pieces = this.reader.push(id, isStop, isForced);
    const isThinking = this.isThinking;
    if (wasConstrained) this.constraint?.accept(id);
    const isLoop = !isForced && (this.loop?.push(id) ?? false);
    const reason = this.reasonToEnd(id, isStop, isLoop && !isThinking);
    if (reason) pieces = [...pieces, ...this.reader.end()];
    if (this.request.events !== false)
      this.tell({ id, logProb, isForced, ...(top && { top }) }, pieces, wasThinking || isThinking);
    if (reason) this.finish(reason);
    return isLoop;
  }

  private reasonToEnd(id: number, isStop: boolean, isLoop: boolean): FinishReason | undefined {
    if (
      isStop ||
      this.turnEnd?.push(id) ||
      this.reader.isStopped ||
      (this.isConstrained && this.constraint?.isComplete)
    )
      return "stop";
    if (this.numGenerated === this.maxNewTokens) return "length";
    return isLoop ? "loop" : undefined;
  }

  private tell(
    token: Pick<TokenEvent, "id" | "logProb" | "isForced" | "top">,
    pieces: readonly ResponsePiece[],
    isOfThought: boolean,
  ): void {
    const text = pieces.map((piece) => piece.text).join("");
    const isThought = isOfThought || pieces.some(({ recasts }) => recasts);
    const isCall = !isThought && this.toolCalls.take(token.id);
    this.events.push({ ...token, text, pieces, part: isThought ? "thought" : isCall ? "tool call" : "answer" });
  }

  private noteLogProb(logProb: number): void {
    if (this.numGenerated > this.logProbs.length) {
      const wider = new Float32Array(2 * this.logProbs.length);
      wider.set(this.logProbs);
      this.logProbs = wider;
    }
    this.logProbs[this.numGenerated - 1] = logProb;
  }

  private generated(): Int32Array {
    return this.tokens.subarray(this.numPrompt, this.numTokens);
  }

  private describe(): Completion {
    const reading = this.reader.read();
    return {
      ids: this.generated().slice(),
      logProbs: this.logProbs.slice(0, this.numGenerated),
      ...reading,
      ...(this.turnEnd?.found !== undefined && { stopText: this.turnEnd.found }),
      text: reading.response.text,
      finishReason: this.finishReason as FinishReason,
      numPrefixHits: this.numPrefixHits ?? 0,
      numDrafted: this.numDrafted,
      numAccepted: this.numAccepted,
    };
  }
}

/**
 * Whether something hangs on what a token says: a listener, a stop text, rules for the thought or the answer, loops.
 */
function mustReadOnTheWay({ events, stop, thinking, schema, loop }: GenerationRequest): boolean {
  const hasThinkingRule = thinking?.budget !== undefined || thinking?.unclosed === "close";
  return events !== false || loop !== false || hasThinkingRule || schema !== undefined || (stop?.length ?? 0) > 0;
}

/** The tokens that close the thinking. */
function closingIds(tokenizer: Tokenizer): ArrayLike<number> {
  const id = tokenizer.tokenId(THINK_CLOSE);
  if (id !== undefined) return [id];
  try {
    return tokenizer.encode(THINK_CLOSE);
  } catch (error) {
    if (error instanceof LucioleError) return []; // an alphabet that cannot spell the tag has no thinking to close
    throw error;
  }
}
