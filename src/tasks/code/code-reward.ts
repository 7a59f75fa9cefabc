// The reward for programs: a row of the data set carries tests, and what a reply's program passes of them is its
// reward. Knows no interpreter.
import { z } from "zod";
import { parseOptions } from "../options.js";
import { THINK_CLOSE } from "../response.js";
import { type RewardFunction, sampleReward } from "../reward.js";
import { extractProgram } from "./extract-program.js";
import { gradeProgram } from "./grade-program.js";
import { PROGRAM_LANGUAGES, programLimitFields } from "./program.js";
import { programLanguage, rowTests } from "./row-tests.js";

/** The options, as zod checks them. */
export const codeRewardSchema = z.strictObject({
  ...programLimitFields,
  /** The language of the programs, where a row has no column `language`. */
  language: z.enum(PROGRAM_LANGUAGES).default("python"),
  /** What counts: `all` gives 1 where every test passes, else 0; `share` gives the share of tests that pass. */
  counts: z.enum(["all", "share"]).default("all"),
});

/** Language, limits, and what counts. */
export type CodeRewardOptions = z.input<typeof codeRewardSchema>;

/**
 * 1 where the program of a reply passes the tests of its row, or the share that it passes; 0 where the reply has no
 * program; null for a row without a column `tests`. Programs are graded on all cores at once.
 */
export function codeReward(input: CodeRewardOptions = {}): RewardFunction {
  const { counts, language: usual, ...limits } = parseOptions(codeRewardSchema, input, "reward code");
  return sampleReward("code_reward", async (sample) => {
    const { columns, problem } = sample;
    if (columns.tests === undefined || columns.tests === null) return null;
    const where = problem.source ?? `problem "${problem.id}"`;
    const tests = rowTests(columns.tests, where);
    const language = programLanguage(columns.language ?? usual, where);
    const program = extractProgram(sample.answer ?? afterThought(sample.completion), language);
    if (program === null) return 0;
    const verdict = await gradeProgram({ language, program, tests, limits, stopsAtFailure: counts === "all" });
    return counts === "all" ? Number(verdict.isRight) : verdict.share;
  });
}

const afterThought = (completion: string): string => completion.split(THINK_CLOSE).at(-1)!;
