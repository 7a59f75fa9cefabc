// The runtime: takes requests, runs them together step by step over one paged cache, and gives back tokens as they
// come. Sees the model only as a ModelRunner. A request's tokens depend on its prompt, options and the weights alone:
// not on what runs beside it, on preemption, on how prompts are cut into steps, on the prefix cache, nor on
// speculation.
import { BackendError, ConfigError } from "../../errors.js";
import { nextTurn } from "../../next-turn.js";
import { keep, scope } from "../../tensor/engine.js";
import { cast } from "../../tensor/ops/elementwise.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import { ActiveRequest } from "./active-request.js";
import type { FollowSchemas, SchemaFollower } from "./answer-constraint.js";
import { BlockPool, type PrefixCache } from "./block-pool.js";
import {
  closedError,
  type EngineHandle,
  type EngineLimits,
  type EngineStats,
  type RunningRequest,
} from "./engine-handle.js";
import type { ModelRunner, StepPlan } from "./model-runner.js";
import { RateMeter } from "./rate-meter.js";
import type { GenerationRequest } from "./request.js";
import { adapterOf, checkRequest } from "./request-check.js";
import { type DrawnTokens, Sampler } from "./sampler.js";
import { type ScheduledPart, Scheduler } from "./scheduler.js";
import { type DraftPart, PlanBuilder } from "./step-plan.js";

/**
 * How drafts are made: by the model's multi-token-prediction layer, by looking up what was said before, or not at all.
 */
export type Speculation = "mtp" | "lookup" | "none";

/** How an engine runs. */
export interface EngineOptions {
  readonly runner: ModelRunner;
  /** Makes text of tokens; needed for stop texts, thinking and schemas. */
  readonly tokenizer?: Tokenizer;
  /** Makes answers obey schemas, as `answerGrammars` does; without it, requests with a schema are refused. */
  readonly followSchemas?: FollowSchemas;
  /** Most sequences that run at once; default 64. */
  readonly maxSequences?: number;
  /** Most new tokens of a step; default 512, at least maxSequences. */
  readonly maxStepTokens?: number;
  /** Which blocks later prompts that begin alike find computed; default: all. */
  readonly prefixCache?: PrefixCache;
  /** Default: "mtp" where the runner has it, else "lookup". Changes the speed alone. */
  readonly speculation?: Speculation;
  /**
   * Drafts are verified only while at most so many sequences run, as more already use the arithmetic that drafts would;
   * default 4.
   */
  readonly maxSpeculating?: number;
}

/** What a step left: sequences to draft for, and those whose next token cannot be drawn. */
interface Advance {
  readonly draftParts: DraftPart[];
  readonly undrawable: ActiveRequest[];
}

/** See the file's head. Make one a model; `close` it before the model goes. */
export class Engine implements EngineHandle {
  readonly limits: EngineLimits;
  private readonly runner: ModelRunner;
  private readonly pool: BlockPool;
  private readonly scheduler: Scheduler<ActiveRequest>;
  private readonly plans: PlanBuilder;
  private readonly sampler: Sampler;
  private readonly speculation: Speculation;
  private readonly rate = new RateMeter();
  private readonly totals = { steps: 0, promptTokens: 0, generatedTokens: 0, drafted: 0, accepted: 0 };
  private readonly schemas?: SchemaFollower;
  /** Requests whose schema is being compiled. */
  private readonly preparing = new Map<ActiveRequest, AbortController>();
  private loop: Promise<void> | null = null;
  private isClosed = false;

