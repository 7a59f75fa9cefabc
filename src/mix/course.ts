// One question on its way through a mix: draws samples of members, each with a seed of its own, and ends them all when
// it is cancelled. Knows no policy.
import type { RunningRequest } from "../inference/runtime/engine-handle.js";
import type { Completion, TokenEvent } from "../inference/runtime/request.js";
import { hashString } from "../random.js";
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
    this.check();
    const prompt = this.question.prompt(member, change);
    const running = member.submit(prompt, { ...this.asking, sampling: this.samplingOf(draw) });
    this.open.add(running);
    running.result.finally(() => this.open.delete(running)).catch(() => {});
    this.tally.follow(member, prompt.ids.length, running);
    return { member, prompt, running };
  }

  /** A whole sample. Throws CourseCancelled when the course is cancelled meanwhile. */
  async sample(member: Member, draw: number, change?: (text: string) => string): Promise<Sample> {
    const { prompt, running } = this.start(member, draw, change);
    const events: TokenEvent[] = [];
    if (this.asking.events !== false) for await (const event of running) events.push(event);
    const completion = await running.result;
    this.check();
    return { member, prompt, events, completion, answer: this.question.answerOf(completion) };
  }

  private samplingOf(draw: number): Asking["sampling"] {
    const { sampling } = this.asking;
    const seed = sampling.seed ?? 0;
    return { ...sampling, seed: draw === 0 ? seed : hashString(`${seed}/${draw}`) };
  }
}
