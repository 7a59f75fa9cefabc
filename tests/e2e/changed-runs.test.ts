// A run goes on only as what it was: with the data, task and rewards it began with, and in one process at a time.
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { luciole, start, succeed, temporaryFolder, untimedLog } from "./command.js";
import { stopAt } from "./interruption.js";
import { BYTES_REWARD, makeSmallModel, pretrain, reinforce } from "./small-runs.js";

const LIMIT_MS = 240_000;
vi.setConfig({ testTimeout: LIMIT_MS });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(at("scale.ts"), "export const SCALE = 1;\n");
  writeFileSync(
    at("reward.ts"),
    `import { SCALE } from "./scale.ts";\n${BYTES_REWARD.replace("/ 64", "* SCALE / 64")}`,
  );
}, LIMIT_MS);
afterAll(() => folder.remove());

const errorLine = (stderr: string) => stderr.split("\n").find((line) => line.startsWith("error:"));

describe("reinforcement goes on only with what it began with", () => {
  beforeAll(async () => {
    await stopAt(
      reinforce(folder.path, "reward.ts", "run", { "rl.steps": 500, checkpointSeconds: 0.1 }),
      at("run"),
      "rl",
      2,
      "SIGINT",
    );
  }, LIMIT_MS);

  test.each([
    ["its data", "task.jsonl"],
    ["its reward", "reward.ts"],
    ["a file that its reward imports", "scale.ts"],
  ])("changed: %s", async (_, name) => {
    const before = readFileSync(at(name));
    const log = untimedLog(at("run"));
    appendFileSync(at(name), name.endsWith(".ts") ? "// another\n" : '{"prompt":"9?","answer":"9"}\n');
    const { code, stderr } = await luciole(["rl", "--resume", at("run")]);
    writeFileSync(at(name), before);
    expect(code).toBe(1);
    expect(errorLine(stderr)).toBe(
      `error: ${at(name)} has changed since the run started; restore the old files, or continue with the ` +
        "new ones with --accept-changes",
    );
    expect(untimedLog(at("run"))).toEqual(log);
  });

  test("gone: its data", async () => {
    renameSync(at("task.jsonl"), at("aside.jsonl"));
    const { code, stderr } = await luciole(["rl", "--resume", at("run")]);
    renameSync(at("aside.jsonl"), at("task.jsonl"));
    expect([code, errorLine(stderr)]).toEqual([
      1,
      expect.stringContaining(`${at("task.jsonl")} is gone since the run started`),
    ]);
  });

  test("unless the change is accepted, which is said, and is then what the run goes on with", async () => {
    appendFileSync(at("scale.ts"), "// harmless\n");
    const steps = (JSON.parse(readFileSync(at("run/config.json"), "utf8")) as { fingerprints: Record<string, string> })
      .fingerprints;
    const command = start(["rl", "--resume", at("run"), "--accept-changes", "--json"]);
    await command.saying(`warning: ${at("scale.ts")} has changed since the run started`);
    await command.saying("reinforce: 500 steps");
    command.child.kill("SIGINT");
    expect((await command.ended).code).toBe(130);
    const { fingerprints } = JSON.parse(readFileSync(at("run/config.json"), "utf8")) as {
      fingerprints: Record<string, string>;
    };
    expect(Object.keys(fingerprints)).toEqual(Object.keys(steps));
    expect(fingerprints[at("scale.ts")]).not.toBe(steps[at("scale.ts")]);
  });

  test("and the acceptance is refused where there is nothing to go on with", async () => {
    const { code, stderr } = await luciole([...reinforce(folder.path, "reward.ts", "never"), "--accept-changes"]);
    expect([code, errorLine(stderr)]).toEqual([2, expect.stringContaining("--accept-changes needs --resume")]);
  });
});

test("an evaluation goes on only with the data it began with", async () => {
  const evaluate = [
    "eval",
    at("model"),
    "--data",
    at("task.jsonl"),
    "--problems",
    "1",
    "--samples",
    "1",
    "--max-tokens",
    "4",
    "--set",
    "heldOutFraction=0.5",
  ];
  // The model is asked in the long wording, which it has no room for unless the template says otherwise: only the files
  // are looked at here.
  await luciole([...evaluate, "--out", at("eval")]);
  const before = readFileSync(at("task.jsonl"));
  appendFileSync(at("task.jsonl"), '{"prompt":"9?","answer":"9"}\n');
  const { stderr } = await luciole(["eval", at("model"), "--resume", at("eval")]);
  writeFileSync(at("task.jsonl"), before);
  expect(errorLine(stderr)).toMatch(/task\.jsonl has changed since the run started/);
});

test("two processes do not go on with one run at once", async () => {
  const endless = pretrain(at("book.txt"), at("long"), { steps: 100_000, checkpointSeconds: 0.1 });
  await stopAt(endless, at("long"), "pretrain", 2, "SIGKILL");
  const first = start(["pretrain", "--resume", at("long"), "--json"]);
  await first.saying("pretrain: 100,000 steps");
  const second = await luciole(["pretrain", "--resume", at("long"), "--json"]);
  expect([second.code, errorLine(second.stderr)]).toEqual([
    2,
    expect.stringMatching(
      new RegExp(`long: process ${first.child.pid} on .* is using this run; wait for it or stop it`),
    ),
  ]);
  first.child.kill("SIGINT");
  expect((await first.ended).code).toBe(130);
  const lines = untimedLog(at("long")) as { step: number; loss?: number }[];
  const steps = lines.filter(({ loss }) => loss !== undefined).map(({ step }) => step);
  expect(steps).toEqual(steps.map((_, i) => i + 1));
});

test("a run whose directory is removed ends at the next step, and makes no new one", async () => {
  const command = start(pretrain(at("book.txt"), at("removed"), { steps: 100_000, checkpointSeconds: 0.1 }));
  await command.saying("pretrain: 100,000 steps");
  renameSync(at("removed"), at("gone")); // at once: the run goes on writing into it
  rmSync(at("gone"), { recursive: true, maxRetries: 10 });
  const { code, stderr } = await command.ended;
  expect([code, errorLine(stderr)]).toEqual([1, expect.stringMatching(/metrics\.jsonl was removed during the run/)]);
  await expect(succeed(["inspect", at("removed")])).rejects.toThrow("removed");
});
