// What is graded: a program, the tests that it has to pass, and the verdict on each. Knows no interpreter.
import { z } from "zod";

/** The languages that programs may be in. */
export const PROGRAM_LANGUAGES = ["python", "javascript"] as const;
/** A language that programs may be in. */
export type ProgramLanguage = (typeof PROGRAM_LANGUAGES)[number];

/** The whole program reads an input and prints an output. */
export interface OutputTest {
  readonly kind: "output";
  readonly input: string;
  /** Compared line by line; white space at the end of lines and of the text does not count. */
  readonly output: string;
  /** Numbers may differ by this much, absolutely or relative to the expected one. Default: texts must be equal. */
  readonly tolerance?: number;
}

/** One function is called. Values are JSON texts, so that large integers stay exact. */
export interface CallTest {
  readonly kind: "call";
  /** Its name, or `Solution.name` for a method of a class that is made without arguments. */
  readonly function: string;
  /** One argument per line, each in JSON. */
  readonly arguments: string;
  /** What it must return, in JSON: a tuple counts as a list. */
  readonly expected: string;
  /** As for outputs. */
  readonly tolerance?: number;
}

/**
 * A piece of code that must run without raising, such as HumanEval's tests. It runs in an interpreter of its own:
 * functions of the program are there by name, and plain values alone go to and fro.
 */
export interface CheckTest {
  readonly kind: "check";
  readonly code: string;
  /** The function that is handed to the `check` which the code defines; without it, running the code is all. */
  readonly function?: string;
}

/** One test of a program. */
export type ProgramTest = OutputTest | CallTest | CheckTest;

/**
 * How a test went. `raised`: the program, or the check, threw; `output`: it wrote more than the limit; `skipped`: an
 * earlier one had failed.
 */
export type TestOutcome = "passed" | "wrong" | "raised" | "time" | "memory" | "output" | "skipped";

/** The verdict on one test. */
export interface TestVerdict {
  readonly outcome: TestOutcome;
  /** What was expected and what came, or what was raised; shortened. Empty for a test that passed. */
  readonly message: string;
  readonly milliseconds: number;
}

/** The verdict on a program. */
export interface ProgramVerdict {
  /** Whether it passed all tests. */
  readonly isRight: boolean;
  /** The share of its tests that it passed. */
  readonly share: number;
  /** One for each test, in their order. */
  readonly tests: readonly TestVerdict[];
}

/** The fields of `programLimitsSchema`. */
export const programLimitFields = {
  /** Seconds of computing that each test may take; by the clock, four times as many. */
  timeoutSeconds: z.number().positive().max(3600).default(6),
  /** Memory of a program, in MiB. An empty Python takes 30 of them. */
  memoryMb: z.int().min(64).max(2048).default(256),
  /** What a program may write, in KiB. */
  outputKb: z.int().min(1).max(65536).default(1024),
};

/** The options, as zod checks them. */
export const programLimitsSchema = z.strictObject({ ...programLimitFields });

/** What bounds a program. */
export type ProgramLimits = z.input<typeof programLimitsSchema>;
