// The verdict on a program: runs its tests in a grading process and compares here what came with what was expected.
// Knows no interpreter.
import { ConfigError } from "../../errors.js";
import { clipped } from "../../plain-text.js";
import { parseOptions } from "../options.js";
import { sameOutput, sameValue } from "./compare-results.js";
import {
  PROGRAM_LANGUAGES,
  type ProgramLanguage,
  type ProgramLimits,
  type ProgramTest,
  type ProgramVerdict,
  programLimitsSchema,
  type TestVerdict,
} from "./program.js";
import { pythonImageFile } from "./python-image.js";
import { withRunner } from "./runner-pool.js";
import type { RunnerCall, RunnerResult, RunnerTest } from "./runner-protocol.js";

/** A program to grade. */
export interface ProgramToGrade {
  readonly language: ProgramLanguage;
  readonly program: string;
  readonly tests: readonly ProgramTest[];
  readonly limits?: ProgramLimits;
  /** Whether tests after the first that fails are left out: `isRight` is the same, `share` is not. Default: true. */
  readonly stopsAtFailure?: boolean;
}

/** How much of an expected or given text a message shows. */
const SHOWN_CHARACTERS = 120;
const SKIPPED: TestVerdict = { outcome: "skipped", message: "", milliseconds: 0 };

/**
 * Grades a program. Any number may be graded at once: as many run at a time as there are cores. A program without tests
 * is not right. @throws ConfigError on bad limits, or where the language's interpreter is not installed
 */
export async function gradeProgram(toGrade: ProgramToGrade): Promise<ProgramVerdict> {
  const { language, program, tests, stopsAtFailure = true } = toGrade;
  if (!PROGRAM_LANGUAGES.includes(language))
    throw new ConfigError(`language of a program: expected ${PROGRAM_LANGUAGES.join(" or ")}, got ${language}`);
  const limits = parseOptions(programLimitsSchema, toGrade.limits, "limits of a program");
  const call = {
    language,
    program,
    imageFile: language === "python" ? await pythonImageFile() : null,
    limits: {
      timeoutMs: limits.timeoutSeconds * 1000,
      memoryBytes: limits.memoryMb * 2 ** 20,
      outputBytes: limits.outputKb * 1024,
    },
  };
  const verdicts = await withRunner(async (process) => {
    const verdicts: TestVerdict[] = [];
    for (const [i, test] of tests.entries()) {
      const hasFailed = verdicts.some(({ outcome }) => outcome !== "passed");
      const step: RunnerCall = { ...call, test: withoutExpected(test), isFirst: i === 0 };
      verdicts.push(hasFailed && stopsAtFailure ? SKIPPED : verdictOn(test, await process().run(step)));
    }
    return verdicts;
  });
  const numPassed = verdicts.filter(({ outcome }) => outcome === "passed").length;
  return {
    isRight: verdicts.length > 0 && numPassed === verdicts.length,
    share: verdicts.length === 0 ? 0 : numPassed / verdicts.length,
    tests: verdicts,
  };
}

function withoutExpected(test: ProgramTest): RunnerTest {
  switch (test.kind) {
    case "output":
      return { kind: "output", input: test.input };
    case "call":
      return { kind: "call", function: test.function, arguments: test.arguments };
    case "check":
      return { kind: "check", code: test.code, function: test.function ?? null };
  }
}

function verdictOn(test: ProgramTest, { end, given, message, milliseconds }: RunnerResult): TestVerdict {
  if (end !== "done") return { outcome: end, message: clipped(message, SHOWN_CHARACTERS), milliseconds };
  const expected = test.kind === "output" ? test.output : test.kind === "call" ? test.expected : null;
  const isSame = test.kind === "output" ? sameOutput : sameValue;
  if (expected === null || isSame(expected, given, (test as { tolerance?: number }).tolerance))
    return { outcome: "passed", message: "", milliseconds };
  const [wanted, came] = [expected, given].map((text) => clipped(text, SHOWN_CHARACTERS) || "nothing");
  return { outcome: "wrong", message: `expected ${wanted}, got ${came}`, milliseconds };
}
