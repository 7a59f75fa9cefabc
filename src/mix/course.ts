// One question on its way through a mix: draws samples of members, each with a seed of its own, and ends them all when
// it is cancelled. Knows no policy.
import type { RunningRequest } from "../inference/runtime/engine-handle.js";
import type { Completion, TokenEvent } from "../inference/runtime/request.js";
import { hashString } from "../random.js";
import { BLOCK_TOKENS } from "../tensor/ops/paged-layout.js";
import type { Asking, Member, MemberPrompt } from "./member.js";
import type { Question } from "./question.js";
import { WorkTally } from "./tally.js";

/** A member's reply, whole. */
export interface Sample {
  readonly member: Member;
  readonly prompt: MemberPrompt;
  readonly events: readonly TokenEvent[];
  readonly completion: Completion;
  /** What votes; null: nothing. */
  readonly answer: string | null;
}

/** A member's reply on its way. */
export interface LiveReply {
  readonly member: Member;
  readonly prompt: MemberPrompt;
  readonly running: RunningRequest;
}

/** What a policy gives: a sample that was drawn, or a reply that is still being made. */
export type PolicyReply = Sample | LiveReply;

/** How a policy answers. */
export type Policy = (course: Course) => Promise<PolicyReply>;

/** The course was cancelled: nothing that it has is worth a decision. */
export class CourseCancelled extends Error {}

/** See the file's head. */
export class Course {
  readonly tally = new WorkTally();
  private readonly open = new Set<RunningRequest>();
  /** Of each member's prompts, when the first of its samples has been read into the cache. */
  private readonly prefilled = new Map<string, Promise<void>>();
  private isCancelled = false;

  constructor(
    readonly question: Question,
    private readonly asking: Asking,
  ) {}

  /** Throws CourseCancelled once it is. */
  check(): void {
    if (this.isCancelled) throw new CourseCancelled();
  }

  cancel(): void {
    this.isCancelled = true;
    for (const running of this.open) running.cancel();
  }

  /** The `draw`-th sample of the question: 0 has the seed itself. Its reply may be read while it is made. */
  start(member: Member, draw: number, change?: (text: string) => string): LiveReply {
    return this.begin(member, this.question.prompt(member, change), draw, this.asking.events !== false);
  }

  private begin(member: Member, prompt: MemberPrompt, draw: number, events: boolean): LiveReply {
    this.check();
    const running = member.submit(prompt, { ...this.asking, events, sampling: this.samplingOf(draw) });
    this.open.add(running);
    running.result.finally(() => this.open.delete(running)).catch(() => {});
    this.tally.follow(member, prompt.ids.length, running);
    return { member, prompt, running };
  }

  /**
   * A whole sample. The first one of a member reads the prompt; the others wait for that, and find it in the prefix
   * cache. Throws CourseCancelled when the course is cancelled meanwhile.
   */
  async sample(member: Member, draw: number, change?: (text: string) => string): Promise<Sample> {
    const prompt = this.question.prompt(member, change);
    const key = `${member.name}\n${prompt.text}`;
    const isShort = prompt.ids.length < BLOCK_TOKENS; // the cache keeps whole blocks
    const before = isShort ? undefined : this.prefilled.get(key);
    await before;
    let isRead = () => {};
    if (!isShort && !before) this.prefilled.set(key, new Promise((resolve) => (isRead = resolve)));
    try {
      const listens = this.asking.events !== false || (!isShort && !before);
      const { running } = this.begin(member, prompt, draw, listens);
      const events: TokenEvent[] = [];
      if (listens) for await (const event of running) if (events.push(event) === 1) isRead();
      const completion = await running.result;
      this.check();
      return { member, prompt, events, completion, answer: this.question.answerOf(completion) };
    } finally {
      isRead();
    }
  }

  private samplingOf(draw: number): Asking["sampling"] {
    const { sampling } = this.asking;
    const seed = sampling.seed ?? 0;
    return { ...sampling, seed: draw === 0 ? seed : hashString(`${seed}/${draw}`) };
  }
}
