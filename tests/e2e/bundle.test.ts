// An application bundled into one file runs without node_modules, with the kernels beside it.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, expect, it } from "vitest";
import { availableIsas, kernelFile } from "../../src/backends/native/kernel-files.js";
import { packageRoot } from "../../src/package-root.js";

const APPLICATION = `
import { openMachine } from "luciole";
openMachine({ warn: (line) => console.error(line) }).then(({ isa }) => console.log(isa));`;

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "luciole-bundle-"));
const kernels = dirname(kernelFile(availableIsas()[0]) as string);

beforeAll(async () => {
  const entry = join(folder, "application.mjs");
  writeFileSync(entry, APPLICATION);
  const alias = { luciole: join(packageRoot(), "dist", "src", "index.js") };
  const bundle = await rolldown({ input: entry, platform: "node", resolve: { alias }, logLevel: "silent" });
  for (const [format, ending] of [
    ["esm", "mjs"],
    ["cjs", "cjs"],
  ] as const)
    await bundle.write({ format, file: join(folder, `bundle.${ending}`) });
  await bundle.close();
  rmSync(entry);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(file: string, env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string; stderr: string }> {
  const { LUCIOLE_KERNELS: _, LUCIOLE_ISA: __, ...rest } = process.env;
  return run(process.execPath, [join(folder, file)], { cwd: folder, env: { ...rest, ...env } });
}

it.each(["bundle.mjs", "bundle.cjs"])(
  "%s says where to put the kernels, and finds them there or through LUCIOLE_KERNELS",
  async (file) => {
    const without = await start(file);
    expect(without.stdout.trim()).toBe("reference");
    expect(without.stderr).toContain(`npx luciole setup --to ${join(folder, "luciole-kernels")}`);
    const [isa] = availableIsas();
    expect((await start(file, { LUCIOLE_KERNELS: kernels })).stdout.trim()).toBe(isa);
    symlinkSync(kernels, join(folder, "luciole-kernels"));
    expect((await start(file)).stdout.trim()).toBe(isa);
    rmSync(join(folder, "luciole-kernels"));
  },
);
