// Locks between processes: one holder at a time, and none that has ended.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProcessLock, thisProcess } from "./process-lock.js";
import { processStart } from "./process-start.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-lock-"));
  path = join(folder, "the.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const take = () => ProcessLock.take(path, (holder) => new Error(`held by ${holder}`));
const write = (holder: object) => writeFileSync(path, JSON.stringify({ ...thisProcess(), ...holder }));

describe("a lock", () => {
  test("has one holder, who is named to the second, and is free again afterwards", () => {
    const lock = take();
    expect(take).toThrow(`held by process ${process.pid} on ${hostname()}`);
    lock.release();
    take().release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    ["of a process that has ended", { pid: 2 ** 30 }],
    ["of an earlier process of the same number", { started: "another time" }],
    ["of process 0, which is none", { pid: 0 }],
  ])("%s is taken over", (_, holder) => {
    write(holder);
    const lock = take();
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(thisProcess());
    lock.release();
  });

  test("that a kill left empty is taken over", () => {
    writeFileSync(path, "");
    take().release();
  });

  test.each([
    ["of a process at work", {}],
    ["of another machine, whose processes cannot be seen", { host: "elsewhere", pid: 2 ** 30 }],
    ["of a process whose beginning the system did not say", { started: "" }],
  ])("%s is respected, and stays as it is", (_, holder) => {
    write(holder);
    const text = readFileSync(path, "utf8");
    expect(take).toThrow("held by process");
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(readdirSync(folder)).toEqual(["the.lock"]);
  });
});

test("a process is known by its beginning, and one that has ended has none", () => {
  expect(processStart(process.pid)).toBe(processStart(process.pid));
  expect(processStart(process.pid)).not.toBe(processStart(process.ppid));
  expect(processStart(2 ** 30)).toBeUndefined();
});
