// Rotary settings through a GGUF file: what is written means in llama.cpp's arithmetic what config.json means, and
// reads back so.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { familyOf } from "../models/families.js";
import { type HfConfig, parseHfConfig } from "../models/hf-config.js";
import { contextOf, ropeScalingOf, softmaxScaleOf } from "../models/rope-scaling.js";
import { ropeTable } from "../nn/rope-frequencies.js";
import { openGguf } from "./gguf.js";
import { ggufSettingsOf, hfConfigOfGguf } from "./gguf-config.js";
import { ropeDifferences, ropeDivisorsOf } from "./gguf-rope.js";
import { type GgufSetting, writeGguf } from "./gguf-writer.js";
import { float32Bytes } from "./host-tensor.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-gguf-rope-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const golden = fileURLToPath(new URL("../../tests/golden/rope.json", import.meta.url));
const { rows } = JSON.parse(readFileSync(golden, "utf8")) as {
  rows: { name: string; config: Record<string, unknown> }[];
};
const configOf = (name: string) => parseHfConfig(rows.find((row) => row.name === name)!.config);

/** The configuration that a GGUF file of these settings has. */
async function readBack(
  config: HfConfig,
  settings: readonly GgufSetting[],
  divisors = ropeDivisorsOf(config),
): Promise<HfConfig> {
  const path = join(directory, "model.gguf");
  const architecture: GgufSetting = ["general.architecture", "string", familyOf(config).gguf.architecture];
  const embedding = {
    name: "token_embd.weight",
    dtype: "f32" as const,
    shape: [config.vocab_size, 1],
    chunks: () => [new Uint8Array(4 * config.vocab_size)],
  };
  await writeGguf(path, [architecture, ...settings], [embedding]);
  const file = await openGguf(path);
  const read = hfConfigOfGguf(
    file,
    new Map([...divisors].map(([name, values]) => [name, new Float32Array(float32Bytes(values).slice().buffer)])),
  );
  await file.close();
  return parseHfConfig(read);
}

function effectOf(config: HfConfig) {
  const width = Number("qk_rope_head_dim" in config ? config.qk_rope_head_dim : config.head_dim);
  const table = (context: number) => ropeTable(width, config.rope_theta, ropeScalingOf(config, context));
  const short = table(contextOf(config));
  return {
    short,
    long: table(config.max_position_embeddings),
    softmax: "kv_lora_rank" in config ? softmaxScaleOf(config) : 1,
  };
}

function expectSame(read: HfConfig, original: HfConfig): void {
  const [got, wanted] = [effectOf(read), effectOf(original)];
  expect(got.softmax / wanted.softmax).toBeCloseTo(1, 5);
  for (const length of ["short", "long"] as const) {
    expect(got[length].factor / wanted[length].factor).toBeCloseTo(1, 5);
    for (const [i, f] of wanted[length].invFreq.entries())
      expect(got[length].invFreq[i] / f, `frequency ${i}, ${length}`).toBeCloseTo(1, 5);
  }
}

/** What llama.cpp multiplies cos and sin, and the softmax scale, by: its own steps, with the settings of a file. */
function llamaCppScales(architecture: string, settings: readonly GgufSetting[]): { cosine: number; softmax: number } {
  const value = (key: string) =>
    settings.find(([name]) => name === `${architecture}.rope.scaling.${key}`)?.[2] as number | undefined;
  const [factor, logMultiplier] = [
    value("factor") ?? 1,
    architecture === "deepseek2" ? (value("yarn_log_multiplier") ?? 0) / 0.1 : 0,
  ];
  const isYarn = (value("type") as unknown) === "yarn";
  const mscale = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const cancelled = 1 + 0.1 * Math.log(factor);
  const own = isYarn ? (logMultiplier !== 0 ? 1 : mscale(1)) / cancelled : 1;
  const attention = own * (value("attn_factor") ?? 1);
  const softmax =
    architecture === "deepseek2" ? (attention * cancelled * (1 + 0.1 * logMultiplier * Math.log(factor))) ** 2 : 1;
  return { cosine: attention * (isYarn ? cancelled : 1), softmax };
}

const REFUSED = /truncate false|^(qwen2|deepseek_v.): (llama3|longrope)/;

