// Claims about reading runs while they are written: new lines alone, each once, also after a resume; the newest lines
// first; which runs there are and how far they have come.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readLinesBefore, readNewLines } from "./log-window.js";
import { RunDirectory } from "./run-directory.js";
import { isRun, listRuns } from "./run-list.js";

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-list-"));
  log = join(folder, "log.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (step: number) => `${JSON.stringify({ step, text: "é".repeat(step % 50) })}\n`;
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => line(from + i)).join("");
const steps = ({ records }: { readonly records: readonly { step: number }[] }) => records.map(({ step }) => step);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("new lines of a log", () => {
  test("come once each; a line that is still being written comes when it is whole", async () => {
    writeFileSync(log, `${lines(0, 3)}{"step":`);
    const first = await readNewLines<{ step: number }>(log);
    expect(steps(first)).toEqual([0, 1, 2]);
    expect(steps(await readNewLines<{ step: number }>(log, first.next))).toEqual([]);
    appendFileSync(log, `3}\n${lines(4, 6)}`);
    const second = await readNewLines<{ step: number }>(log, first.next);
    expect([steps(second), second.restarts]).toEqual([[3, 4, 5], false]);
  });
  test("come in readings of bounded size, also where a line is longer than that", async () => {
    writeFileSync(log, lines(0, 200));
    const read: number[] = [];
    let window = await readNewLines<{ step: number }>(log, "", 60);
    for (read.push(...steps(window)); window.more; read.push(...steps(window)))
      window = await readNewLines<{ step: number }>(log, window.next, 60);
    expect(read).toEqual(range(0, 200));
  });
  test("begin anew where the log was cut back and others were written, shorter or longer than before", async () => {
    for (const others of [lines(90, 91), lines(90, 120)]) {
      writeFileSync(log, lines(0, 20));
      const { next } = await readNewLines<{ step: number }>(log);
      truncateSync(log, line(0).length);
      appendFileSync(log, others);
      const window = await readNewLines<{ step: number }>(log, next);
      expect([window.restarts, steps(window)[0], steps(window)[1]]).toEqual([true, 0, 90]);
    }
    expect((await readNewLines(log, "nonsense")).restarts).toBe(true);
  });
  test("are none of a log that is not there; one that is no JSON is refused with its file", async () => {
    expect(await readNewLines(log)).toEqual({ records: [], next: "", restarts: false, more: false });
    writeFileSync(log, "{no\n");
    await expect(readNewLines(log)).rejects.toThrow(/log\.jsonl: expected one JSON object per line/);
  });
});

test("the last lines come newest first, and those before them, to the beginning, none twice", async () => {
  writeFileSync(log, `${lines(0, 3000)}{"step":`);
  const read: number[] = [];
  let tail = await readLinesBefore<{ step: number }>(log, 70);
  for (read.push(...steps(tail)); tail.before !== null; read.push(...steps(tail)))
    tail = await readLinesBefore<{ step: number }>(log, 70, tail.before);
  expect(read).toEqual(range(0, 3000).reverse());
  expect(await readLinesBefore(join(folder, "none"), 5)).toEqual({ records: [], before: null });
});

test("a folder's runs are listed with how far they have come, those inside others too", async () => {
  const options = { verb: "rl", seed: 7, options: {}, isa: "none" };
  const run = RunDirectory.create({ ...options, path: join(folder, "one") });
  run.writePlan({ phase: "rl", steps: 40 });
  run.logMetrics({ phase: "rl", step: 3, time: "2026-07-04T00:00:00.000Z", reward: 1 });
  const inner = RunDirectory.create({ ...options, path: join(folder, "one", "students", "small") });
  inner.close();
  writeFileSync(join(folder, "one", "students", "small", "summary.json"), "{}");
  mkdirSync(join(folder, "broken"));
  writeFileSync(join(folder, "broken", "config.json"), "{}");
  mkdirSync(join(folder, "no-run"));
  const found = Object.fromEntries((await listRuns(folder)).map((entry) => [entry.name, entry]));
  expect(Object.keys(found).sort()).toEqual(["broken", "one", "one/students/small"]);
  expect(found.one).toMatchObject({
    ...{ verb: "rl", seed: 7, state: "running", phase: "rl", step: 3, plan: { phase: "rl", steps: 40 } },
    updatedAt: "2026-07-04T00:00:00.000Z",
  });
  expect(found["one/students/small"]).toMatchObject({ state: "finished" });
  expect(found.broken.problem).toMatch(/not the configuration of a run/);
  run.close();
  expect((await listRuns(folder)).find(({ name }) => name === "one")?.state).toBe("stopped");
  expect(await listRuns(join(folder, "nowhere"))).toEqual([]);
});

test("no name reaches outside the folder", () => {
  const run = RunDirectory.create({ verb: "rl", path: join(folder, "in", "a"), seed: 0, options: {}, isa: "none" });
  run.close();
  expect(isRun(join(folder, "in"), "a")).toBe(true);
  for (const name of ["../in/a", "./a", "a/", "/a", "a/../a", "..\\in\\a", "a\0", "", join(folder, "in", "a")])
    expect([name, isRun(join(folder, "in"), name)]).toEqual([name, false]);
});
