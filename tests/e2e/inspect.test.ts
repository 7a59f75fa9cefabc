// `luciole inspect` from outside, on models of which there is nothing but a name.
import { expect, test } from "vitest";
import { luciole, succeed } from "./command.js";

test("DeepSeek-V3 is described by its name: parameters, bytes a token, and what running it would take", async () => {
  const { stdout } = await succeed(["inspect", "random:v3@e4m3", "--json", "--context", "1000"]);
  const facts = JSON.parse(stdout);
  expect(facts).toMatchObject({ architecture: "deepseek_v3", mtpDepths: 1, kvBytesPerToken: { latent: 70272, latentFp8: 40016 } });
  expect(facts.kvBytesAtContext.latent).toBe(70_272_000);
  expect(facts.memory.weights).toBeGreaterThan(671e9);
  expect(facts.memory.total).toBeLessThan(1.05 * facts.memory.weights);
});

test("a shape that nobody published is refused with those that were", async () => {
  const { code, stderr } = await luciole(["inspect", "random:v9"]);
  expect(code).toBe(2);
  expect(stderr).toContain("choose one of v3, v2-lite");
});
