// The package as other projects see it: its types resolve under each way of resolving modules, options carry hover
// texts, stacks their sources.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.js";

const root = packageRoot();
const folder = mkdtempSync(join(tmpdir(), "luciole-consumer-"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith(".json"));

/** Imports every entry, and uses one type and one value. */
const PROGRAM = `${entries.map((entry, i) => `import * as entry${i} from "luciole${entry.slice(1)}";`).join("\n")}
import { openMachine } from "luciole";
import type { GrpoOptions } from "luciole/rl";
const options: GrpoOptions = { numPrompts: 3 };
// @ts-expect-error: the types are not any
const wrong: GrpoOptions = { numPrompts: "3" };
console.log(openMachine, options, wrong, ${entries.map((_, i) => `entry${i}`).join(", ")});
`;

beforeAll(() => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "luciole"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", type: "module" }));
  for (const ending of ["ts", "mts", "cts"]) writeFileSync(join(folder, `program.${ending}`), PROGRAM);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function check(file: string, settings: readonly string[]): string {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [compiler, "--noEmit", "--strict", "--target", "es2022", ...settings, file],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
  return `${stdout}${stderr}`;
}

describe("the types of every entry", () => {
  it.each([
    ["program.mts", "node16", "node16"],
    ["program.cts", "node16", "node16"],
    ["program.mts", "nodenext", "nodenext"],
    ["program.cts", "nodenext", "nodenext"],
    ["program.ts", "esnext", "bundler"],
  ])("%s, module %s, resolution %s", (file, module, resolution) => {
    expect(check(file, ["--module", module, "--moduleResolution", resolution])).toBe("");
  });
});

it("a CommonJS program requires it", () => {
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", 'console.log(typeof require("luciole").openMachine)'], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(`${stdout}${stderr}`.trim()).toBe("function");
});

it("options carry their docstrings into the declarations", () => {
  const declarations = readFileSync(join(root, "dist/src/rl/config.d.ts"), "utf8");
  expect(declarations).toMatch(/\/\*\* Problems per step\. \*\/\n\s+numPrompts:/);
});

it("source maps hold the sources", () => {
  const map = JSON.parse(readFileSync(join(root, "dist/src/errors.js.map"), "utf8"));
  expect(map.sourcesContent[0]).toContain("class LucioleError");
});

it("everything that a running program reads from the package is shipped", () => {
  const shipped = manifest.files as string[];
  for (const wanted of ["dist/src", "dist/web", "native", "scripts/build-native.mjs", "scripts/compiler.mjs", "docs"])
    expect(shipped).toContain(wanted);
  expect(Object.keys(manifest.dependencies)).toEqual(expect.arrayContaining(["node-api-headers", "@types/node"]));
});
