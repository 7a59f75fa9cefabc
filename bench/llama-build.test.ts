// Claims about holding llama.cpp to an instruction set: one CPU build is left, and what cannot be had is said.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { llamaEntry } from "./llama-build.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-llama-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const put = (path: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), "");
};
const libraries = "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64";

it("copies the package with the one build that has no newer instructions", () => {
  expect(() => llamaEntry(folder, "x86-64-v3")).toThrow(/haswell\.so\)$/);
  put("node_modules/node-llama-cpp/dist/index.js");
  for (const name of ["base.so", "cpu-haswell.so", "cpu-alderlake.so", "cpu-zen4.so"])
    put(`${libraries}/libggml-${name}`);
  const entry = llamaEntry(folder, "x86-64-v3");
  expect(existsSync(entry)).toBe(true);
  expect(readdirSync(join(folder, "build/x86-64-v3", libraries)).sort()).toEqual([
    "libggml-base.so",
    "libggml-cpu-haswell.so",
  ]);
  expect(llamaEntry(folder, "x86-64-v3")).toBe(entry);
});

it("says which instruction sets there are to choose from", () => {
  expect(() => llamaEntry(folder, "armv8")).toThrow("llama.cpp cannot be held to armv8, only to x86-64-v3");
});
