// What pretraining works on: tokenizer and architecture asked for, checked before anything is made.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../errors.js";
import { saveTokenizer } from "../tokenizer/tokenizer-files.js";
import { type PretrainingRequest, pretrainingData } from "./pretraining-data.js";
import { pretrainOptions } from "./training-options.js";

let folder: string;
let corpus: string;
const TEXT = Array.from({ length: 60 }, (_, i) => `the cat sat on mat ${i}\n`).join("");
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-pretraining-"));
  corpus = join(folder, "text.txt");
  writeFileSync(corpus, TEXT);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const make = (request: Partial<PretrainingRequest> = {}, options: object = {}) =>
  pretrainingData({
    corpus: [corpus],
    model: "llama-tiny",
    tokenizer: "byte",
    seed: 1,
    options: pretrainOptions({ vocabSize: 300, ...options }),
    ...request,
  });

describe("the tokenizer", () => {
  test.each([
    ["char", (size: number) => size < 40],
    ["byte", (size: number) => size === 256 + 7],
    ["bpe", (size: number) => size > 256 + 7 && size <= 300],
  ])("%s is made from the corpus and reads it back", async (kind, fits) => {
    const { tokenizer, config } = await make({ tokenizer: kind });
    expect(tokenizer.decode(tokenizer.encode(TEXT))).toBe(TEXT);
    expect(fits(tokenizer.vocabSize)).toBe(true);
    expect(config).toMatchObject({ vocab_size: tokenizer.vocabSize, eos_token_id: tokenizer.eosId });
  });
  test("of a directory is taken as it is", async () => {
    const made = (await make({ tokenizer: "bpe" })).tokenizer;
    saveTokenizer(made, join(folder, "tokenizer"));
    expect((await make({ tokenizer: join(folder, "tokenizer") })).tokenizer.encode("the cat")).toEqual(
      made.encode("the cat"),
    );
  });
  test("of another name is refused with the nearest", async () => {
    await expect(make({ tokenizer: "bpee" })).rejects.toThrow(/did you mean "bpe"\?/);
  });
});

describe("the architecture", () => {
  test("is a preset or a file, with fields changed", async () => {
    const path = join(folder, "config.json");
    writeFileSync(path, JSON.stringify((await make()).config));
    expect((await make({ model: path }, { model: { hidden_size: 64 } })).config).toMatchObject({
      model_type: "llama",
      hidden_size: 64,
    });
    expect((await make({ model: "deepseek-tiny" })).config.model_type).toBe("deepseek_v3");
  });
  test.each([
    ["an unknown name", { model: "lama-tiny" }, {}, /did you mean "llama-tiny"\?/],
    [
      "an unknown field",
      {},
      { model: { hiden_size: 1 } },
      /unknown option "model\.hiden_size", did you mean "hidden_size"\?/,
    ],
    [
      "sizes that contradict each other",
      {},
      { model: { num_key_value_heads: 3 } },
      /must be a multiple of num_key_value_heads 3/,
    ],
    ["a context beyond the model's", {}, { context: 10_000 }, /context 10000 is longer than the model's 512/],
    ["neither corpus nor traces", { corpus: undefined }, {}, /either --corpus <file> or --traces <task>/],
    ["both", { traces: "countdown" }, {}, /either --corpus <file> or --traces <task>/],
    ["traces of a task that has none", { corpus: undefined, traces: "arithmetic" }, {}, /only these tasks .*countdown/],
  ])("%s is refused", async (_, request, options, message) => {
    await expect(make(request, options)).rejects.toThrow(ConfigError);
    await expect(make(request, options)).rejects.toThrow(message);
  });
});

test("the data is the same each time, and of traces it remembers how prompts are put", async () => {
  const traces = () => make({ corpus: undefined, traces: "countdown" }, { task: { maxTarget: 30 } });
  expect((await traces()).data.sequences(3, 4)).toEqual((await traces()).data.sequences(3, 4));
  expect((await traces()).generation).toEqual({
    prompt_template: "compact",
    task: "countdown",
    task_options: { numbers: { 3: 1 }, maxNumber: 20, maxTarget: 30, heldOutFraction: 0.1 },
  });
  expect((await make()).data.sequences(0, 5)).toEqual((await make()).data.sequences(0, 5));
});
