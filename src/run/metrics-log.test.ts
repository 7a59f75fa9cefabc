// Claims about logs of other programs: they get every figure once, also of a run that goes on, and what breaks in them
// breaks no run.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventRecord, fileHeader } from "./event-file.js";
import { figuresOf } from "./metrics-log.js";
import { openLogs } from "./open-logs.js";
import type { MetricsRecord } from "./records.js";
import { RunDirectory } from "./run-directory.js";
import { tensorboardLog } from "./tensorboard.js";
import { wandbLog } from "./wandb.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-logs-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const time = "2026-07-04T00:00:01.500Z";
const seconds = Date.parse(time) / 1000;
const line = (step: number): MetricsRecord => ({ phase: "rl", step, time, reward: step / 4 });
const create = () => RunDirectory.create({ verb: "rl", path: join(folder, "run"), seed: 0, options: {}, isa: "none" });

test("figures stand behind phase, stage and model; what was not measured is none", () => {
  expect(
    figuresOf({
      ...{ phase: "eval", stage: "zero", step: 3, time, model: "base", pass1: 0.5, pass1_stderr: null },
      ...{ loss: "NaN", "expert_load/1": [0.25, 0.75] },
    }),
  ).toEqual([
    ["eval/zero/base/pass1", 0.5],
    ["eval/zero/base/loss", Number.NaN],
    ["eval/zero/base/expert_load/1/max", 0.75],
  ]);
});

test("TensorBoard's file holds what metrics.jsonl holds, also after a run was cut back and went on", () => {
  const run = create();
  run.follow([tensorboardLog], () => {});
  run.logMetrics(line(1));
  const position = run.position();
  run.logMetrics(line(2));
  run.close();
  writeFileSync(join(folder, "run", "tensorboard", "events.out.tfevents.1.luciole"), "of an earlier start");
  const resumed = RunDirectory.resume(join(folder, "run"), position);
  resumed.follow([tensorboardLog], () => {});
  for (const step of [2, 3]) resumed.logMetrics(line(step));
  resumed.close();
  const files = readdirSync(join(folder, "run", "tensorboard"));
  expect(files).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d+\.luciole$/)]);
  const expected = [1, 2, 3].map((step) => eventRecord({ seconds, step, scalars: [["rl/reward", step / 4]] }));
  expect(readFileSync(join(folder, "run", "tensorboard", files[0]))).toEqual(
    Buffer.concat([fileHeader(seconds), ...expected]),
  );
});

test("a file that cannot be written is said once, and the run goes on", () => {
  const run = create();
  const notices: string[] = [];
  run.follow([tensorboardLog], (notice) => notices.push(notice));
  rmSync(join(folder, "run", "tensorboard"), { recursive: true });
  for (const step of [1, 2]) run.logMetrics(line(step));
  run.close();
  expect(notices).toEqual([expect.stringMatching(/tfevents.*ENOENT.*the run goes on without TensorBoard's log/)]);
});

/** A package as it is installed, which notes its calls. */
function installFake(body: string): void {
  const place = join(folder, "node_modules", "@wandb", "sdk");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), '{"name":"@wandb/sdk","type":"module","exports":"./index.js"}');
  writeFileSync(
    join(place, "index.js"),
    `import { appendFileSync } from "node:fs";
const note = (...call) => appendFileSync(${JSON.stringify(join(folder, "calls"))}, JSON.stringify(call) + "\\n");
export default { ${body} };`,
  );
}
const calls = () =>
  readFileSync(join(folder, "calls"), "utf8")
    .trimEnd()
    .split("\n")
    .map((call) => JSON.parse(call));

test("Weights & Biases gets the run's options, then every line, then the end; its signal handlers go", async () => {
  installFake(`
    async init({ project, name, id, config, job_type }) {
      await null;
      process.once("SIGINT", () => process.exit());
      note("init", project, name, typeof id, config, job_type);
    },
    log(data) { note("log", data); },
    async finish() { note("finish"); },`);
  const listeners = process.listenerCount("SIGINT");
  const run = create();
  const notices: string[] = [];
  const followers = run.follow([await wandbLog(folder)], (notice) => notices.push(notice));
  for (const step of [1, 2]) run.logMetrics(line(step));
  run.close();
  await Promise.all(followers.map((follower) => follower.close()));
  expect(calls()).toEqual([
    ["init", "luciole", "run", "string", {}, "rl"],
    ["log", { "rl/step": 1, "rl/reward": 0.25 }],
    ["log", { "rl/step": 2, "rl/reward": 0.5 }],
    ["finish"],
  ]);
  expect([process.listenerCount("SIGINT"), notices]).toEqual([listeners, []]);
});

test("where Weights & Biases refuses, the run goes on and a line says so", async () => {
  installFake(
    'async init() { throw new Error("no API key"); }, log() { note("log"); }, async finish() { note("end"); }',
  );
  const run = create();
  const notices: string[] = [];
  const followers = run.follow([await wandbLog(folder)], (notice) => notices.push(notice));
  for (const step of [1, 2]) run.logMetrics(line(step));
  run.close();
  await Promise.all(followers.map((follower) => follower.close()));
  expect(notices).toEqual(["wandb: no API key; the run goes on without its log"]);
  expect(() => calls()).toThrow(/ENOENT/);
});

test("a log that is not there is refused by name, before anything begins", async () => {
  await expect(wandbLog(folder)).rejects.toThrow(
    "--log wandb: the package @wandb/sdk is not installed here; npm install @wandb/sdk",
  );
  await expect(openLogs(["tensorbord"])).rejects.toThrow(
    /--log tensorbord: expected tensorboard or wandb, did you mean "tensorboard"/,
  );
});
