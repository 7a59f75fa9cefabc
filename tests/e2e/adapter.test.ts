// Claims about adapters at the command line: sft trains one over a quantised file, run opens it, with --adapter or by
// itself, merge writes a model that answers the same, and what does not fit is refused in one line.
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { luciole, settings, succeed, temporaryFolder } from "./command.js";
import { makeSmallModel, pretrain } from "./small-runs.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
/** What the model answers, without how fast it was. */
async function ask(model: string, ...flags: string[]): Promise<string> {
  const sampling = ["--max-tokens", "12", "--temperature", "0", "--json"];
  const { answer, numTokens } = JSON.parse((await succeed(["run", model, "3 and 3?", ...flags, ...sampling])).stdout);
  return `${numTokens}: ${answer}`;
}

beforeAll(async () => {
  await makeSmallModel(folder.path);
  writeFileSync(
    at("pairs.jsonl"),
    Array.from({ length: 16 }, (_, i) => `{"prompt":"${i} and ${i}?","completion":"aaaaaaaa"}\n`).join(""),
  );
  await succeed(["convert", at("model"), at("base.gguf"), "--type", "q8_0"]);
  const options = settings({ "lora.rank": 4, steps: 30, batchSequences: 4, learningRate: 0.03, warmupSteps: 0 });
  await succeed(["sft", "--model", at("base.gguf"), "--data", at("pairs.jsonl"), "--out", at("tuned"), ...options]);
}, 120_000);
afterAll(() => folder.remove());

test("a run that trained an adapter opens by itself, as --adapter over its base does", async () => {
  const tuned = await ask(at("tuned"));
  expect(tuned).toMatch(/aaa/);
  expect(await ask(at("base.gguf"), "--adapter", at("tuned"))).toBe(tuned);
  expect(await ask(at("base.gguf"), "--adapter", at("tuned/checkpoints/step-30"))).toBe(tuned);
  expect(await ask(at("base.gguf"))).not.toBe(tuned);
});

test("merge writes a model that answers as the adapter does", async () => {
  await succeed(["merge", at("base.gguf"), "--adapter", at("tuned"), "--out", at("merged.gguf"), "--type", "f32"]);
  expect(await ask(at("merged.gguf"))).toBe(await ask(at("tuned")));
});

test("what does not fit is refused in one line", async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await luciole(args);
    expect(code).not.toBe(0);
    return stderr.trim().split("\n").at(-1);
  };
  await succeed(pretrain(at("book.txt"), at("other"), { steps: 1, "model.hidden_size": 64 }));
  expect(await refused("run", at("other"), "x", "--adapter", at("tuned"))).toMatch(
    /does not fit this model: .*lora_A\.weight.* \[4,32\], expected \[4,64\]/,
  );
  expect(await refused("run", at("base.gguf"), "x", "--adapter", at("model"))).toContain("expected an adapter");
  expect(await refused("convert", at("tuned"), at("x"))).toContain("is an adapter, not a model; luciole merge");
  copyFileSync(at("pairs.jsonl"), at("more.jsonl"));
  expect(await refused("sft", "--model", at("tuned"), "--data", at("more.jsonl"), "--out", at("again"))).toContain(
    "is an adapter; merge it into its model first",
  );
  expect(
    await refused(
      ...["sft", "--model", at("base.gguf"), "--data", at("pairs.jsonl"), "--out", at("dropped")],
      ...settings({ "lora.dropout": 0.1 }),
    ),
  ).toContain("dropout is not supported; set it to 0");
});
