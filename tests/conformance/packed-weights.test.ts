// Weights packed for the device's products: same bits as without, dropped when decoding ends, refused by ops that
// cannot read them.
import { describe, expect, it } from "vitest";
import { generate } from "../../src/inference/runtime/generate.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import { type DType, encodeBytes } from "../../src/tensor/dtype.js";
import { fromBytes, scope, tensor } from "../../src/tensor/engine.js";
import { cast } from "../../src/tensor/ops/elementwise.js";
import { linear } from "../../src/tensor/ops/linear.js";
import { groupedLinear, moeDispatch } from "../../src/tensor/ops/moe.js";
import { packWeights } from "../../src/tensor/packing.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { nativeBackends } from "./backends.js";
import { normals } from "./values.js";

const drawn = (shape: readonly number[], dtype: DType, label: string): Tensor => {
  const count = shape.reduce((a, b) => a * b, 1);
  return fromBytes(encodeBytes(normals(count, label), dtype), shape, dtype);
};

const small = {
  model_type: "deepseek_v3",
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 64,
  moe_intermediate_size: 32,
  num_hidden_layers: 2,
  first_k_dense_replace: 1,
  num_attention_heads: 2,
  kv_lora_rank: 32,
  q_lora_rank: 32,
  qk_nope_head_dim: 16,
  qk_rope_head_dim: 16,
  v_head_dim: 16,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  max_position_embeddings: 64,
};

describe.each(nativeBackends.map((backend) => ({ isa: backend.isa, backend })))("native $isa", ({ isa, backend }) => {
  it.each(["f32", "bf16"] as const)("products with packed %s weights have the bits of those without", async (dtype) => {
    setDefaultDevice(new Device(backend));
    for (const [rows, n, k] of [
      [1, 32, 2],
      [5, 64, 30],
      [17, 96, 256],
      [130, 64, 2050],
    ]) {
      const [plain, packed] = scope(() => {
        const [x, w] = [drawn([rows, k], "bf16", `x ${rows}`), drawn([n, k], dtype, `w ${n}`)];
        const copy = packWeights(w);
        // bf16 panels hold pairs for the dot instruction, which AVX2 has not.
        expect(copy !== null).toBe(dtype === "f32" || isa === "avx512");
        const residual = drawn([rows, n], "f32", "residual");
        return [linear(x, w, { residual }).bytes(), linear(x, copy ?? w, { residual }).bytes()];
      });
      expect(Buffer.compare(await plain, await packed)).toBe(0);
    }
  });

  it.each(["f32", "bf16"] as const)(
    "expert products with packed %s weights have the bits of those without",
    async (dtype) => {
      setDefaultDevice(new Device(backend));
      const [plain, packed] = scope(() => {
        const chosen = Array.from({ length: 40 }, (_, i) => [i % 5, (i * 3 + 1) % 5]).flat();
        const to = moeDispatch(tensor(chosen, [40, 2], "i32"), 5, null);
        const [x, w] = [drawn([40, 48], dtype, "x"), drawn([5, 64, 48], dtype, "w")];
        return [groupedLinear(x, w, to).bytes(), groupedLinear(x, packWeights(w) ?? w, to).bytes()];
      });
      expect(Buffer.compare(await plain, await packed)).toBe(0);
    },
  );

  it("weights that do not fill whole panels are left as they are", () => {
    setDefaultDevice(new Device(backend));
    scope(() => expect(packWeights(drawn([33, 32], "f32", "w"))).toBeNull());
  });

  it("packed weights are refused where they cannot be read", () => {
    setDefaultDevice(new Device(backend));
    scope(() => {
      const packed = packWeights(drawn([32, 32], "f32", "w")) as Tensor;
      expect(() => cast(packed, "bf16")).toThrow(/packed/);
      expect(() => linear(packed, drawn([32, 32], "f32", "v"))).toThrow(/packed/);
    });
  });

  it("sampling leaves no packed copy behind", async () => {
    setDefaultDevice(new Device(backend));
    const model = createModel(parseHfConfig(small), { compute: "bf16", seed: 3 });
    const { copies } = model.parameters.memory();
    const before = defaultDevice().memory().liveBuffers;
    const requests = [{ prompt: [1, 2, 3], seed: 1, maxNewTokens: 4 }];
    let during = 0;
    const onToken = () => {
      during = Math.max(during, defaultDevice().memory().liveBuffers);
    };
    await generate(model, requests, { stopIds: [], onToken });
    expect(defaultDevice().memory().liveBuffers).toBe(before);
    expect(during).toBeGreaterThan(before);
    expect(model.parameters.memory().copies).toBe(copies);
    model.dispose();
  });
});
