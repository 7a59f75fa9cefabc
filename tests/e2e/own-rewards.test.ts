// What a person's own reward may do to a run: every fault is told by its name and sample, and the last whole step is
// kept.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkpointBytes, luciole, start, succeed, temporaryFolder, untimedLog } from "./command.js";
import { BYTES_REWARD, makeSmallModel, reinforce } from "./small-runs.js";

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

/** The reward of every test until the third batch of eight samples, on which `fault` is run. */
const faulty = (fault: string) => `let calls = 0;
const score = ${BYTES_REWARD.replace("export default ", "")};
export default function own(sample) {
  if (++calls === 19) { ${fault} }
  return score(sample);
}
`;
const STEPS = 4;
const rl = (reward: string, out: string, values = {}) =>
  reinforce(folder.path, reward, out, { "rl.steps": STEPS, ...values });
const errorsOf = (stderr: string) => stderr.split("\n").filter((line) => line.startsWith("error:"));

beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(at("sound.ts"), faulty(""));
  await succeed(rl("sound.ts", "whole"));
}, LIMIT_MS);

/** Tokens and operations that a run has counted. */
function counted(run: string) {
  const {
    state: { stages },
  } = JSON.parse(readFileSync(at(`${run}/checkpoints/step-${STEPS}/trainer.json`), "utf8"));
  const { rollout, train } = stages.reinforce;
  return [rollout.tokens, rollout.flops, train.tokens, train.flops];
}

const FAULTS: readonly [name: string, fault: string, message: RegExp][] = [
  [
    "throws",
    'throw new Error("no such key");',
    /^error: reward "own" failed for sample 2 \(prompt ".+", completion ".*"\): no such key \(at .*reward-throws\.ts:7:\d+\)$/,
  ],
  [
    "rejects",
    'return Promise.reject(new Error("judge is down"));',
    /^error: reward "own" failed for sample 2 .*: judge is down/,
  ],
  [
    "never settles",
    "return new Promise(() => {});",
    /^error: reward "own" has not settled for sample 2 .* within 0\.5 s: .*--reward-timeout$/,
  ],
  [
    "ends the process",
    "process.exit(0);",
    /^error: reward "own" failed for sample 2 .*: process\.exit\(0\) was called during a run/,
  ],
  [
    "ends the process later",
    "setTimeout(() => process.exit(0), 1); return new Promise((r) => setTimeout(() => r(0), 300));",
    /^error: process\.exit\(0\) was called/,
  ],
  [
    "leaves a rejection behind",
    'void Promise.reject(new Error("lost")); return new Promise((r) => setTimeout(() => r(0), 300));',
    /^error: a promise was rejected without a handler: lost/,
  ],
];

describe.each(FAULTS)("a reward that %s", (name, fault, message) => {
  const run = name.replaceAll(" ", "-");

  test("is named in one line, the round before is saved, and mended the run comes to the same bits", async () => {
    writeFileSync(at(`reward-${run}.ts`), faulty(fault));
    const { code, stdout, stderr } = await luciole([...rl(`reward-${run}.ts`, run), "--reward-timeout", "0.5"]);
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: "" });
    expect(errorsOf(stderr)).toEqual([expect.stringMatching(message)]);
    expect(stderr).toContain(`Step 2 is saved. Fix the cause, then resume with: npx luciole rl --resume ${at(run)}`);
    expect(readdirSync(at(`${run}/checkpoints`))).toEqual(["step-2"]);
    writeFileSync(at(`reward-${run}.ts`), faulty(""));
    await succeed(["rl", "--resume", at(run), "--accept-changes", "--json"]);
    expect(checkpointBytes(at(run), STEPS)).toEqual(checkpointBytes(at("whole"), STEPS));
    expect(untimedLog(at(run))).toEqual(untimedLog(at("whole")));
    expect(counted(run)).toEqual(counted("whole"));
  });
});

test("a reward that never settles is interrupted by Ctrl-C as anything else", async () => {
  writeFileSync(at("stuck.ts"), faulty("return new Promise(() => {});"));
  const command = start(rl("stuck.ts", "stuck"));
  while (
    !existsSync(at("stuck/metrics.jsonl")) ||
    !readFileSync(at("stuck/metrics.jsonl"), "utf8").includes('"phase":"rl","reward"')
  )
    await new Promise((r) => setTimeout(r, 20));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  command.child.kill("SIGINT");
  const startedMs = performance.now();
  const { code, stderr } = await command.ended;
  expect([code, performance.now() - startedMs < 2000], stderr).toEqual([130, true]);
  expect(stderr).toContain("Stopped and saved. Resume with:");
});

test("a task that never comes ends the process with a word and the code of a failure", async () => {
  writeFileSync(at("task.ts"), "export default () => new Promise(() => {});");
  const { code, stderr } = await luciole(["eval", at("model"), "--task", at("task.ts")]);
  expect([code, errorsOf(stderr)]).toEqual([
    1,
    [expect.stringContaining("the run cannot continue: a promise of a task or reward never settles")],
  ]);
});

test("timers that a reward leaves open hold nothing up", async () => {
  writeFileSync(at("timers.ts"), `setInterval(() => {}, 1000);\n${faulty("")}`);
  const { code } = await luciole(rl("timers.ts", "timers"));
  expect(code).toBe(0);
});

test("a reward changes nothing of what is learnt by changing what it is given", async () => {
  const spoils =
    "sample.completionIds.sort?.(); sample.columns.answer = '0'; sample.problem.answer = '0'; sample.tags.length = 0;";
  writeFileSync(
    at("spoiler.ts"),
    faulty("").replace("return score(sample);", `const value = score(sample); ${spoils} return value;`),
  );
  await succeed(rl("spoiler.ts", "spoilt"));
  expect(checkpointBytes(at("spoilt"), STEPS)).toEqual(checkpointBytes(at("whole"), STEPS));
});
