// Decides what the next step computes: who is admitted, whose turn it is, who gives way when blocks run out. Knows
// sequences and blocks; neither the model nor what is done with its logits.
import { assert } from "../../errors.js";
import type { BlockPool } from "./block-pool.js";
import type { Sequence } from "./sequence.js";

/** Bounds of a step. */
export interface SchedulerOptions {
  /** Most sequences that run at once. */
  readonly maxSequences: number;
  /** Most new tokens of a step, prompts' pieces and drafts included; at least maxSequences. */
  readonly maxStepTokens: number;
}

/** A sequence's part of a step. */
export interface ScheduledPart<S extends Sequence> {
  readonly sequence: S;
  /** Known tokens to compute, from `sequence.numComputed` on. */
  readonly numTokens: number;
  /** Drafts to verify behind them. */
  readonly numDrafts: number;
  /** Whether the tokens are prompt: prompt and generated tokens never share a part. */
  readonly isPrefill: boolean;
  /** Rows of logits wanted: where the tokens end at the newest known one, of that and of every draft; else none. */
  readonly numLogits: number;
}

/**
 * First come, first served. Sequences that generate go first, each with one token; what is left of the step's tokens
 * goes to prompts, oldest first, in pieces. When blocks run out the newest gives all of its own back and computes them
 * again later.
 */
export class Scheduler<S extends Sequence> {
  readonly waiting: S[] = [];
  /** Oldest first. */
  readonly running: S[] = [];
  numPreemptions = 0;

  constructor(
    private readonly pool: BlockPool,
    private readonly options: SchedulerOptions,
  ) {}

  /** Whether a step would compute anything: somebody runs or waits who is not paused. */
  get hasWork(): boolean {
    return this.running.length > 0 || this.waiting.some(({ isPaused }) => !isPaused);
  }

  /** Queues a sequence behind all others. */
  add(sequence: S): void {
    this.waiting.push(sequence);
  }

  /** Takes a sequence out, wherever it stands; its blocks are free at once. */
  remove(sequence: S): void {
    const queue = sequence.state === "running" ? this.running : this.waiting;
    const at = queue.indexOf(sequence);
    assert(at >= 0, "a sequence is removed twice");
    queue.splice(at, 1);
    this.pool.release(sequence);
    sequence.state = "finished";
  }

  /** The next step's parts, prompts' pieces first; none only when there is no work. */
  schedule(): ScheduledPart<S>[] {
    const numBefore = this.numPreemptions;
    this.setAside();
    this.reserve();
    const generating: ScheduledPart<S>[] = [];
    const prefilling: ScheduledPart<S>[] = [];
    let budget = this.options.maxStepTokens;
    const add = (sequence: S, limit: number, drafts = 0) => {
      const { isPrefilling: isPrefill, numComputed, numPrompt, numPending } = sequence;
      const numTokens = Math.min(isPrefill ? numPrompt - numComputed : numPending, limit);
      if (numTokens <= 0) return;
      budget -= numTokens + drafts;
      const numLogits = numTokens === numPending ? drafts + 1 : 0;
      (isPrefill ? prefilling : generating).push({ sequence, numTokens, numDrafts: drafts, isPrefill, numLogits });
    };
    let numOthers = this.running.length;
    // one token stays for each of the others
    for (const s of this.running) if (isUpToDate(s)) add(s, 1, this.reserveDrafts(s, budget - numOthers--));
    for (const s of this.running) if (!isUpToDate(s)) add(s, budget);
    if (this.numPreemptions === numBefore) this.admit(() => budget, add);
    return [...byAdapter(prefilling), ...byAdapter(generating)];
  }

  /** Takes paused sequences out of the running; they compute their tokens again when they go on. */
  private setAside(): void {
    for (let i = this.running.length - 1; i >= 0; i--) if (this.running[i].isPaused) this.giveWay(i);
  }

  /** Sees to it that every running sequence has blocks for the tokens it knows. */
  private reserve(): void {
    for (let i = 0; i < this.running.length; i++) {
      const sequence = this.running[i];
      while (sequence.state === "running" && !this.pool.canGrow(sequence, sequence.numTokens)) this.preempt();
      if (sequence.state === "running") this.pool.grow(sequence, sequence.numTokens);
    }
  }

  /** The newest gives way. */
  private preempt(): void {
    assert(this.running.length > 1, "one sequence alone does not fit the cache");
    this.giveWay(this.running.length - 1);
    this.numPreemptions++;
  }

  private giveWay(at: number): void {
    const [sequence] = this.running.splice(at, 1);
    this.pool.release(sequence);
    sequence.state = "waiting";
    sequence.drafts = [];
    this.waiting.unshift(sequence);
  }

  /**
   * How many of the sequence's drafts are verified: as many as tokens and free blocks allow; nobody gives way for a
   * draft.
   */
  private reserveDrafts(sequence: S, budget: number): number {
    let count = Math.max(0, Math.min(sequence.drafts.length, budget));
    while (count > 0 && !this.pool.canGrow(sequence, sequence.numTokens + count)) count--;
    if (count > 0) this.pool.grow(sequence, sequence.numTokens + count);
    return count;
  }

  private admit(budget: () => number, add: (sequence: S, limit: number) => void): void {
    for (let i = 0; i < this.waiting.length && this.running.length < this.options.maxSequences && budget() > 0; ) {
      const sequence = this.waiting[i];
      const answer = sequence.isPaused ? "later" : this.pool.canAdmit(sequence);
      if (answer === "no") break;
      if (answer === "later") {
        i++;
        continue;
      }
      this.waiting.splice(i, 1);
      this.pool.admit(sequence);
      sequence.state = "running";
      this.running.push(sequence);
      add(sequence, budget());
    }
  }
}

/** Parts with the same adapter side by side, otherwise in their order. */
const byAdapter = <S extends Sequence>(parts: ScheduledPart<S>[]): ScheduledPart<S>[] =>
  parts.sort((a, b) => a.sequence.adapter - b.sequence.adapter);

/** Whether a sequence generates and only its newest token is still to be computed. */
const isUpToDate = (sequence: Sequence): boolean => !sequence.isPrefilling && sequence.numPending === 1;
