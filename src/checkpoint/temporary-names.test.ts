// What a killed writer left behind is removed, and nothing of one that is at work.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeAbandoned, temporaryDirectory, temporaryFile } from "./temporary-names.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-temporary-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The same name as of another process. */
const ofProcess = (path: string, pid: number | undefined) =>
  join(folder, basename(path).replace(`-${process.pid}-`, `-${pid}-`));

test(
  "files and directories of a process that has ended go, those " + "of one at work and of other machines stay",
  async () => {
    const { pid: ended } = spawnSync(process.execPath, ["--version"]);
    const [file, directory] = [temporaryFile(join(folder, "a.gguf")), temporaryDirectory(join(folder, "model"))];
    const elsewhere = join(folder, `b.gguf.tmp-00000000-${ended}-12345678`);
    writeFileSync(ofProcess(file, ended), "");
    mkdirSync(join(ofProcess(directory, ended), "inside"), { recursive: true });
    for (const kept of [file, elsewhere, join(folder, "a.gguf"), join(folder, "my.tmp-1")]) writeFileSync(kept, "");
    mkdirSync(directory);
    await removeAbandoned(folder);
    expect(readdirSync(folder).sort()).toEqual(
      [basename(directory), "a.gguf", basename(file), basename(elsewhere), "my.tmp-1"].sort(),
    );
  },
);

test("a folder that is not there has nothing abandoned", async () => {
  await expect(removeAbandoned(join(folder, "none"))).resolves.toBeUndefined();
});
