// A mix of models: puts a question to its members by its policy and tells of the reply as an engine would. Knows no
// files.
import type { RunningRequest } from "../inference/runtime/engine-handle.js";
import type { Completion, TokenEvent } from "../inference/runtime/request.js";
import { parseResponse } from "../tasks/response.js";
import { Course, CourseCancelled, type Policy, type PolicyReply } from "./course.js";
import type { Asking, Member, MemberPrompt } from "./member.js";
import type { Question } from "./question.js";

/** Who gave a reply, and to which prompt. */
export interface MixAuthor {
  readonly member: Member;
  readonly prompt: MemberPrompt;
}

/**
 * A reply on its way. Its tokens come as soon as it is settled who gives it: at once where one member is chosen, after
 * the vote where several are asked. The completion tells what each member did.
 */
export interface MixReply extends RunningRequest {
  /** Who gives it; null when it was cancelled before that was settled. */
  readonly author: Promise<MixAuthor | null>;
}

/** See the file's head. Whoever opened the members closes them. */
export class Mix {
  constructor(
    readonly members: readonly Member[],
    readonly policy: Policy,
  ) {}

  /** Asks. Cancelling, or leaving the iteration early, cancels all members. */
  answer(question: Question, asking: Asking, signal?: AbortSignal): MixReply {
    const course = new Course(question, asking);
    const cancel = () => course.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    const settled = this.settle(course);
    const result = settled.then((reply) => completionOf(course, reply));
    result.finally(() => signal?.removeEventListener("abort", cancel)).catch(() => {});
    const author = settled.then((reply) => reply && { member: reply.member, prompt: reply.prompt });
    author.catch(() => {}); // whoever waits for the result hears of it
    return { author, result, cancel, [Symbol.asyncIterator]: () => eventsOf(settled, cancel) };
  }

  private async settle(course: Course): Promise<PolicyReply | null> {
    try {
      course.check();
      return await this.policy(course);
    } catch (error) {
      if (error instanceof CourseCancelled) return null;
      course.cancel(); // one member failed: the others need not go on
      throw error;
    }
  }
}

async function* eventsOf(settled: Promise<PolicyReply | null>, cancel: () => void): AsyncGenerator<TokenEvent, void> {
  let isWhole = false;
  try {
    const reply = await settled;
    if (reply) yield* "running" in reply ? reply.running : reply.events;
    isWhole = true;
  } finally {
    if (!isWhole) cancel();
  }
}

async function completionOf({ tally }: Course, reply: PolicyReply | null): Promise<Completion> {
  const completion = reply && ("running" in reply ? await reply.running.result : reply.completion);
  await Promise.resolve(); // the tally counts a completion in the same turn, behind whoever waited first
  return { ...(completion ?? CANCELLED), members: tally.works };
}

/** Of a reply that was cancelled before anything was settled. */
const CANCELLED: Completion = {
  ids: new Int32Array(0),
  logProbs: new Float32Array(0),
  response: parseResponse(""),
  text: "",
  finishReason: "cancelled",
  numThinking: 0,
  isThinkClosed: false,
  numPrefixHits: 0,
  numDrafted: 0,
  numAccepted: 0,
};
