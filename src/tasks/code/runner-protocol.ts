// What a grading process is told, and what it tells. Expected outputs and values are not among it: they stay with the
// one who compares.
import type { ProgramLanguage } from "./program.js";

/** One test without what is expected. */
export type RunnerTest =
  | { readonly kind: "output"; readonly input: string }
  | { readonly kind: "call"; readonly function: string; readonly arguments: string }
  | { readonly kind: "check"; readonly code: string; readonly function: string | null };

/** A test's time is that of computing, so that a busy machine changes no verdict; by the clock it is so much more. */
export const WALL_FACTOR = 4;

/** What bounds a test. */
export interface RunnerLimits {
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  readonly outputBytes: number;
}

/** One test of a program. */
export interface RunnerCall {
  readonly language: ProgramLanguage;
  readonly program: string;
  readonly test: RunnerTest;
  /** Whether nothing of the program may have run before. */
  readonly isFirst: boolean;
  readonly limits: RunnerLimits;
  /** A file that the language's interpreter starts faster by. */
  readonly imageFile: string | null;
}

/** What came of a test. */
export interface RunnerResult {
  readonly end: "done" | "raised" | "time" | "memory" | "output";
  /** The output, or the result of the call in JSON. */
  readonly given: string;
  /** What was raised; empty where nothing was. */
  readonly message: string;
  readonly milliseconds: number;
}

/** What a process tells: the test begins now; its result; or why it cannot run the language. */
export type RunnerMessage =
  | { readonly type: "begun" }
  | { readonly type: "result"; readonly result: RunnerResult }
  | { readonly type: "failure"; readonly reason: string };