  constructor(private readonly options: EngineOptions) {
    const { runner, maxSequences = 64, maxStepTokens = Math.max(512, maxSequences) } = options;
    const areWhole = Number.isSafeInteger(maxSequences) && Number.isSafeInteger(maxStepTokens);
    if (!(areWhole && maxSequences >= 1 && maxStepTokens >= maxSequences))
      throw new ConfigError(
        "engine: maxSequences must be a whole number of at least 1, and maxStepTokens at least maxSequences, " +
          `got ${maxSequences} and ${maxStepTokens}`,
      );
    if (options.speculation === "mtp" && !runner.mtp)
      throw new ConfigError('engine: this model has no multi-token-prediction layer; take speculation "lookup"');
    this.runner = runner;
    const { vocabSize, maxPositions, numBlocks, blockSize, adapters = [] } = runner;
    const maxContext = Math.min(maxPositions, numBlocks * blockSize);
    const readsText = options.tokenizer !== undefined;
    const followsSchemas = readsText && options.followSchemas !== undefined;
    this.limits = { vocabSize, maxContext, readsText, followsSchemas, adapters };
    this.speculation = options.speculation ?? (runner.mtp ? "mtp" : "lookup");
    this.pool = new BlockPool({
      numBlocks,
      blockSize,
      prefixCache: options.prefixCache,
      splitPaths: !runner.pathsAgree,
    });
    this.scheduler = new Scheduler(this.pool, { maxSequences, maxStepTokens });
    this.plans = new PlanBuilder(blockSize);
    this.sampler = new Sampler(vocabSize);
    if (options.tokenizer) this.schemas = options.followSchemas?.(options.tokenizer, vocabSize);
  }

  /** Queues a request, as the contract says; work begins with the event loop's next turn. */
  submit(request: GenerationRequest): RunningRequest {
    if (this.isClosed) throw closedError();
    const maxNewTokens = checkRequest(request, this.limits);
    const listener = { onLeave: () => cancel(), onRead: () => this.wake() };
    const adapter = adapterOf(request, this.limits);
    const active: ActiveRequest = new ActiveRequest(request, maxNewTokens, this.options.tokenizer, listener, adapter);
    const cancel = () => this.cancel(active);
    const { signal } = request;
    signal?.addEventListener("abort", cancel, { once: true });
    active.result.finally(() => signal?.removeEventListener("abort", cancel)).catch(() => {});
    this.totals.promptTokens += request.prompt.length;
    if (signal?.aborted) active.finish("cancelled");
    else if (request.schema !== undefined) void this.enqueueConstrained(active, request.schema);
    else this.enqueue(active);
    return {
      result: active.result,
      cancel,
      [Symbol.asyncIterator]: () => active.events[Symbol.asyncIterator](),
    };
  }

  /** As the contract says; computed at once, between two steps. */
  async promptState(prompt: ArrayLike<number>): Promise<Float32Array> {
    if (this.isClosed) throw closedError();
    checkRequest({ prompt, maxNewTokens: 1 }, this.limits);
    const { runner } = this;
    if (!runner.promptState) throw new ConfigError("engine: this model tells no hidden states");
    const state = scope(() => keep(cast(runner.promptState!(prompt), "f32")));
    try {
      return (await state.data()) as Float32Array;
    } finally {
      state.dispose();
    }
  }

  /** Figures as of now. */
  stats(): EngineStats {
    return {
      running: this.scheduler.running.length,
      waiting: this.scheduler.waiting.length,
      blocksUsed: this.pool.numUsed,
      numBlocks: this.pool.numBlocks,
      ...this.totals,
      prefixHitTokens: this.pool.numHitTokens,
      tokensPerSecond: this.rate.perSecond(),
      preemptions: this.scheduler.numPreemptions,
    };
  }

  /** Forgets cached prefixes: call it when the weights have changed. No request may be running. */
  forgetPrefixes(): void {
    this.pool.forget();
  }

  /** Cancels what runs and waits for the step under way. */
  async close(): Promise<void> {
    this.isClosed = true;
    for (const active of [...this.scheduler.running, ...this.scheduler.waiting, ...this.preparing.keys()])
      this.cancel(active);
    await this.loop;
    this.schemas?.dispose();
  }

  private enqueue(active: ActiveRequest): void {
    active.begin();
    if (active.isFinished) return;
    this.scheduler.add(active);
    this.wake();
  }

  /** Runs on, where there is something to do: a request that came, or whose reader has caught up. */
  private wake(): void {
    if (!this.loop && this.scheduler.hasWork) this.loop = this.run();
  }

  private async enqueueConstrained(active: ActiveRequest, schema: object | boolean): Promise<void> {
    const abort = new AbortController();
    this.preparing.set(active, abort);
    try {
      const { stopIds = [], thinking } = active.request;
      const constraint = await this.schemas!.constrain(schema, stopIds, abort.signal, thinking?.startsInside);
      if (active.isFinished) return constraint.dispose(); // cancelled meanwhile
      active.constraint = constraint;
      this.enqueue(active);
    } catch (error) {
      if (!active.isFinished) active.fail(error);
    } finally {
      this.preparing.delete(active);
    }
  }

