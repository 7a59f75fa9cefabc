// `luciole inspect` from outside, on models of which there is nothing but a name, and on one whose names steer
// terminals.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeGguf } from "../../src/checkpoint/gguf-writer.js";
import { writeSafetensors } from "../../src/checkpoint/safetensors.js";
import { toHfConfigJson } from "../../src/models/hf-config.js";
import { publishedConfig } from "../../src/models/published.js";
import { luciole, succeed } from "./command.js";

test("DeepSeek-V3 is described by its name: parameters, bytes a token, and what running it would take", async () => {
  const { stdout } = await succeed(["inspect", "random:v3@e4m3", "--json", "--context", "1000"]);
  const facts = JSON.parse(stdout);
  expect(facts).toMatchObject({
    architecture: "deepseek_v3",
    mtpDepths: 1,
    kvBytesPerToken: { latent: 70272, latentFp8: 40016 },
  });
  expect(facts.kvBytesAtContext.latent).toBe(70_272_000);
  expect(facts.memory.weights).toBeGreaterThan(671e9);
  expect(facts.memory.total).toBeLessThan(1.05 * facts.memory.weights);
});

test("a shape that nobody published is refused with those that were", async () => {
  const { code, stderr } = await luciole(["inspect", "random:v9"]);
  expect(code).toBe(2);
  expect(stderr).toContain("choose one of v3, v2-lite");
});

test("names of tensors cannot steer the terminal, listed, in a problem or as JSON", async () => {
  const folder = mkdtempSync(join(tmpdir(), "luciole-inspect-"));
  try {
    const evil = "x\x1b]0;owned\x07\u009b31m";
    await writeSafetensors(
      join(folder, "model.safetensors"),
      new Map([[evil, { dtype: "f32", shape: [1], data: new Uint8Array(4) }]]),
    );
    writeFileSync(join(folder, "config.json"), JSON.stringify(toHfConfigJson(publishedConfig("r1-distill-qwen-1.5b"))));
    for (const args of [["--tensors"], ["--tensors", "--json"]]) {
      const { stdout, stderr } = await luciole(["inspect", folder, ...args]);
      expect(stdout).toContain("x");
      expect(stdout).toContain("owned");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a GGUF file of an unknown architecture is described, and why it cannot run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "luciole-inspect-"));
  try {
    const path = join(folder, "new.gguf");
    const tensor = { name: "w", dtype: "i32" as const, shape: [3, 64], chunks: () => [new Uint8Array(768)] };
    await writeGguf(
      path,
      [
        ["general.architecture", "string", "newmodel"],
        ["newmodel.block_count", "u32", 30],
      ],
      [tensor],
    );
    const { stdout } = await succeed(["inspect", path, "--tensors"]);
    expect(stdout).toMatch(/^architecture +newmodel: 30 layers$/m);
    expect(stdout).toMatch(/^stored +1 tensors \(1 I32\)/m);
    expect(stdout).toMatch(/^cannot run +general\.architecture "newmodel" is not supported/m);
    expect(stdout).toMatch(/^ +1 tensor is stored as I32, which is not supported$/m);
    expect(stdout).toMatch(/^ {2}w {2}I32 \[3, 64\]$/m);
    const facts = JSON.parse((await succeed(["inspect", path, "--json"])).stdout);
    expect(facts).toMatchObject({ architecture: "newmodel", layers: 30, parameters: 192 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
