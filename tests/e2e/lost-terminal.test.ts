// A run whose terminal, reader or disk goes away: it goes on, or it stops saved with the right exit code; never is it
// abandoned.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkpointBytes, luciole, start, succeed, temporaryFolder } from "./command.js";
import { stopAt } from "./interruption.js";
import { BYTES_REWARD, makeSmallModel, pretrain, reinforce } from "./small-runs.js";

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

const STEPS = 6;
const train = (out: string) => pretrain(at("book.txt"), at(out), { steps: STEPS }).filter((flag) => flag !== "--json");
beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(at("reward.ts"), BYTES_REWARD);
  await succeed(train("whole"));
}, LIMIT_MS);
const expectWhole = (run: string) =>
  expect(checkpointBytes(at(run), STEPS)).toEqual(checkpointBytes(at("whole"), STEPS));

describe("a run goes on to its end", () => {
  test.each([
    [
      "reader",
      "when its reader leaves (| head -1)",
      'set -o pipefail; "$@" | head -1',
      /note: standard output is closed \(EPIPE\); the run continues without it/,
    ],
    ["output", "with standard output closed", '"$@" >&-', /^/],
    ["both", "with both streams closed", '"$@" >&- 2>&-', /^/],
    ["errors", "with standard error full", '"$@" 2>/dev/full', /^/],
  ])("%s: %s, and says 0", async (run, _, shell, note) => {
    const { code, stderr } = await luciole(train(run), { shell });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(note);
    expectWhole(run);
  });

  test("with standard output full, and says that what was to be written there is lost", async () => {
    const { code, stderr } = await luciole(train("full"), { shell: '"$@" >/dev/full' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: cannot write to standard output \(ENOSPC\)/);
    expectWhole("full");
  });

  test("where a folder of PATH may not be looked into", async () => {
    const [closed, inside] = [at("closed"), at("closed/bin")];
    mkdirSync(inside, { recursive: true });
    chmodSync(closed, 0);
    // A name longer than any file system takes is refused to root too, whom no permission stops.
    const env = { PATH: `${inside}:${join(closed, "x".repeat(300))}:${process.env.PATH}` };
    const { code, stderr } = await luciole(train("path"), { env });
    chmodSync(closed, 0o700);
    expect(code, stderr).toBe(0);
    expectWhole("path");
  });
});

test("an answer whose reader leaves ends quietly with 0", async () => {
  const { code, stderr } = await luciole(["inspect", at("model"), "--tensors"], {
    shell: 'set -o pipefail; "$@" | (sleep 1; exit 0)',
  });
  expect([code, stderr]).toEqual([0, ""]);
});

describe("a signal", () => {
  const endless = (out: string) => pretrain(at("book.txt"), at(out), { steps: 100_000, checkpointSeconds: 1000 });
  test.each([
    ["SIGHUP", 129],
    ["SIGTERM", 143],
  ] as const)("%s stops a run, saved, with exit code %d", async (signal, exitCode) => {
    const run = signal.toLowerCase();
    const { code, stderr } = await stopAt(endless(run), at(run), "pretrain", 2, signal);
    expect([code, stderr], stderr).toEqual([exitCode, expect.stringContaining(`${signal}: saving and stopping`)]);
    expect(stderr).toContain("Stopped and saved. Resume with:");
  });

  test("SIGHUP is nothing to a run that nohup started", async () => {
    const shell =
      `nohup "$@" & node=$!; until [ -e ${at("nohup/metrics.jsonl")} ]; do sleep 0.05; done; kill -HUP ` +
      "$node; wait $node";
    const { code, stderr } = await luciole(train("nohup"), { shell });
    expect(code, stderr).toBe(0);
    expectWhole("nohup");
  });

  test("in the middle of a long step stops within two seconds and drops what the step had done", async () => {
    const long = pretrain(at("book.txt"), at("long"), {
      steps: 2,
      batchSequences: 100_000,
      microBatchTokens: 64,
      checkpointSeconds: 1000,
    });
    const command = start(long);
    await command.saying("pretrain: 2 steps");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const startedMs = performance.now();
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended;
    expect([code, performance.now() - startedMs < 2000], stderr).toEqual([130, true]);
    expect(stderr).toContain("Stopped and saved.");
    expect(JSON.parse(readFileSync(at("long/checkpoints/step-0/trainer.json"), "utf8"))).toMatchObject({ step: 0 });
  });

  test("twice ends the process at once, as soon as it is said what is waited for", async () => {
    // From its first update on a round of many is made whole: what it has moved cannot be taken back.
    const command = start(reinforce(folder.path, "reward.ts", "twice", { "rl.numIterations": 1_000_000 }));
    await command.saying("reinforce: 3 steps");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    command.child.kill("SIGINT");
    await command.saying("waiting for the current step to finish and be saved; press again to stop at once");
    command.child.kill("SIGINT");
    expect(await command.ended).toMatchObject({ code: null, signal: "SIGINT" });
  });

  test("before anything is saved claims nothing", async () => {
    const command = start(
      reinforce(folder.path, "reward.ts", "early", {
        "evaluation.problems": 1,
        "evaluation.samplesPerProblem": 5000,
        "evaluation.maxSequences": 8,
      }),
    );
    await command.saying("evaluate base");
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended;
    expect([code, stderr]).toEqual([
      130,
      expect.stringContaining(
        `Stopped before anything was saved. Start again with: npx luciole rl --resume ${at("early")}`,
      ),
    ]);
  });
});
