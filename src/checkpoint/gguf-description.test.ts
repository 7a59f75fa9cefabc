// What is said of GGUF files that cannot be run: what they are, and every reason in a line of its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { publishedConfig } from "../models/published.js";
import { ggufSettingsOf } from "./gguf-config.js";
import { describeGguf } from "./gguf-description.js";
import { ggufLayout } from "./gguf-layout.js";
import { openGgufModel } from "./gguf-model.js";
import { type GgufSetting, type GgufWritable, writeGguf } from "./gguf-writer.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-description-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const config = {
  ...publishedConfig("r1-distill-llama-8b"),
  hidden_size: 64,
  intermediate_size: 64,
  vocab_size: 32,
  head_dim: 2,
  num_hidden_layers: 30,
};
const tokenizer: GgufSetting[] = [
  ["tokenizer.ggml.model", "string", "gpt2"],
  ["tokenizer.ggml.pre", "string", "smollm"],
  ["tokenizer.ggml.tokens", "strings", Array.from({ length: 32 }, (_, i) => String.fromCodePoint(0x100 + i))],
];

async function fileOf(
  name: string,
  settings: readonly GgufSetting[],
  matrixType: GgufWritable["dtype"],
): Promise<string> {
  const path = join(directory, name);
  const tensors = ggufLayout(config).map(({ name: tensor, shape, role }): GgufWritable => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    return {
      name: tensor,
      shape,
      dtype: role === "matrix" ? matrixType : "f32",
      chunks: () => [new Uint8Array(4 * count)],
    };
  });
  await writeGguf(path, settings, tensors);
  return path;
}

test("210 tensors of one type that is not supported are one short line", async () => {
  const path = await fileOf(
    "types.gguf",
    [["general.architecture", "string", "llama"], ...ggufSettingsOf(config), ...tokenizer],
    "i32",
  );
  const { problems } = await describeGguf(path);
  expect(problems).toEqual([
    expect.stringMatching(
      /^tensors do not fit the model: blk\.0\.attn_q\.weight, blk\.0\.attn_k\.weight, blk\.0\.attn_v\.weight and 207 more are stored as I32, expected F32, .*MXFP4$/,
    ),
  ]);
  await expect(openGgufModel(path)).rejects.toThrow("and 207 more are stored as I32");
});

test("an unknown architecture is described, with all that keeps it from being run", async () => {
  const settings: GgufSetting[] = [
    ["general.architecture", "string", "newmodel"],
    ["general.name", "string", "New Model 1B"],
    ["newmodel.block_count", "u32", 30],
    ["newmodel.embedding_length", "u32", 64],
    ["newmodel.context_length", "u32", 4096],
    ["tokenizer.ggml.model", "string", "llama"],
  ];
  const description = await describeGguf(await fileOf("architecture.gguf", settings, "i32"));
  expect(description).toMatchObject({
    ...{
      architecture: "newmodel",
      name: "New Model 1B",
      layers: 30,
      hiddenSize: 64,
      maxContext: 4096,
      tokenizer: "llama",
    },
    stored: { dtypes: { I32: 210 } },
  });
  expect(description.problems).toEqual([
    expect.stringMatching(/^general\.architecture "newmodel" is not supported; expected one of /),
    "210 tensors are stored as I32, which is not supported",
    expect.stringMatching(/^the file carries no vocabulary/),
  ]);
});

test("a file that can be run has no problems", async () => {
  const path = await fileOf(
    "sound.gguf",
    [["general.architecture", "string", "llama"], ...ggufSettingsOf(config), ...tokenizer],
    "f32",
  );
  expect(await describeGguf(path)).toMatchObject({
    problems: [],
    tokenizer: "gpt2, pre-tokeniser smollm",
    vocabulary: 32,
  });
});