describe("rotary settings in a GGUF file", () => {
  test.each(rows.filter(({ name }) => !REFUSED.test(name)))(
    "$name: written, read by llama.cpp's rule and by ours",
    async ({ config: raw }) => {
      const config = parseHfConfig(raw);
      const settings = ggufSettingsOf(config);
      const { cosine, softmax } = llamaCppScales(familyOf(config).gguf.architecture, settings);
      expect(cosine).toBeCloseTo(effectOf(config).short.factor, 6);
      expect(softmax).toBeCloseTo(effectOf(config).softmax, 6);
      expectSame(await readBack(config, settings), config);
    },
  );

  test.each(rows.filter(({ name }) => REFUSED.test(name)))("$name: refused by name", ({ config: raw, name }) => {
    expect(() => ggufSettingsOf(parseHfConfig(raw))).toThrow(
      name.includes("truncate") ? /truncate false/ : /rope_scaling (llama3|longrope) of a/,
    );
  });

  test(
    "the attention factor of R1-0528-Qwen3-8B's file, which cancels " + "YaRN's, is honoured as llama.cpp does",
    async () => {
      const config = configOf("qwen2: yarn");
      const settings: GgufSetting[] = [
        ...ggufSettingsOf(config),
        ["qwen2.rope.scaling.attn_factor", "f32", 0.8782488562869419],
      ];
      const read = await readBack(config, settings);
      expect(read.rope_scaling).toMatchObject({ rope_type: "yarn", attention_factor: 1 });
      expect(effectOf(read).short.factor).toBe(1);
    },
  );

  test("a factor without a type is linear, under the old key too; a type none scales nothing", async () => {
    const config = configOf("llama: none");
    const plain = ggufSettingsOf(config);
    for (const key of ["rope.scaling.factor", "rope.scale_linear"]) {
      expect((await readBack(config, [...plain, [`llama.${key}`, "f32", 4]])).rope_scaling).toEqual({
        rope_type: "linear",
        factor: 4,
      });
    }
    const none: GgufSetting[] = [
      ...plain,
      ["llama.rope.scaling.type", "string", "none"],
      ["llama.rope.scaling.factor", "f32", 4],
    ];
    expect((await readBack(config, none)).rope_scaling).toBeNull();
  });

  test("divisors that follow no rule hold at every length", async () => {
    const config = configOf("llama: none");
    const divisors = Float32Array.from({ length: 16 }, (_, i) => 1 + ((i * 7) % 5));
    const read = await readBack(config, ggufSettingsOf(config), new Map([["rope_freqs.weight", divisors]]));
    expect(effectOf(read).short.invFreq[3] * divisors[3]).toBeCloseTo(effectOf(config).short.invFreq[3], 6);
    expect(contextOf(read)).toBe(config.max_position_embeddings);
  });

  test("a setting of positions that nobody knows is refused by name", async () => {
    const config = configOf("llama: none");
    const settings: GgufSetting[] = [...ggufSettingsOf(config), ["llama.rope.dimension_sections", "i32s", [1, 2, 3]]];
    await expect(readBack(config, settings)).rejects.toThrow(
      "llama.rope.dimension_sections: rotary position settings that are not supported",
    );
  });

  test("what llama.cpp reads and our models do not do is refused by name", async () => {
    const config = configOf("deepseek_v3: none");
    const plain = ggufSettingsOf(config);
    await expect(readBack(config, [...plain, ["deepseek2.attention.causal", "bool", false]])).rejects.toThrow(
      "deepseek2.attention.causal is false",
    );
    await expect(readBack(config, [...plain, ["deepseek2.attention.temperature_scale", "f32", 0.5]])).rejects.toThrow(
      "temperature_scale is 0.5",
    );
    await readBack(config, [
      ...plain,
      ["deepseek2.attention.causal", "bool", true],
      ["deepseek2.attention.temperature_scale", "f32", 0],
    ]);
  });

  test("what llama.cpp reads otherwise is told", () => {
    expect(ropeDifferences(configOf("llama: yarn, betas"))).toEqual([
      "llama.cpp assumes YaRN's beta_fast and beta_slow to be 32 and 1, this model has 16 and 2",
    ]);
    expect(ropeDifferences(configOf("qwen2: dynamic"))[0]).toContain("no dynamic rope scaling");
    expect(ropeDifferences(configOf("llama: yarn"))).toEqual([]);
  });
});
