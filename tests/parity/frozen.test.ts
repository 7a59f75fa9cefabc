// Models opened for inference, weights as they are stored, against transformers and against the same numbers
// dequantised.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  float32Values,
  type HostTensor,
  hostTensor,
  openModelDirectory,
  readAllTensors,
  writeModelDirectory,
} from "../../src/checkpoint/index.js";
import { CheckpointError } from "../../src/errors.js";
import {
  type InferenceModel,
  type InferenceOptions,
  openForInference,
} from "../../src/inference/opening/open-for-inference.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig, toHfConfigJson } from "../../src/models/hf-config.js";
import { storedWeights } from "../../src/models/weights.js";
import { encodeE4m3Blocks } from "../../src/tensor/block-encoders.js";
import { decodeRow } from "../../src/tensor/block-formats.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import { encodeBytes } from "../../src/tensor/dtype.js";
import { backends } from "./backends.js";
import { goldenPath, meanDifference, readCase, relativeDifference } from "./golden-case.js";
import { steppedLogits } from "./paged-stepping.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-frozen-"));
afterAll(() => rmSync(folder, { recursive: true }));

const caseNames = readdirSync(goldenPath("cases")).filter((name) => !name.endsWith("pre-norm"));
const kindsOf = (name: string) => (name.startsWith("deepseek") ? (["latent", "heads"] as const) : (["heads"] as const));

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each(caseNames)("%s: steps with f32 weights give transformers' logits", async (name) => {
    for (const cacheKind of kindsOf(name)) {
      const { stepped, expected } = await golden(name, goldenPath(`cases/${name}`), { compute: "f32", cacheKind });
      expect(relativeDifference(stepped, expected, 1)).toBeLessThan(1e-5);
    }
  });

  test.each(caseNames)("%s: steps with weights stored in bf16 stay near transformers' logits", async (name) => {
    const { stepped, expected } = await golden(name, await rounded(name), {});
    expect(meanDifference(stepped, expected)).toBeLessThan(0.03);
  });

  test("weights in FP8 blocks give the logits of the same numbers dequantised", async () => {
    const { quantised, dequantised } = await fp8Checkpoints();
    const [a, b] = [await logitsOf(quantised, { compute: "f32" }), await logitsOf(dequantised, { compute: "f32" })];
    // FP8 products take activations in bf16.
    expect(relativeDifference(a, b, 1)).toBeLessThan(0.02);
    expect(meanDifference(a, b)).toBeLessThan(0.004);
    expect(a).not.toEqual(b);
  });

  test("closing a model frees all of it", async () => {
    const before = defaultDevice().memory().liveBuffers;
    const opened = await openForInference(goldenPath("cases/deepseek-v3-mtp-post-norm"));
    expect(defaultDevice().memory().liveBuffers).toBeGreaterThan(before);
    opened.model.dispose();
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });
});

test(
  "a setting that transformers passes over is passed over here too, with a word on what other programs " + "make of it",
  async () => {
    setDefaultDevice(new Device(backends[0]));
    const warningOf = async (name: string) => {
      const { model, warning } = await openForInference(goldenPath(`cases/${name}`));
      model.dispose();
      return warning;
    };
    expect(await warningOf("qwen3-yarn")).toMatch(
      /rope_scaling\.attn_factor 0\.878249 in config\.json is ignored.*add "attention_factor": 1/,
    );
    expect(await warningOf("qwen3-yarn-unscaled")).toBeUndefined();
  },
);

test("all that does not fit is listed at once", async () => {
  const { quantised } = await fp8Checkpoints();
  const broken = join(folder, "broken");
  const { config, weights } = await readAll(quantised);
  weights.delete("model.norm.weight");
  weights.delete("model.layers.0.mlp.down_proj.weight_scale_inv");
  weights.set("model.layers.0.input_layernorm.weight", hostTensor(new Float32Array(7)));
  weights.set("model.layers.0.self_attn.o_proj.weight", {
    dtype: "i32",
    shape: [128, 160],
    data: new Uint8Array(128 * 160 * 4),
  });
  weights.set("model.layers.9.extra", hostTensor(new Float32Array(1)));
  await writeModelDirectory(broken, { config, weights });
  const error = await openForInference(broken).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(CheckpointError);
  const { message } = error as CheckpointError;
  for (const part of [
    ", model.norm.weight [128];",
    "missing model.layers.0.mlp.down_proj.weight_scale_inv [1,3]",
    "model.layers.0.input_layernorm.weight is [7], expected [128]",
    "model.layers.0.self_attn.o_proj.weight is stored as i32",
    ", model.layers.9.extra",
  ])
    expect(message).toContain(part);
});

