// The command that is suggested is one that works where it is read.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { packageRoot } from "../package-root.js";
import { ownCommand, shellWord, shownPath } from "./own-command.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-command-"));
afterAll(() => rmSync(folder, { recursive: true }));
function withCommand(name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "luciole"), "");
  return path;
}
const elsewhere = join(folder, "elsewhere");

test("on the path it is its name, wherever one is", () => {
  const PATH = ["/nowhere", withCommand("bin")].join(delimiter);
  for (const cwd of [packageRoot(), elsewhere]) expect(ownCommand({ env: { PATH }, cwd })).toBe("luciole");
});

test(
  "in a clone, and in a project that has it, it is called through npx, also while npm has put it on the " + "path",
  () => {
    const bin = withCommand(join("project", "node_modules", ".bin"));
    const [project, inside] = [join(folder, "project"), join(folder, "project", "deep", "down")];
    for (const cwd of [packageRoot(), join(packageRoot(), "src", "cli"), project, inside])
      for (const PATH of ["", bin]) expect(ownCommand({ env: { PATH }, cwd })).toBe("npx luciole");
    expect(ownCommand({ env: { PATH: bin, npm_command: "exec" }, cwd: elsewhere })).toBe("npx luciole");
  },
);

test("elsewhere it is called by its file", () => {
  expect(ownCommand({ env: { PATH: "" }, cwd: elsewhere })).toMatch(/^node \S*\/dist\/src\/cli\/main\.js$/);
});

test.each([
  "plain/run-1",
  "with space",
  "$(touch owned)",
  "`id`",
  'a"b',
  "it's",
  "a;b",
  "~x",
  "!x",
  "*",
  "#x",
  "-rf",
  "--out=x",
  "ü",
])("a shell reads %s as the one word that was meant, and no program takes it for an option", (name) => {
  const words = execFileSync("sh", ["-c", `printf '%s\\n' ${shellWord(name)}`], { cwd: folder, encoding: "utf8" });
  expect(words).toBe(`${name}\n`);
  const path = execFileSync("sh", ["-c", `printf '%s\\n' ${shownPath(join(folder, name), folder)}`], {
    cwd: folder,
    encoding: "utf8",
  }).trimEnd();
  expect(path.startsWith("-")).toBe(false);
  expect(join(folder, path)).toBe(join(folder, name));
});
