// LiveCodeBench: problems of programming contests after the date that models were trained at (Jain et al. 2024, arXiv
// 2403.07974; code generation). For example:
//   question_content    "Read two integers and print their sum. …"
//   starter_code        "", or "class Solution:\n    def add(self, a: int, b: int) -> int:\n        "
//   public_test_cases   "[{\"input\": \"1 2\\n\", \"output\": \"3\\n\", \"testtype\": \"stdin\"}]"
//   private_test_cases  the same, or base64 of zlib of a pickled text of it
//   metadata            "{\"func_name\": \"add\"}" where a function is called
//   question_id, question_title, platform, contest_date, difficulty
// Right when all tests pass, public and private. Programs find the names of some modules imported, as under the
// benchmark's own runner (LiveCodeBench/LiveCodeBench@15808c7, lcb_runner/evaluation/testing_util.py), whose limit of
// recursion they must set themselves here. The file is that of January to April 2025; others by --suite-data.
import { inflateSync } from "node:zlib";
import { textOf } from "../../data/columns.js";
import { kindOf, type PlacedRow } from "../../data/row.js";
import { DataError } from "../../errors.js";
import type { ProgramTest } from "../code/program.js";
import { programGrader } from "../program-grader.js";
import { pickledText } from "./pickled-text.js";
import type { Suite } from "./suite.js";

const MODULES = [
  ...["string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics"],
  ...["itertools", "functools", "operator", "io", "sys", "json"],
];
/** All names of the modules, those of later ones over those of earlier ones; then the modules themselves. */
const PRELUDE = [
  ...[...MODULES, "builtins", "typing"].map((name) => `from ${name} import *`),
  `import ${MODULES.join(", ")}\n`,
].join("\n");

/** See the file's head. */
export const livecodebench: Suite = {
  name: "livecodebench",
  title: "LiveCodeBench",
  source: {
    repo: "livecodebench/code_generation_lite",
    revision: "0fe84c3912ea0c4d4a78037083943e8f0c4dd505",
    part: "test6.jsonl",
    licence: "CC; problems © their contests",
  },
  grader: programGrader,
  samples: 8,
  read(placed) {
    const starter = `${placed.row.starter_code ?? ""}`;
    const how =
      starter.trim() === ""
        ? "Read the input from standard input and print the answer."
        : `Go on from this beginning:\n\n\`\`\`python\n${starter.trimEnd()}\n\`\`\``;
    return {
      id: textOf(placed, "question_id"),
      question:
        `${textOf(placed, "question_content")}\n\nSolve the problem in Python. ${how}\n\n` +
        "Give the whole program in one fenced block.",
      answer: "",
      difficulty: ["easy", "medium", "hard"].indexOf(`${placed.row.difficulty}`) + 1,
      meta: { programs: { language: "python", tests: testsOf(placed, starter), prelude: PRELUDE } },
    };
  },
};

/** A test as the data set has it. */
interface TestCase {
  readonly input: string;
  readonly output: string;
  readonly testtype: string;
}

function testsOf(placed: PlacedRow, starter: string): ProgramTest[] {
  const cases = ["public_test_cases", "private_test_cases"].flatMap((column) => casesIn(placed, column));
  const { func_name: name } = JSON.parse(`${placed.row.metadata || "{}"}`) as { func_name?: string };
  const isMethod = /^class Solution\b/m.test(starter);
  return cases.map(({ input, output, testtype }): ProgramTest => {
    if (testtype !== "functional") return { kind: "output", input, output, tolerance: 1e-9 };
    if (!name)
      throw new DataError(`${placed.where}: column "metadata" names no func_name, which its functional tests call`);
    return { kind: "call", function: isMethod ? `Solution.${name}` : name, arguments: input, expected: output };
  });
}

function casesIn(placed: PlacedRow, column: string): TestCase[] {
  const text = textOf(placed, column);
  let cases: unknown;
  try {
    cases = JSON.parse(/^\s*\[/.test(text) ? text : unpacked(text));
  } catch (error) {
    throw new DataError(
      `${placed.where}: column "${column}" must hold test cases in JSON, plain or as base64 of a compressed pickle`,
      { cause: error },
    );
  }
  if (Array.isArray(cases)) return cases as TestCase[];
  throw new DataError(`${placed.where}: column "${column}" must be a list of test cases, got ${kindOf(cases)}`);
}

/** The tests of a contest problem take tens of megabytes at most. */
const MAX_TEST_BYTES = 1 << 28;

const unpacked = (text: string): string =>
  pickledText(inflateSync(Buffer.from(text, "base64"), { maxOutputLength: MAX_TEST_BYTES }));
