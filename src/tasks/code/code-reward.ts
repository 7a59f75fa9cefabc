// The reward for programs: a row of the data set carries tests, and what a reply's program passes of them is its
// reward. Knows no interpreter.
import { z } from "zod";
import { DataError } from "../../errors.js";
import { parseOptions } from "../options.js";
import { THINK_CLOSE } from "../response.js";
import { type RewardFunction, type RewardSample, sampleReward } from "../reward.js";
import { extractProgram } from "./extract-program.js";
import { gradeProgram } from "./grade-program.js";
import { PROGRAM_LANGUAGES, type ProgramTest, programLimitsSchema } from "./program.js";

/** The options, as zod checks them. */
export const codeRewardSchema = programLimitsSchema.extend({
  /** The language of the programs. */
  language: z.enum(PROGRAM_LANGUAGES).default("python"),
  /** What counts: `all` gives 1 where every test passes, else 0; `share` gives the share of tests that pass. */
  counts: z.enum(["all", "share"]).default("all"),
});

/** Language, limits, and what counts. */
export type CodeRewardOptions = z.input<typeof codeRewardSchema>;

const json = z.json();
const tolerance = z.number().nonnegative().optional();
/** The three forms of a test in a row. */
const rowTestSchema = z.union([
  z.strictObject({ input: z.string(), output: z.string(), tolerance }),
  z.strictObject({ function: z.string().min(1), arguments: z.array(json), expected: json, tolerance }),
  z.strictObject({ code: z.string().min(1), function: z.string().min(1).optional() }),
]);
const FORMS = "{input, output}, {function, arguments, expected} or {code, function}";

/**
 * 1 where the program of a reply passes the tests of its row, or the share that it passes; 0 where the reply has no
 * program; null for a row without a column `tests`. Programs are graded on all cores at once.
 */
export function codeReward(input: CodeRewardOptions = {}): RewardFunction {
  const { language, counts, ...limits } = parseOptions(codeRewardSchema, input, "reward code");
  return sampleReward("code_reward", async (sample) => {
    const tests = testsOf(sample);
    if (tests === null) return null;
    const program = extractProgram(sample.answer ?? afterThought(sample.completion), language);
    if (program === null) return 0;
    const verdict = await gradeProgram({ language, program, tests, limits, stopsAtFailure: counts === "all" });
    return counts === "all" ? Number(verdict.isRight) : verdict.share;
  });
}

const afterThought = (completion: string): string => completion.split(THINK_CLOSE).at(-1)!;

/** The tests of a row: a list, or JSON of one. @throws DataError naming the row and the test */
function testsOf({ columns, problem }: RewardSample): ProgramTest[] | null {
  const { tests } = columns;
  if (tests === undefined || tests === null) return null;
  const where = `${problem.source ?? `problem "${problem.id}"`}: column "tests"`;
  const list = typeof tests === "string" ? parsed(tests, where) : tests;
  if (!Array.isArray(list) || list.length === 0)
    throw new DataError(`${where}: expected a list of tests, each ${FORMS}, or JSON of one`);
  return list.map((test, i) => testOf(test, `${where}: test ${i + 1}`));
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${where}: expected JSON: ${(error as Error).message}`);
  }
}

function testOf(given: unknown, where: string): ProgramTest {
  const read = rowTestSchema.safeParse(given);
  if (!read.success) throw new DataError(`${where}: expected ${FORMS}, got ${JSON.stringify(given).slice(0, 80)}`);
  const test = read.data;
  if ("output" in test) return { kind: "output", ...test };
  if ("code" in test) return { kind: "check", ...test };
  const lines = test.arguments.map((argument) => JSON.stringify(argument)).join("\n");
  return { kind: "call", ...test, arguments: lines, expected: JSON.stringify(test.expected) };
}
