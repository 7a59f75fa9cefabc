// `eval`, `rl` and `sft` from outside on every form of model that `run` takes: a GGUF file, FP8 blocks, a directory
// that holds one GGUF file. Problems are put by the model's own chat template, here R1's, with the instruction of R1's
// evaluations.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { settings, succeed, temporaryFolder } from "./command.js";
import { writeR1Tokenizer } from "./taught-model.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });
const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);
afterAll(() => folder.remove());

const SHAPE = {
  model_type: "llama",
  hidden_size: 64,
  num_hidden_layers: 1,
  intermediate_size: 128,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 256,
};
const QUESTION = "What is 7*8?";
const PROMPT =
  `<｜begin▁of▁sentence｜><｜User｜>${QUESTION}\nPlease reason step by step, and put your final answer ` +
  "within \\boxed{}.<｜Assistant｜><think>\n";

beforeAll(async () => {
  writeR1Tokenizer(at("tokenizer"));
  writeFileSync(at("shape.json"), JSON.stringify(SHAPE));
  writeFileSync(at("corpus.txt"), "What is 7*8? The answer is 56.\n".repeat(200));
  writeFileSync(
    at("problems.jsonl"),
    `${JSON.stringify({ prompt: QUESTION, answer: "56" })}\n${JSON.stringify({ prompt: "1+1?", answer: "2" })}\n`,
  );
  writeFileSync(at("pairs.jsonl"), `${JSON.stringify({ prompt: "1+1=", completion: "2" })}\n`);
  const base = [
    "pretrain",
    "--corpus",
    at("corpus.txt"),
    "--model",
    at("shape.json"),
    "--tokenizer",
    at("tokenizer"),
    "--out",
    at("run"),
  ];
  await succeed([...base, ...settings({ steps: 1, batchSequences: 2 })]);
  await succeed(["convert", at("run"), at("model.gguf"), "--type", "q8_0"]);
  await succeed(["convert", at("run"), at("fp8"), "--type", "e4m3"]);
  mkdirSync(at("holds-one"));
  cpSync(at("model.gguf"), at("holds-one/model.gguf"));
});

describe.each(["model.gguf", "fp8", "holds-one", "run"])("%s", (name) => {
  test("is evaluated by its chat template", async () => {
    const flags = [
      "--data",
      at("problems.jsonl"),
      "--problems",
      "all",
      "--samples",
      "2",
      "--max-tokens",
      "6",
      "--json",
      ...settings({ heldOutFraction: 1 }),
    ];
    const { stdout } = await succeed(["eval", at(name), ...flags]);
    expect(JSON.parse(stdout)).toMatchObject({
      template: "chat",
      evaluations: [{ problems: 2, samplesPerProblem: 2, pass1: 0 }],
    });
  });

  test("is reinforced by its chat template", async () => {
    const out = at(`rl-${name}`);
    const rl = { steps: 1, numPrompts: 1, numGenerations: 2, maxCompletionLength: 4 };
    const evaluation = { problems: 1, samplesPerProblem: 1, quickProblems: 1, everySteps: 1 };
    const nested = (section: string, values: object) =>
      Object.fromEntries(Object.entries(values).map(([key, value]) => [`${section}.${key}`, value]));
    const sets = settings({ ...nested("rl", rl), ...nested("evaluation", evaluation), "task.heldOutFraction": 0.5 });
    await succeed(["rl", "--model", at(name), "--data", at("problems.jsonl"), "--out", out, ...sets]);
    const prompts = readFileSync(join(out, "samples.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).prompt as string);
    expect(prompts).toContain(PROMPT);
    expect(prompts.every((prompt) => prompt.endsWith("within \\boxed{}.<｜Assistant｜><think>\n"))).toBe(true);
    expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8")).options.source.model).toBe(at(name));
  });

  test("is fine-tuned", async () => {
    await succeed([
      "sft",
      "--model",
      at(name),
      "--data",
      at("pairs.jsonl"),
      "--out",
      at(`sft-${name}`),
      ...settings({ steps: 1, validationFraction: 0 }),
    ]);
  });
});

test("--template puts problems otherwise, and chat needs a template", async () => {
  await succeed(["convert", at("run"), at("base"), "--type", "f32"]);
  const config = JSON.parse(readFileSync(at("base/tokenizer_config.json"), "utf8"));
  writeFileSync(at("base/tokenizer_config.json"), JSON.stringify({ ...config, chat_template: undefined }));
  const flags = [
    "--data",
    at("problems.jsonl"),
    "--problems",
    "1",
    "--samples",
    "1",
    "--max-tokens",
    "4",
    "--json",
    ...settings({ heldOutFraction: 1 }),
  ];
  const evaluate = (template: string) => succeed(["eval", at("base"), ...flags, "--template", template]);
  expect(JSON.parse((await evaluate("plain")).stdout).template).toBe("plain");
  await expect(evaluate("chat")).rejects.toThrow(/the model has no chat template/);
});
