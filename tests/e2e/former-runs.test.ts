// Runs of an earlier form of the program, with options under former names and states without stages, still resume, and
// end as they would have ended then.
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { luciole, root, succeed, temporaryFolder, untimedLog } from "./command.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

const former = (name: string) => join(root, "tests", "e2e", "former-runs", name);

type Line = Readonly<Record<string, unknown>>;

test.each([
  ["zero", "samples.jsonl"],
  ["pretrain", "metrics.jsonl"],
])("a %s run goes on from its checkpoint to the end it had", async (verb, log) => {
  cpSync(former(verb), at(verb), { recursive: true });
  const { stderr } = await succeed([verb, "--resume", at(verb), "--json"]);
  // Other kernels than those of then (which is said) round otherwise: then only the course is the same.
  const isSame = !stderr.includes("the result will not be bit-identical");
  // Samples of then did not say the question.
  const known = ({ question: _, ...line }: Line) => line;
  const course = (lines: unknown[]) =>
    (lines as Line[]).map((line) => (isSame ? known(line) : { phase: line.phase, step: line.step }));
  for (const file of ["metrics.jsonl", log])
    expect(course(untimedLog(at(verb), file))).toEqual(course(untimedLog(former(verb), file)));
});

test("the work of the stages before is counted in the summary", () => {
  const { pretrainTokens, rlSteps, base } = JSON.parse(readFileSync(at("zero/summary.json"), "utf8"));
  expect({ pretrainTokens, rlSteps }).toEqual({ pretrainTokens: 544, rlSteps: 4 });
  expect(base.meanThinkTokens).toBe(3.25);
});

test("its model is evaluated as the run evaluated itself", async () => {
  const { stdout } = await succeed(["eval", former("zero"), "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ maxNewTokens: 16, seed: 3 },
    evaluations: [{ problems: 4, samplesPerProblem: 2 }],
  });
});

test.each([
  [["zero", "--set", "rl.rolloutSlots=8"], 'zero: option "rl.rolloutSlots" is now "rl.maxSequences"'],
  [["zero", "--set", "evaluation.slots=8"], 'zero: option "evaluation.slots" is now "evaluation.maxSequences"'],
  [["eval", former("zero"), "--slots", "8"], "The option is now --max-sequences."],
])("a former name is refused with the new one: %s", async (args, message) => {
  const { code, stderr } = await luciole(args);
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
});
