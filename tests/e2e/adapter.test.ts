// Claims about adapters at the command line: sft trains one over a quantised file, run opens it, with --adapter or by
// itself, merge writes a model that answers the same, and what does not fit is refused in one line.
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { load } from "../../src/index.js";
import { luciole, settings, start, succeed, temporaryFolder } from "./command.js";
import { makeSmallModel, pretrain } from "./small-runs.js";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
const GREEDY = ["--max-tokens", "12", "--temperature", "0", "--json"];
/** What the model answers, without how fast it was. */
async function ask(model: string, ...flags: string[]): Promise<string> {
  const { answer, numTokens } = JSON.parse((await succeed(["run", model, "3 and 3?", ...flags, ...GREEDY])).stdout);
  return `${numTokens}: ${answer}`;
}

beforeAll(async () => {
  await makeSmallModel(folder.path);
  for (const [file, letter] of [
    ["pairs.jsonl", "a"],
    ["others.jsonl", "b"],
  ])
    writeFileSync(
      at(file),
      Array.from({ length: 16 }, (_, i) => `{"prompt":"${i} and ${i}?","completion":"${letter.repeat(8)}"}\n`).join(""),
    );
  await succeed(["convert", at("model"), at("base.gguf"), "--type", "q8_0"]);
  const options = settings({ "lora.rank": 4, steps: 30, batchSequences: 4, learningRate: 0.03, warmupSteps: 0 });
  const tune = (data: string, out: string) =>
    succeed(["sft", "--model", at("base.gguf"), "--data", at(data), "--out", at(out), ...options]);
  await tune("pairs.jsonl", "tuned");
  await tune("others.jsonl", "other-tuned");
}, 300_000);
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

test("several adapters in one engine: run answers with each, load with the one asked for", async () => {
  const both = ["--adapter", `own=${at("tuned")}`, "--adapter", `other=${at("other-tuned")}`];
  const { stdout } = await succeed(["run", at("base.gguf"), "3 and 3?", ...both, ...GREEDY]);
  const records = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records.map(({ adapter }) => adapter)).toEqual(["own", "other"]);
  const [own, other] = records.map(({ numTokens, answer }) => `${numTokens}: ${answer}`);
  expect(own).toBe(await ask(at("tuned")));
  expect(other).toBe(await ask(at("other-tuned")));
  expect(other).toMatch(/bbb/);
  const alone = await ask(at("base.gguf"));
  for (const thread of [false, true]) {
    const places = { own: at("tuned"), other: at("other-tuned") };
    await using model = await load(at("base.gguf"), { adapter: places, thread });
    expect(model.adapters).toEqual(["own", "other"]);
    const asked = ["other", null, "own", undefined].map(async (adapter) => {
      const { answer, figures } = await model.chat("3 and 3?", { adapter, maxTokens: 12, temperature: 0 });
      return `${figures.numTokens}: ${answer}`;
    });
    expect(await Promise.all(asked)).toEqual([other, alone, own, own]);
    await expect(model.chat("3?", { adapter: "owm" })).rejects.toThrow(
      'unknown adapter "owm", did you mean "own"?; expected own, other, or null for the base',
    );
  }
});

test("eval measures with an adapter, and chat answers with it", async () => {
  const rows = Array.from({ length: 4 }, (_, i) => `{"prompt":"${i} and ${i}?","answer":"${"a".repeat(8)}"}\n`);
  writeFileSync(at("asked.jsonl"), rows.join(""));
  const measured = async (out: string, ...flags: string[]) => {
    const sizes = ["--problems", "2", "--samples", "1", "--max-tokens", "12", "--temperature", "0"];
    await succeed([
      "eval",
      at("base.gguf"),
      "--data",
      at("asked.jsonl"),
      "--template",
      "compact",
      ...sizes,
      "--out",
      at(out),
      ...flags,
    ]);
    const lines = readFileSync(at(`${out}/sampled.jsonl`), "utf8")
      .trim()
      .split("\n");
    return lines.map((line) => JSON.parse(line).text);
  };
  const [base, own] = [await measured("of-base"), await measured("of-own", "--adapter", at("tuned"))];
  for (const text of own) expect(text).toMatch(/^a+/);
  for (const text of base) expect(text).not.toMatch(/^a+/);

  writeFileSync(at("input.txt"), "3 and 3?\n/adapter off\n3 and 3?\n");
  const chat = ["chat", at("base.gguf"), "--adapter", at("tuned"), "--max-tokens", "12", "--temperature", "0"];
  const { stdout } = await start(chat, { shell: `"$@" < ${at("input.txt")}` }).ended;
  const [adapted, plain] = stdout.split("\n");
  expect(adapted).toMatch(/^a+/);
  expect(plain).not.toMatch(/^a+/);
});

test("an adapter finds its base beside it, wherever both lie", async () => {
  mkdirSync(at("pair"));
  cpSync(at("tuned/checkpoints/step-30"), at("pair/adapter"), { recursive: true });
  copyFileSync(at("base.gguf"), at("pair/base.gguf"));
  const file = at("pair/adapter/adapter_config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: "../base.gguf" }));
  expect(await ask(at("pair/adapter"))).toBe(await ask(at("tuned")));
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
  expect(
    await refused("run", at("base.gguf"), "x", "--adapter", at("tuned"), "--adapter", at("other-tuned")),
  ).toContain("Several adapters need names");
  expect(await refused("convert", at("tuned"), at("x"))).toContain("is an adapter, not a model; luciole merge");
  copyFileSync(at("pairs.jsonl"), at("more.jsonl"));
  expect(await refused("sft", "--model", at("tuned"), "--data", at("more.jsonl"), "--out", at("again"))).toContain(
    "is an adapter; merge it into its model first",
  );
  expect(
    await refused(
      ...["rl", "--model", at("base.gguf"), "--task", "arithmetic", "--out", at("dropped")],
      ...settings({ "lora.dropout": 0.1 }),
    ),
  ).toContain('"lora.dropout": reinforcement learns from the probabilities that were sampled, without dropout');
});
