// Conversions: what goes to GGUF and comes back is the same model, quantised ones are off by what their types lose, and
// what does not fit is listed.
import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.js";
import { familyOf } from "../models/families.js";
import { type HfConfig, parseHfConfig } from "../models/hf-config.js";
import { type ConvertedTensor, convertToGguf, convertToHuggingFace } from "./convert-model.js";
import { openGguf } from "./gguf.js";
import { openGgufModel } from "./gguf-model.js";
import { writeGguf } from "./gguf-writer.js";
import { hostTensor, type TensorSource } from "./host-tensor.js";
import { openModelDirectory } from "./model-directory.js";
import { openModelTensors, openSafetensors, writeSafetensors } from "./safetensors.js";
import { storedValues } from "./stored-values.js";
import type { TargetType } from "./weight-encoder.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-convert-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const casePath = (name: string) => fileURLToPath(new URL(`../../tests/golden/cases/${name}`, import.meta.url));

/** Opens a golden model (or a directory) for `body`. */
async function withModel<R>(
  path: string,
  body: (model: { config: HfConfig; weights: TensorSource }) => Promise<R>,
): Promise<R> {
  const { config, weights, close } = await openModelDirectory(path);
  try {
    return await body({ config: parseHfConfig(config), weights });
  } finally {
    await close();
  }
}

const toGguf = (name: string, type: TargetType, heard: ConvertedTensor[] = []) =>
  withModel(casePath(name), async (model) => {
    const path = join(directory, `${name}-${type}.gguf`);
    await convertToGguf(path, model, type, [], { onTensor: (tensor) => heard.push(tensor) });
    return path;
  });

/** The golden model `qwen2-tied` with one more tensor. */
const withExtra = (name: string, body: (model: { config: HfConfig; weights: TensorSource }) => Promise<unknown>) =>
  withModel(casePath("qwen2-tied"), async ({ config, weights }) => {
    const tensors = new Map(
      await Promise.all(weights.names.map(async (each) => [each, await weights.read(each)] as const)),
    );
    const path = join(directory, `${name}.safetensors`);
    await writeSafetensors(path, tensors.set(name, hostTensor(new Float32Array(4))));
    const more = await openSafetensors(path);
    await body({ config, weights: more });
    await more.close();
  });

/** Root mean square of the difference over that of `exact`. */
function relativeError(exact: Float32Array, other: Float32Array): number {
  const sum = (of: (i: number) => number) => exact.reduce((total, _, i) => total + of(i) ** 2, 0);
  return Math.sqrt(sum((i) => other[i] - exact[i]) / sum((i) => exact[i]));
}

const values = async (source: TensorSource, name: string) => (await storedValues(source, name))!.values;

/** What GGUF cannot hold, or says in other settings of the same meaning. */
const OTHERS = [
  "gemma2-query-scale",
  "deepseek-v3-biases",
  "deepseek-v3-half-split-rope",
  "llama-longrope",
  "qwen2-yarn",
  "qwen3-moe-sparse-step",
  "qwen3-yarn",
];
const CASES = readdirSync(casePath("")).filter((name) => !OTHERS.includes(name));
/** Whether a file has a weight with 1 on top. */
const isShifted = (config: HfConfig, tensor: string) =>
  familyOf(config).gguf.normOffset !== undefined && tensor.endsWith("norm.weight");
/** Fields that decide what is computed; the rest is bookkeeping. */
const DECISIVE =
  /^(model_type|vocab_size|hidden_size|intermediate|num_|hidden_act|max_pos|rms|tie|rope_|moe_|n_|kv_|q_lora|qk_(nope|rope)|v_head|topk|scoring|norm_topk|routed|first_k|attention_bias|mlp_bias|use_sliding|sliding|layer_types|norm_topk|decoder_sparse|query_pre|final_logit|attn_logit)/;

