// Folders are made with the system's own reason when they cannot be.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { makeDirectory } from "./atomic-file.js";
import { packageRoot } from "./package-root.js";

const built = join(packageRoot(), "dist/src/atomic-file.js");
/** Runs a line of shell where the file system at /mnt is read-only; null where this user may make no such place. */
function onReadOnly(line: string) {
  const { status, stdout } = spawnSync(
    "unshare",
    ["-rm", "sh", "-c", `mount -t tmpfs -o ro none /mnt && echo mounted && ${line}`],
    { encoding: "utf8" },
  );
  return stdout?.startsWith("mounted") ? { status, said: stdout.slice("mounted\n".length) } : null;
}

test("a whole path of them is made, and one that is there is no fault", () => {
  const folder = mkdtempSync(join(tmpdir(), "luciole-folders-"));
  makeDirectory(join(folder, "a", "b", "c"));
  makeDirectory(join(folder, "a", "b", "c"));
  expect(existsSync(join(folder, "a", "b", "c"))).toBe(true);
  rmSync(folder, { recursive: true });
});

test.skipIf(onReadOnly("true") === null)(
  "a read-only file system is called one, where Node's own call says ENOENT",
  () => {
    const script =
      `import(${JSON.stringify(pathToFileURL(built).href)}).then((m) => ` +
      `m.makeDirectory("/mnt/a/b")).catch((error) => process.stdout.write(error.code))`;
    expect(onReadOnly(`"${process.execPath}" -e '${script}'`)?.said).toBe("EROFS");
  },
);
