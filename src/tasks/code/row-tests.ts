// The tests that a row of a data set carries, for rewards and evaluations. Knows no interpreter.
import { z } from "zod";
import { DataError } from "../../errors.js";
import { PROGRAM_LANGUAGES, type ProgramLanguage, type ProgramTest } from "./program.js";

const json = z.json();
const tolerance = z.number().nonnegative().optional();
/** The three forms of a test in a row. */
const rowTestSchema = z.union([
  z.strictObject({ input: z.string(), output: z.string(), tolerance }),
  z.strictObject({ function: z.string().min(1), arguments: z.array(json), expected: json, tolerance }),
  z.strictObject({ code: z.string().min(1), function: z.string().min(1).optional() }),
]);
const FORMS = "{input, output}, {function, arguments, expected} or {code, function}";

/** The column `tests` of a row: a list, or JSON of one. @throws DataError naming the row and the test */
export function rowTests(tests: unknown, row: string): ProgramTest[] {
  const where = `${row}: column "tests"`;
  const list = typeof tests === "string" ? parsed(tests, where) : tests;
  if (!Array.isArray(list) || list.length === 0)
    throw new DataError(`${where}: expected a list of tests, each ${FORMS}, or JSON of one`);
  return list.map((test, i) => testOf(test, `${where}: test ${i + 1}`));
}

/** The language that a row names. @throws DataError naming the row */
export function programLanguage(named: unknown, row: string): ProgramLanguage {
  const language = PROGRAM_LANGUAGES.find((each) => each === named);
  if (language) return language;
  throw new DataError(
    `${row}: column "language" must be ${PROGRAM_LANGUAGES.join(" or ")}, got ${JSON.stringify(named)}`,
  );
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
