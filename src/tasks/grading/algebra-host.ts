// Asks the upper rungs on a thread of their own, for a second at most: whatever a model wrote, the thread is stopped
// then, and another serves the next pair. Its memory is bounded too. Knows no mathematics.
import { AskedThread } from "../../asked-thread.js";
import type { Outcome } from "./compare.js";

/** A pair to decide. */
export interface AlgebraCall {
  readonly gold: string;
  readonly given: string;
  readonly decimals: number;
}
/** What comes of a pair. */
export type AlgebraReply = Outcome | "unparsed";

/** Time for one pair. */
export const LIMIT_MS = 1000;
/** Time for the thread to start on a busy machine. */
const START_MS = 30_000;
const MEMORY = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

let thread: AskedThread<AlgebraCall, AlgebraReply> | undefined;

/** Decides a pair by all rungs, on the thread; `unparsed` where it does not come to an end. */
export function decideByAlgebra(gold: string, given: string, decimals: number): AlgebraReply {
  if (!thread?.isAlive) {
    thread = new AskedThread("tasks/grading/algebra-worker.js", MEMORY);
    if (thread.start(START_MS) === null) {
      thread.dispose();
      return "unparsed";
    }
  }
  const outcome = thread.ask({ gold, given, decimals }, LIMIT_MS);
  if (outcome === null) thread.dispose();
  return outcome ?? "unparsed";
}
