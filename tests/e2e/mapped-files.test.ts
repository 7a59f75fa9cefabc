// Model files that change while a model runs on them: cut short ends the process with the file's name, written to fails
// the request, replaced does no harm.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { openBackend } from "../../src/backends/open.js";
import { CheckpointError } from "../../src/errors.js";
import { openForInference, runnerOf } from "../../src/inference/index.js";
import { Engine } from "../../src/inference/runtime/engine.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-mapped-"));
afterAll(() => rmSync(folder, { recursive: true }));
const golden = resolve("tests/golden/cases/deepseek-v3-q-proj");
setDefaultDevice(new Device(await openBackend()));

function copyOfModel(name: string): { path: string; file: string } {
  const path = join(folder, name);
  cpSync(golden, path, { recursive: true });
  return { path, file: join(path, "model.safetensors") };
}

/** Generates, lets `change` happen to the file, generates again. */
async function twice(name: string, change: (file: string) => void): Promise<string> {
  const { path, file } = copyOfModel(name);
  const opened = await openForInference(path);
  const runner = runnerOf(opened);
  const engine = new Engine({ runner });
  const generated = async () =>
    Array.from((await engine.submit({ prompt: Int32Array.of(1, 2, 3), maxNewTokens: 4 }).result).ids).join();
  const first = await generated();
  change(file);
  await new Promise((done) => setTimeout(done, 120)); // files are looked at every tenth of a second at most
  const second = await generated().catch((error) => {
    expect(error).toBeInstanceOf(CheckpointError);
    return error.message as string;
  });
  await engine.close();
  runner.dispose();
  opened.model.dispose();
  return second === first ? "the same" : second;
}

test("a request on a file that was written to in place fails by the file's name", async () => {
  const overwrite = (file: string) => writeSync(openSync(file, "r+"), Buffer.from([1, 2, 3, 4]), 0, 4, 5000);
  expect(await twice("overwritten", overwrite)).toMatch(
    /overwritten.model\.safetensors was changed while the model was in use .*: open the model again/,
  );
});

test("another file under the same name does no harm", async () => {
  const replace = (file: string) => {
    copyFileSync(file, `${file}.new`);
    renameSync(`${file}.new`, file);
  };
  expect(await twice("replaced", replace)).toBe("the same");
});

const CUT = `
const [root, file] = process.argv.slice(1);
const load = (path) => import(root + "/" + path);
const { openBackend } = await load("backends/open.js");
const { Device, setDefaultDevice } = await load("tensor/device.js");
const { mapFile, bytesAs } = await load("tensor/engine.js");
const { cast } = await load("tensor/ops/elementwise.js");
const { statSync, truncateSync } = await import("node:fs");
setDefaultDevice(new Device(await openBackend()));
const { size } = statSync(file);
const weights = bytesAs(mapFile(file, size), 0, [size >> 1], "bf16");
truncateSync(file, 100);
await cast(weights, "f32").data();
console.log("read");
`;

test.runIf(process.platform === "linux")(
  "a file cut short while it is read ends the process with one line that names it",
  () => {
    const { file } = copyOfModel("cut");
    const args = ["--input-type=module", "-e", CUT, pathToFileURL(resolve("dist/src")).href, file];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect({ status, signal, stdout, stderr }).toEqual({
      status: 1,
      signal: null,
      stdout: "",
      stderr: `error: ${file} was cut short while its weights were in use: put the whole file back and start again\n`,
    });
  },
);
