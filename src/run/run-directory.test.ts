// Run directories: nobody's work is overwritten, lines are whole, and a resumed run shows no step twice.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, DataError } from "../errors.js";
import type { RunSummary } from "./records.js";
import { defaultRunName, RunDirectory, readRun } from "./run-directory.js";

let parent: string;
let path: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "luciole-run-"));
  path = join(parent, "first");
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const create = () =>
  RunDirectory.create({
    verb: "zero",
    path,
    seed: 7,
    options: { steps: 3 },
    versions: { luciole: "0.1.0" },
    isa: "avx2",
    threads: 2,
  });

describe("a new run", () => {
  test("records what is needed to repeat it", () => {
    create().close();
    const { config, metrics, samples, summary } = readRun(path);
    expect(config).toMatchObject({
      verb: "zero",
      seed: 7,
      options: { steps: 3 },
      versions: { luciole: "0.1.0" },
      machine: { isa: "avx2", threads: 2 },
    });
    expect(config.machine.cpu).not.toBe("");
    expect([metrics, samples, summary]).toEqual([[], [], undefined]);
  });

  test("is named after its verb, date and time", () => {
    expect(defaultRunName("zero", new Date(2026, 6, 4, 9, 5, 3))).toBe("zero-20260704-090503");
  });

  test("refuses a directory that is not empty, naming --resume when it is a run", () => {
    create().close();
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(/not empty.*--resume/);
    rmSync(join(path, "config.json"));
    expect(create).toThrow(/not empty.*choose an empty or new directory with --out/);
    path = join(path, "metrics.jsonl");
    expect(create).toThrow(/expected a directory/);
  });

  test("is made where one was killed before it began, and nowhere else is such a place a run", () => {
    mkdirSync(path);
    writeFileSync(join(path, "config.json.77.tmp"), '{"verb":');
    writeFileSync(join(path, "run.lock"), "");
    expect(() => RunDirectory.resume(path)).toThrow(/stopped before it started: start it again with --out/);
    create().close();
    expect(readRun(path).config.verb).toBe("zero");
    expect(readdirSync(path).sort()).toEqual(["config.json", "metrics.jsonl", "samples.jsonl"]);
  });

  test("says why the system refuses its place", () => {
    writeFileSync(path, "a file");
    path = join(path, "below", "it");
    expect(create).toThrow(/cannot create the run directory .* \(ENOTDIR\); choose another place with --out/);
  });

  test("takes an empty directory", () => {
    path = parent;
    create().close();
    expect(existsSync(join(parent, "config.json"))).toBe(true);
  });
});

describe("a run that is open", () => {
  test("is nobody else's to go on with", () => {
    const run = create();
    expect(() => RunDirectory.resume(path)).toThrow(new RegExp(`process ${process.pid} on .* is using this run`));
    run.close();
    RunDirectory.resume(path).close();
  });

  test("notices at its next line that it was removed", () => {
    const run = create();
    run.logMetrics({ phase: "rl", step: 1 });
    rmSync(path, { recursive: true });
    expect(() => run.logMetrics({ phase: "rl", step: 2 })).toThrow(/metrics\.jsonl was removed during the run/);
    run.close();
  });
});

describe("the logs", () => {
  test("keep every value, with a time, and a loss that is not finite by its name", () => {
    const run = create();
    run.logMetrics({ phase: "pretrain", step: 1, loss: 2.5, "expert_load/1": [0.25, 0.75] });
    run.logMetrics({ phase: "pretrain", step: 2, loss: Number.NaN, time: "2026-07-04T00:00:00.000Z" });
    run.close();
    const [first, second] = readRun(path).metrics;
    expect(first).toMatchObject({ phase: "pretrain", step: 1, loss: 2.5, "expert_load/1": [0.25, 0.75] });
    expect(Number.isNaN(Date.parse(first.time!))).toBe(false);
    expect(second).toEqual({ phase: "pretrain", step: 2, loss: "NaN", time: "2026-07-04T00:00:00.000Z" });
  });

  test("show no step twice after a resume, and the torn line of a killed run is gone", () => {
    const run = create();
    for (let step = 1; step <= 3; step++) run.logMetrics({ phase: "rl", step });
    const position = run.position();
    run.logMetrics({ phase: "rl", step: 4 });
    run.logSample({ phase: "rl", step: 4, problem: "a", prompt: "p", completion: "c" });
    run.close();
    appendFileSync(join(path, "metrics.jsonl"), '{"phase":"rl","st');
    writeFileSync(join(path, "summary.json"), "{}");

    const resumed = RunDirectory.resume(path, position);
    for (let step = 4; step <= 5; step++) resumed.logMetrics({ phase: "rl", step });
    resumed.close();
    const { metrics, samples, summary } = readRun(path);
    expect(metrics.map((record) => record.step)).toEqual([1, 2, 3, 4, 5]);
    expect([samples, summary]).toEqual([[], undefined]);
  });

  test("lose nothing but the torn end when a position lies beyond it", () => {
    const run = create();
    run.logMetrics({ phase: "rl", step: 1, text: "x".repeat(200_000) });
    run.close();
    appendFileSync(join(path, "metrics.jsonl"), `{"torn":"${"y".repeat(150_000)}`);
    const resumed = RunDirectory.resume(path, { metrics: 1e9, samples: 0 });
    resumed.logMetrics({ phase: "rl", step: 2 });
    resumed.close();
    expect(readRun(path).metrics.map((record) => record.step)).toEqual([1, 2]);
  });

  test("are readable while the last line is being written; a malformed line is named by number", () => {
    create().close();
    writeFileSync(join(path, "metrics.jsonl"), '{"phase":"rl","step":1}\n{"phase":"rl","st');
    expect(readRun(path).metrics).toHaveLength(1);
    writeFileSync(join(path, "metrics.jsonl"), '{"phase":"rl","step":1}\n{"phase"\n');
    expect(() => readRun(path)).toThrow(DataError);
    expect(() => readRun(path)).toThrow("metrics.jsonl:2:");
  });
});

test("a summary reads back, and what is no run directory is refused", () => {
  const run = create();
  run.writeSummary({ seed: 7, rlSteps: 3 } as RunSummary);
  run.close();
  expect(readRun(path).summary).toEqual({ seed: 7, rlSteps: 3 });
  expect(readFileSync(join(path, "summary.json"), "utf8").endsWith("\n")).toBe(true);
  expect(() => readRun(parent)).toThrow(/expected a run directory/);
  expect(() => RunDirectory.resume(parent)).toThrow(ConfigError);
});
