// The thread that programs run in. It never learns what a program is expected to give. Its owner stops it when a
// program does not end; then another serves.
import { answerCalls, givenToThread } from "../../asked-thread.js";
import type { Command, Report } from "./interpreter.js";
import { openInterpreter, type ThreadSettings } from "./open-interpreter.js";

/** What the thread says when it serves: what the next one starts faster by, or why it does not serve. */
export type Greeting = { readonly image: unknown } | { readonly failure: string };

const BROKEN: Report = { end: "broken", output: "", value: "", raised: null };

try {
  const { interpreter, image } = await openInterpreter(givenToThread<ThreadSettings>());
  answerCalls((command: Command): Report => interpreter.run(command), { image } satisfies Greeting);
} catch (error) {
  answerCalls((): Report => BROKEN, { failure: (error as Error).message } satisfies Greeting);
}