  private cancel(active: ActiveRequest): void {
    if (active.isFinished) return;
    const preparing = this.preparing.get(active);
    if (!preparing) this.scheduler.remove(active);
    active.finish("cancelled");
    preparing?.abort();
  }

  private async run(): Promise<void> {
    await nextTurn();
    while (this.scheduler.hasWork) {
      await this.step();
      await nextTurn();
    }
    this.loop = null;
  }

  /** One step; what fails it fails every request it was for. */
  private async step(): Promise<void> {
    try {
      await this.runParts(this.scheduler.schedule());
    } catch (error) {
      const { running, waiting } = this.scheduler;
      for (const active of [...(running.length > 0 ? running : waiting)]) {
        this.scheduler.remove(active);
        active.fail(error);
      }
    }
  }

  private async runParts(parts: readonly ScheduledPart<ActiveRequest>[]): Promise<void> {
    const started = performance.now();
    const plan = this.plans.step(parts); // before any waiting: a cancelled request loses its blocks
    const numRows = await this.gatherRows(parts);
    const logits = scope(() => keep(this.runner.step(plan)));
    const drawn = await this.draw(logits, numRows);
    const before = this.totals.generatedTokens;
    this.totals.steps++;
    const { draftParts, undrawable } = this.advance(parts, drawn, plan.cuQueries);
    await this.prepareDrafts(draftParts);
    if (undrawable.length > 0) await this.failUndrawable(undrawable, plan);
    this.rate.note(this.totals.generatedTokens - before, performance.now() - started);
  }

  private async draw(logits: Tensor, numRows: number): Promise<DrawnTokens | null> {
    try {
      if (numRows > 0 && (logits.shape[0] !== numRows || logits.shape[1] !== this.runner.vocabSize))
        throw new BackendError(
          `model runner: expected logits [${numRows},${this.runner.vocabSize}], got [${logits.shape}]`,
        );
      return numRows > 0 ? await this.sampler.draw(logits) : null;
    } finally {
      logits.dispose();
    }
  }

  /** Tells the sampler what each row of logits is drawn by; returns their number. */
  private async gatherRows(parts: readonly ScheduledPart<ActiveRequest>[]): Promise<number> {
    this.sampler.clear();
    let total = 0;
    for (const { sequence, numLogits } of parts) {
      const masks = numLogits > 0 && sequence.isConstrained ? await this.masksOf(sequence, numLogits - 1) : undefined;
      const { sampling: options, random, changes, drafts, numGenerated } = sequence;
      for (let j = 0; j < numLogits; j++) {
        if (j > 0) changes?.add(drafts[j - 1]);
        this.sampler.add({ options, random, index: numGenerated + j, changes, mask: masks?.[j] });
      }
      for (let j = 1; j < numLogits; j++) changes?.remove(drafts[j - 1]);
      total += numLogits;
    }
    return total;
  }

  /**
   * Masks of a constrained sequence's rows: one before each draft and one behind the last, up to the first draft that
   * is not allowed.
   */
  private async masksOf(sequence: ActiveRequest, numDrafts: number): Promise<(Int32Array | undefined)[]> {
    const { constraint: rules, drafts } = sequence;
    if (!rules) return [];
    try {
      const masks = [await rules.mask()];
      let numTaken = 0;
      while (numTaken < numDrafts && rules.accept(drafts[numTaken])) {
        numTaken++;
        if (rules.isComplete) break;
        masks.push(await rules.mask());
      }
      rules.rollback(numTaken);
      return masks.map((mask) => (mask.length > 0 ? mask : undefined));
    } catch (error) {
      if (sequence.isFinished) return []; // cancelled while the mask was made, which then fails
      this.scheduler.remove(sequence);
      sequence.fail(error);
      return [];
    }
  }