const tinyConfig = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 60,
  hidden_size: 128,
  intermediate_size: 300,
  moe_intermediate_size: 96,
  num_hidden_layers: 3,
  first_k_dense_replace: 1,
  num_attention_heads: 4,
  q_lora_rank: 144,
  kv_lora_rank: 136,
  qk_nope_head_dim: 24,
  qk_rope_head_dim: 8,
  v_head_dim: 40,
  // Every expert is chosen: rounding cannot tip a choice.
  n_routed_experts: 3,
  num_experts_per_tok: 3,
  n_group: 1,
  topk_group: 1,
  max_position_embeddings: 128,
  initializer_range: 0.06,
});
const tinySequences = [0, 1, 2].map((s) => Array.from({ length: 20 + 7 * s }, (_, i) => (i * 7 + s * 13) % 60));

/** The same random model twice: matrices in FP8 blocks of 128 × 128, and as the numbers those stand for. */
async function fp8Checkpoints(): Promise<{ quantised: string; dequantised: string }> {
  const paths = { quantised: join(folder, "fp8"), dequantised: join(folder, "fp8-dequantised") };
  const model = createModel(tinyConfig, { seed: 5 });
  const [quantised, dequantised] = [new Map<string, HostTensor>(), new Map<string, HostTensor>()];
  for (const [name, { shape, data }] of await storedWeights(model.parameters)) {
    const values = new Float32Array(data.buffer);
    const isMatrix = shape.length === 2 && !/embed_tokens|lm_head|mlp\.gate\./.test(name);
    const plain = hostTensor(values, shape);
    if (!isMatrix) for (const weights of [quantised, dequantised]) weights.set(name, plain);
    else {
      const { bytes, scales } = encodeE4m3Blocks(values, shape[0], shape[1]);
      quantised.set(name, { dtype: "e4m3", shape, data: bytes });
      quantised.set(
        `${name}_scale_inv`,
        hostTensor(
          scales,
          shape.map((n) => Math.ceil(n / 128)),
        ),
      );
      dequantised.set(name, hostTensor(decoded(bytes, scales, shape), shape));
    }
  }
  model.dispose();
  const config = JSON.parse(JSON.stringify(toHfConfigJson(tinyConfig)));
  await writeModelDirectory(paths.quantised, { config, weights: quantised });
  await writeModelDirectory(paths.dequantised, { config, weights: dequantised });
  return paths;
}

function decoded(bytes: Uint8Array, scales: Float32Array, [rows, width]: readonly number[]): Float32Array {
  const values = new Float32Array(rows * width);
  const across = Math.ceil(width / 128);
  for (let r = 0; r < rows; r++) {
    const row = values.subarray(r * width, (r + 1) * width);
    decodeRow("e4m3", bytes.subarray(r * width, (r + 1) * width), row);
    for (let c = 0; c < width; c++) row[c] *= scales[Math.floor(r / 128) * across + Math.floor(c / 128)];
  }
  return values;
}

async function readAll(directory: string) {
  const opened = await openModelDirectory(directory);
  const weights = await readAllTensors(opened.weights);
  await opened.close();
  return { config: opened.config, weights };
}

/** The golden case's checkpoint with its matrices in bf16, as releases have them. */
async function rounded(name: string): Promise<string> {
  const path = join(folder, name);
  const { config, weights } = await readAll(goldenPath(`cases/${name}`));
  const inBf16 = [...weights].map(([key, tensor]): [string, HostTensor] => [
    key,
    tensor.dtype === "f32" && tensor.shape.length === 2 ? toBf16(tensor) : tensor,
  ]);
  await writeModelDirectory(path, { config, weights: new Map(inBf16) });
  return path;
}

const toBf16 = (tensor: HostTensor): HostTensor => ({
  dtype: "bf16",
  shape: tensor.shape,
  data: encodeBytes(float32Values(tensor), "bf16"),
});

async function withOpened<R>(
  path: string,
  options: InferenceOptions,
  body: (opened: InferenceModel) => Promise<R>,
): Promise<R> {
  const opened = await openForInference(path, options);
  try {
    return await body(opened);
  } finally {
    opened.model.dispose();
  }
}

const steppedOf = ({ model, use }: InferenceModel, sequences: readonly (readonly number[])[]) =>
  steppedLogits(model, sequences, {
    kind: use.cacheKind,
    dtype: use.cacheType,
    promptLengths: sequences.map((s) => s.length - 3),
    chunk: 5,
  });

const logitsOf = (path: string, options: InferenceOptions) =>
  withOpened(path, options, (opened) => steppedOf(opened, tinySequences));

async function golden(
  name: string,
  path: string,
  options: InferenceOptions,
): Promise<{ stepped: Float32Array; expected: Float32Array }> {
  const { sequences, tensors } = await readCase(name);
  const stepped = await withOpened(path, options, (opened) =>
    steppedOf(
      opened,
      sequences.map(({ ids }) => [...Array.from(ids)].slice(0, -1)),
    ),
  );
  return { stepped, expected: float32Values(tensors.get("logits") as HostTensor) };
}