describe("a model in a GGUF file", () => {
  test.each(CASES)("%s comes back with its configuration and every number", async (name) => {
    const path = await toGguf(name, "f32");
    await withModel(casePath(name), async ({ config, weights }) => {
      const back = await openGgufModel(path);
      const decisive = (of: object) => Object.fromEntries(Object.entries(of).filter(([key]) => DECISIVE.test(key)));
      const { num_key_value_heads: _, ...expected } = decisive(config) as Record<string, unknown>;
      expect(decisive(back.config)).toMatchObject(expected);
      expect([...back.weights.names].sort()).toEqual([...weights.names].sort());
      for (const each of back.weights.names)
        if (isShifted(config, each)) {
          // 1 + w has fewer bits below 1 than a small w.
          const [got, written] = [await values(back.weights, each), await values(weights, each)];
          const furthest = got.reduce((most, x, i) => Math.max(most, Math.abs(x - written[i])), 0);
          expect(furthest).toBeLessThanOrEqual(2 ** -24);
        } else expect({ each, ...(await back.weights.read(each)) }).toEqual({ each, ...(await weights.read(each)) });
      await back.close();
    });
  });

  test(
    "places what lies in Hugging Face's order, experts as slices " + "of their stack, and only reads the rest",
    async () => {
      const llama = await openGgufModel(await toGguf("llama-llama3-rope", "q8_0"));
      expect(llama.weights.placement("model.layers.0.self_attn.q_proj.weight")).toBeNull();
      expect(llama.weights.placement("model.layers.0.self_attn.v_proj.weight")).toEqual(
        llama.file.placement("blk.0.attn_v.weight"),
      );
      await llama.close();
      const path = await toGguf("deepseek-v3-yarn", "f32");
      const deepseek = await openGgufModel(path);
      expect(deepseek.weights.placement("model.layers.1.self_attn.kv_b_proj.weight")).toBeNull();
      const name = "model.layers.1.mlp.experts.3.up_proj.weight";
      const { byteOffset, sizeBytes, shape } = deepseek.weights.placement(name)!;
      const stack = deepseek.file.placement("blk.1.ffn_up_exps.weight");
      expect([byteOffset, shape]).toEqual([stack.byteOffset + 3 * sizeBytes, stack.shape.slice(1)]);
      expect(new Uint8Array((await readFile(path)).subarray(byteOffset, byteOffset + sizeBytes))).toEqual(
        (await deepseek.weights.read(name)).data,
      );
      await deepseek.close();
    },
  );

  test("with half-split rotary positions is turned to the interleaved ones GGUF means", async () => {
    const back = await openGgufModel(await toGguf("deepseek-v3-half-split-rope", "f32"));
    const { qk_nope_head_dim: nope, qk_rope_head_dim: rotary } = back.config as Extract<
      HfConfig,
      { model_type: "deepseek_v3" }
    >;
    expect(back.config).toMatchObject({ rope_interleave: true });
    await withModel(casePath("deepseek-v3-half-split-rope"), async ({ weights }) => {
      const name = "model.layers.0.self_attn.q_proj.weight";
      const [before, after] = [await values(weights, name), await values(back.weights, name)];
      const row = (of: Float32Array, r: number) => [...of.subarray(r * 32, r * 32 + 32)];
      const width = nope + rotary;
      for (const head of [0, 2]) {
        expect(row(after, head * width + nope - 1)).toEqual(row(before, head * width + nope - 1));
        expect(row(after, head * width + nope + 3)).toEqual(row(before, head * width + nope + rotary / 2 + 1));
      }
    });
    await back.close();
  });

  test("with biases keeps them in the order of their weights' rows", async () => {
    const back = await openGgufModel(await toGguf("deepseek-v3-biases", "f32"));
    expect(back.config).toMatchObject({ attention_bias: true });
    await withModel(casePath("deepseek-v3-biases"), async ({ weights }) => {
      const name = "model.layers.1.self_attn.kv_a_proj_with_mqa.bias";
      const [before, after] = [await values(weights, name), await values(back.weights, name)];
      const rotary = [16, 20, 17, 21, 18, 22, 19, 23].map((row) => before[row]);
      expect([...after]).toEqual([...before.subarray(0, 16), ...rotary]);
      const output = "model.layers.0.self_attn.o_proj.bias";
      expect(await values(back.weights, output)).toEqual(await values(weights, output));
    });
    await back.close();
  });

  test("from before kv_b_proj was split is read whole", async () => {
    const path = await toGguf("deepseek-v2-greedy-yarn", "f32");
    const file = await openGguf(path);
    const old = join(directory, "joined.gguf");
    const setting = (key: string, value: number) => [`deepseek2.${key}`, "u32", value] as const;
    const counts = file.facts.keys
      .filter((key) => file.facts.get(key)?.type === "u32" && !key.endsWith("_mla"))
      .map((key) => [key, "u32", file.facts.count(key)!] as const);
    const floats = file.facts.keys
      .filter((key) => file.facts.get(key)?.type === "f32")
      .map((key) => [key, "f32", file.facts.number(key)!] as const);
    await withModel(casePath("deepseek-v2-greedy-yarn"), async ({ weights, config }) => {
      const {
        qk_nope_head_dim: nope,
        qk_rope_head_dim: rotary,
        v_head_dim: value,
      } = config as Extract<HfConfig, { model_type: "deepseek_v2" }>;
      const widths = [setting("attention.key_length", nope + rotary), setting("attention.value_length", value)];
      const kept = counts.filter(([key]) => !widths.some(([other]) => other === key));
      const texts = [
        ["general.architecture", "string", "deepseek2"],
        ["deepseek2.rope.scaling.type", "string", "yarn"],
      ] as const;
      const tensors = [...file.names]
        .filter((name) => !/attn_[kv]_b/.test(name))
        .map((name) => ({
          ...file.info(name),
          name,
          chunks: async function* () {
            yield (await file.read(name)).data;
          },
        }));
      const joined = [0, 1].map((i) => ({
        ...weights.info(`model.layers.${i}.self_attn.kv_b_proj.weight`),
        name: `blk.${i}.attn_kv_b.weight`,
        chunks: async function* () {
          yield (await weights.read(`model.layers.${i}.self_attn.kv_b_proj.weight`)).data;
        },
      }));
      await writeGguf(old, [...texts, ...kept, ...widths, ...floats], [...tensors, ...joined]);
      const back = await openGgufModel(old);
      expect(back.config).toMatchObject({ model_type: "deepseek_v2", qk_nope_head_dim: nope, v_head_dim: value });
      for (const name of weights.names)
        expect((await back.weights.read(name)).data).toEqual((await weights.read(name)).data);
      await back.close();
    });
    await file.close();
  });

  test("that llama.cpp's qwen3moe cannot express is refused with what stands in the way", async () => {
    await withModel(casePath("qwen3-moe-sparse-step"), async ({ config, weights }) => {
      const to = (changes: object) =>
        convertToGguf(
          join(directory, "moe.gguf"),
          { config: { ...config, ...changes } as HfConfig, weights },
          "f32",
          [],
        );
      await expect(to({})).rejects.toThrow("cannot be written as GGUF: norm_topk_prob is false");
      await expect(to({ norm_topk_prob: true })).rejects.toThrow(
        "decoder_sparse_step or mlp_only_layers leave layers without experts",
      );
    });
  });

  test("of another architecture is refused with those that are supported", async () => {
    const path = join(directory, "mamba.gguf");
    await writeGguf(path, [["general.architecture", "string", "mamba"]], []);
    await expect(openGgufModel(path)).rejects.toThrow(
      'general.architecture "mamba" is not supported; expected one of deepseek2, qwen2, llama',
    );
  });

  test("lists every tensor that is missing, misshapen, of the wrong type or unknown", async () => {
    const file = await openGguf(await toGguf("qwen2-untied", "f32"));
    const number = (key: string) => [key, "u32", file.facts.count(key)!] as const;
    const keys = file.facts.keys.filter((key) => file.facts.get(key)?.type === "u32").map(number);
    const eps = ["qwen2.attention.layer_norm_rms_epsilon", "f32", 1e-6] as const;
    const tensors = file.names.slice(2).map((name) => ({
      ...file.info(name),
      name,
      chunks: async function* () {
        yield (await file.read(name)).data;
      },
    }));
    const embedding = {
      name: "token_embd.weight",
      dtype: "f32" as const,
      shape: [64, 16],
      chunks: () => [new Uint8Array(4096)],
    };
    const norm = {
      name: "output_norm.weight",
      dtype: "q8_0" as const,
      shape: [32],
      chunks: () => [new Uint8Array(34)],
    };
    const extra = { name: "blk.0.surprise", dtype: "f32" as const, shape: [1], chunks: () => [new Uint8Array(4)] };
    const path = join(directory, "wrong.gguf");
    await writeGguf(
      path,
      [["general.architecture", "string", "qwen2"], ...keys, eps],
      [embedding, norm, ...tensors.slice(2), extra],
    );
    await file.close();
    const failure = await openGgufModel(path).catch((error) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    for (const problem of [
      "token_embd.weight is [64,16], expected [64,32]",
      "output_norm.weight is stored as Q8_0, expected F32, F16, BF16",
      "missing ",
      "unexpected blk.0.surprise",
    ]) {
      expect(failure.message).toContain(problem);
    }
  });
});

describe("a quantised model", () => {
  // Rows of 32 numbers hold no whole block of 256: as in llama-quantize q5_0, q5_1 and q8_0 take the places of q4_k,
  // q5_k and q6_k.
  test.each<[TargetType, number, string?]>([
    ["q8_0", 0.008],
    ["q4_0", 0.13],
    ["q4_1", 0.12],
    ["q5_0", 0.06],
    ["q5_1", 0.06],
    ["q4_k", 0.06, "q5_0"],
    ["q5_k", 0.06, "q5_1"],
    ["q6_k", 0.008, "q8_0"],
    ["f16", 0.0005],
    ["bf16", 0.003],
  ])("in %s is off by at most %d, as it reports", async (type, bound, stored = type) => {
    const heard: ConvertedTensor[] = [];
    const back = await openGgufModel(await toGguf("llama-llama3-rope", type, heard));
    await withModel(casePath("llama-llama3-rope"), async ({ weights }) => {
      const measured = relativeError(
        await values(weights, "model.layers.1.mlp.gate_proj.weight"),
        await values(back.weights, "model.layers.1.mlp.gate_proj.weight"),
      );
      const { relativeRms, worst, to } = heard.find(({ name }) => name === "blk.1.ffn_gate.weight")!;
      expect(to).toBe(stored);
      expect(measured).toBeCloseTo(relativeRms, 6);
      expect(measured).toBeGreaterThan(0);
      expect(measured).toBeLessThan(bound);
      expect(worst).toBeGreaterThan(0);
      expect(await values(back.weights, "model.norm.weight")).toEqual(await values(weights, "model.norm.weight"));
    });
    expect(
      heard.filter(({ name }) => /norm/.test(name)).every(({ to, relativeRms }) => to === "f32" && relativeRms === 0),
    ).toBe(true);
    await back.close();
  });

  test("in FP8 has scales for squares of 128 and says so in its configuration", async () => {
    const path = join(directory, "fp8");
    const heard: ConvertedTensor[] = [];
    await withModel(casePath("deepseek-v3-yarn"), (model) =>
      convertToHuggingFace(path, model, "e4m3", {}, { onTensor: (tensor) => heard.push(tensor) }),
    );
    const config = JSON.parse(await readFile(join(path, "config.json"), "utf8"));
    expect(config.quantization_config).toEqual({
      quant_method: "fp8",
      fmt: "e4m3",
      activation_scheme: "dynamic",
      weight_block_size: [128, 128],
    });
    const weights = await openModelTensors(path);
    const name = "model.layers.1.self_attn.o_proj.weight";
    expect([weights.info(name).dtype, weights.info(`${name}_scale_inv`)]).toEqual([
      "e4m3",
      { dtype: "f32", shape: [1, 1], sizeBytes: 4 },
    ]);
    expect([
      weights.info("model.embed_tokens.weight").dtype,
      weights.info("model.layers.1.mlp.gate.weight").dtype,
    ]).toEqual(["bf16", "f32"]);
    await withModel(casePath("deepseek-v3-yarn"), async (exact) => {
      const error = relativeError(await values(exact.weights, name), await values(weights, name));
      expect(error).toBeCloseTo(heard.find((each) => each.name === name)!.relativeRms, 6);
      expect(error).toBeLessThan(0.035);
    });
    const again = join(directory, "from-fp8.gguf");
    await convertToGguf(again, { config: parseHfConfig(config), weights }, "f32", []);
    const back = await openGgufModel(again);
    expect(await values(back.weights, name)).toEqual(await values(weights, name));
    await back.close();
    await weights.close();
  });

  test("cannot be had in a type its format does not know", async () => {
    await withModel(casePath("qwen2-tied"), async (model) => {
      await expect(convertToGguf(join(directory, "x.gguf"), model, "e4m3", [])).rejects.toThrow(
        "GGUF files cannot hold FP8",
      );
      await expect(convertToHuggingFace(join(directory, "x"), model, "q4_k", {})).rejects.toThrow(
        "a safetensors file cannot hold q4_k",
      );
    });
  });
});

describe("weights that do not fit are refused with all that is wrong:", () => {
  test("missing ones, wrong shapes and wrong types", async () => {
    await withModel(casePath("qwen2-tied"), async ({ config, weights }) => {
      const tensors = new Map(
        await Promise.all(weights.names.slice(2).map(async (name) => [name, await weights.read(name)] as const)),
      );
      tensors.set("model.norm.weight", hostTensor(new Float32Array(3)));
      tensors.set("model.layers.0.input_layernorm.weight", hostTensor(new Int32Array(32)));
      const path = join(directory, "model.safetensors");
      await writeSafetensors(path, tensors);
      const damaged = await openModelTensors(directory);
      const failure = await convertToGguf(join(directory, "x.gguf"), { config, weights: damaged }, "f32", []).catch(
        (error) => error,
      );
      expect(failure).toBeInstanceOf(CheckpointError);
      expect(failure.message).toContain("model.norm.weight is [3], expected [32]");
      expect(failure.message).toContain("model.layers.0.input_layernorm.weight is stored as i32");
      for (const name of weights.names.slice(0, 2).filter((each) => !tensors.has(each)))
        expect(failure.message).toContain(`missing ${name}`);
      await damaged.close();
    });
  });

  test.each([
    ["a bias", "model.layers.0.self_attn.o_proj.bias"],
    ["scales of a weight that has none", "model.layers.0.self_attn.o_proj.weight_scale_inv"],
    ["a copy of the embedding outside a layer", "model.layers.0.mlp.embed_tokens.weight"],
    ["a table named like frequencies", "model.layers.0.self_attn.other.inv_freq"],
  ])("what the model has no place for, by name: %s", async (_, extra) => {
    await withExtra(extra, async (model) => {
      const expected = `weights do not fit the model: unexpected ${extra}`;
      await expect(convertToGguf(join(directory, "x.gguf"), model, "f32", [])).rejects.toThrow(expected);
      await expect(convertToHuggingFace(join(directory, "x"), model, "f32", {})).rejects.toThrow(expected);
    });
  });

  test.each([
    "model.layers.1.self_attn.rotary_emb.inv_freq",
    "model.rotary_emb.inv_freq",
    "model.layers.2.embed_tokens.weight",
  ])("but not %s, which follows from the rest", async (extra) => {
    await withExtra(extra, (model) => convertToGguf(join(directory, `${extra}.gguf`), model, "f32", []));
  });

  test("numbers that are not finite", async () => {
    await withModel(casePath("qwen2-tied"), async ({ config, weights }) => {
      const tensors = new Map(
        await Promise.all(weights.names.map(async (name) => [name, await weights.read(name)] as const)),
      );
      new Float32Array(tensors.get("model.layers.1.mlp.up_proj.weight")!.data.buffer)[5] = Number.NaN;
      await writeSafetensors(join(directory, "nan.safetensors"), tensors);
      const damaged = await openSafetensors(join(directory, "nan.safetensors"));
      await expect(convertToGguf(join(directory, "x.gguf"), { config, weights: damaged }, "q8_0", [])).rejects.toThrow(
        "tensor model.layers.1.mlp.up_proj.weight holds NaN",
      );
      await damaged.close();
    });
  });
});