  /**
   * Gives every sequence its new tokens; returns the rows whose successors are now known, where drafts may be made of
   * them.
   */
  private advance(
    parts: readonly ScheduledPart<ActiveRequest>[],
    drawn: DrawnTokens | null,
    firstRows: Int32Array,
  ): Advance {
    const draftParts: DraftPart[] = [];
    const undrawable: ActiveRequest[] = [];
    let row = 0;
    for (let s = 0; s < parts.length; s++) {
      const { sequence, isPrefill, numTokens, numLogits } = parts[s];
      const firstLogits = row;
      row += numLogits;
      if (sequence.state !== "running") continue; // cancelled meanwhile
      const position = sequence.numComputed;
      sequence.numComputed += numTokens;
      if (drawn && numLogits > 0 && !this.takeTokens(parts[s], drawn, firstLogits)) {
        undrawable.push(sequence);
        continue;
      }
      this.pool.register(sequence);
      if (sequence.isFinished) this.scheduler.remove(sequence);
      else if (this.speculation !== "none")
        draftParts.push({
          sequence,
          isPrefill,
          position,
          firstRow: firstRows[s],
          numTokens: sequence.numComputed - position,
          wantsDraft: this.mayDraft(sequence),
        });
    }
    return { draftParts, undrawable };
  }

  /** Ends requests whose logits are no distribution, with the reason. */
  private async failUndrawable(requests: readonly ActiveRequest[], plan: StepPlan): Promise<void> {
    const reason =
      (await this.runner.explainNonFinite?.(plan)) ??
      "its logits contain NaN or +infinity, or every token is forbidden";
    for (const active of requests) {
      if (active.isFinished) continue; // cancelled meanwhile
      this.scheduler.remove(active);
      active.fail(new BackendError(`the next token cannot be sampled: ${reason}`));
    }
  }

  /**
   * The token after the known ones, and one behind every draft that came true. False where one of them cannot be drawn:
   * its logits are no distribution.
   */
  private takeTokens(
    { sequence, numDrafts }: ScheduledPart<ActiveRequest>,
    { ids, logProbs, top }: DrawnTokens,
    firstRow: number,
  ): boolean {
    const { drafts, isConstrained, numTokens: numKnown } = sequence;
    let numAccepted = 0;
    for (let j = 0; j <= numDrafts; j++) {
      const at = sequence.numTokens;
      if (Number.isNaN(logProbs[firstRow + j])) return false;
      sequence.take(ids[firstRow + j], logProbs[firstRow + j], top.get(firstRow + j));
      const cameTrue = j < numDrafts && at < sequence.numTokens && sequence.tokens[at] === drafts[j];
      if (cameTrue) numAccepted++;
      // Forced tokens, the end, and a constraint that begins here all make the rows behind this one void.
      if (!cameTrue || sequence.isFinished || sequence.numTokens !== at + 1 || sequence.isConstrained !== isConstrained)
        break;
    }
    sequence.numComputed += numAccepted;
    sequence.numDrafted += numDrafts;
    sequence.numAccepted += numAccepted;
    sequence.lookup.learn(numDrafts, numAccepted);
    if (drafts.length > 0) sequence.drafts = [];
    this.totals.generatedTokens += sequence.numTokens - numKnown;
    this.totals.drafted += numDrafts;
    this.totals.accepted += numAccepted;
    return true;
  }

  private mayDraft(sequence: ActiveRequest): boolean {
    const isFew = this.scheduler.running.length <= (this.options.maxSpeculating ?? 4);
    return isFew && !sequence.isPrefilling && sequence.numPending === 1 && sequence.draftLimit > 0;
  }

  private async prepareDrafts(parts: readonly DraftPart[]): Promise<void> {
    if (this.speculation === "lookup")
      for (const { sequence, wantsDraft } of parts)
        if (wantsDraft)
          sequence.drafts = (sequence as ActiveRequest).lookup.draft(
            sequence.tokens,
            sequence.numTokens,
            (sequence as ActiveRequest).draftLimit,
          );
    if (this.speculation === "mtp" && parts.length > 0) await this.draftByModel(parts);
  }

  private async draftByModel(parts: readonly DraftPart[]): Promise<void> {
    const drafted = scope(() => keep(this.runner.mtp!.draft(this.plans.draft(parts))));
    try {
      const ids = await drafted.data();
      parts
        .filter(({ wantsDraft }) => wantsDraft)
        .forEach(({ sequence }, i) => {
          if (sequence.state === "running") sequence.drafts = [ids[i]];
        });
    } finally {
      drafted.dispose();
    }
  }
}
