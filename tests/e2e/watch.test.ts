// `luciole watch` from outside: it serves the page of a run, ends when it is told to, and says what cannot be.
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Running, root, start, temporaryFolder } from "./command.js";
import { inProcess } from "./in-process.js";

const runs = join(root, "tests", "e2e", "former-runs");
const folder = temporaryFolder();
afterAll(() => folder.remove());

/** The address in the JSON that it prints. */
async function firstLine({ child }: Running): Promise<string> {
  const [chunk] = await once(child.stdout as NodeJS.ReadableStream, "data");
  return (JSON.parse(String(chunk)) as { url: string }).url;
}

test.each([
  [join(runs, "zero"), "/runs/zero", ["zero"]],
  [runs, "/runs", ["pretrain", "zero"]],
])("of %s at %s", async (path, page, names) => {
  const watching = start(["watch", path, "--port", "0", "--json"]);
  const url = new URL(await firstLine(watching));
  expect(`${url}`).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:\\d+${page}$`));
  expect(await (await fetch(url)).text()).toContain('<div id="app">');
  const listed = (await (await fetch(new URL("/luciole/runs", url))).json()) as { runs: { name: string }[] };
  expect(listed.runs.map(({ name }) => name).sort()).toEqual(names);
  watching.child.kill("SIGTERM");
  expect((await watching.ended).code).toBe(143);
});

test("nothing there, no run there, and a port that is taken", async () => {
  mkdirSync(join(folder.path, "empty"));
  const watch = async (...args: readonly string[]) => {
    const { code, stderr } = await inProcess(["watch", ...args]);
    return `${code} ${stderr}`;
  };
  expect(await watch(join(folder.path, "none"))).toMatch(/^2 error: .*none: there is nothing here; name the directory/);
  expect(await watch(join(folder.path, "empty"))).toMatch(
    /^2 error: .*empty: there is no run here; name the directory/,
  );
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  expect(await watch(join(runs, "zero"), "--port", String(port))).toContain(`port ${port} of 127.0.0.1 is taken`);
  other.close();
});
