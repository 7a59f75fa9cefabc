// The gate and the sequence-wise balance loss against vectors computed by PyTorch (tests/golden/router).
import { beforeAll, describe, expect, test } from "vitest";
import { float32Values, type HostTensor } from "../../src/checkpoint/index.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { scopeAsync, tensor } from "../../src/tensor/engine.js";
import { linear } from "../../src/tensor/ops/linear.js";
import { balanceLoss, type RouterParams, router } from "../../src/tensor/ops/moe.js";
import { dot } from "../../src/tensor/ops/reduce.js";
import { Parameter } from "../../src/tensor/parameter.js";
import { withTape } from "../../src/tensor/tape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { backends } from "../parity/backends.js";
import { goldenPath, int32Values, readJson, readTensors, relativeDifference } from "../parity/golden-case.js";

const v3: RouterParams = {
  topK: 4,
  numGroups: 4,
  topkGroups: 2,
  scoring: "sigmoid",
  groupScore: "top2sum",
  normalize: true,
  scale: 2.5,
};

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test("balance loss and its gradient equal PyTorch's", async () => {
    const vectors = await readTensors(goldenPath("router/balance-loss.safetensors"));
    const { alpha, loss: expected } = await readJson<{ alpha: number; loss: number }>(
      goldenPath("router/balance-loss.json"),
    );
    await scopeAsync(async () => {
      const logits = new Parameter(onDevice(vectors, "logits"), "logits");
      const cuSeqlens = int32Values(stored(vectors, "cu_seqlens"));
      const loss = withTape((tape) => {
        const { scores, indices } = router(logits, null, { ...v3, numGroups: 1, topkGroups: 1 });
        const value = balanceLoss(scores, indices, tensor(cuSeqlens, [cuSeqlens.length], "i32"), alpha);
        tape.backward(value);
        return value;
      });
      expect(relativeDifference([await loss.item()], [expected])).toBeLessThan(2e-6);
      expect(relativeDifference(await gradientOf(logits), floats(vectors, "grad_logits"))).toBeLessThan(1e-5);
      logits.dispose();
    });
  });

  test(
    "with every choice score negative the kept groups are still " + "the ones chosen from, as in transformers",
    async () => {
      const vectors = await readTensors(goldenPath("router/negative-bias.safetensors"));
      await scopeAsync(async () => {
        const [hidden, weight] = ["hidden", "weight"].map((name) => new Parameter(onDevice(vectors, name), name));
        const bias = onDevice(vectors, "e_score_correction_bias");
        const expected = int32Values(stored(vectors, "topk_indices"));
        const chosen = withTape(() => {
          const { indices, weights } = router(linear(hidden, weight), bias, v3);
          return { indices, weights };
        });
        const slots = slotsByExpert(Array.from(await chosen.indices.data()), v3.topK);
        expect(slots.experts).toEqual([...expected]);
        const gates = await chosen.weights.data();
        expect(
          relativeDifference(
            slots.order.map((i) => gates[i]),
            floats(vectors, "topk_weights"),
          ),
        ).toBeLessThan(1e-5);

        // The upstream gradient goes to the slots as ours order them.
        const upstream = new Float32Array(slots.order.length);
        const given = floats(vectors, "grad_topk_weights");
        slots.order.forEach((slot, i) => {
          upstream[slot] = given[i];
        });
        withTape((tape) =>
          tape.backward(dot(router(linear(hidden, weight), bias, v3).weights, tensor(upstream, chosen.weights.shape))),
        );
        expect(relativeDifference(await gradientOf(hidden), floats(vectors, "grad_hidden"))).toBeLessThan(1e-5);
        expect(relativeDifference(await gradientOf(weight), floats(vectors, "grad_weight"))).toBeLessThan(1e-5);
        for (const p of [hidden, weight]) p.dispose();
      });
    },
  );
});

type Vectors = ReadonlyMap<string, HostTensor>;
const stored = (vectors: Vectors, name: string) => vectors.get(name) as HostTensor;
const floats = (vectors: Vectors, name: string) => float32Values(stored(vectors, name));
const onDevice = (vectors: Vectors, name: string): Tensor => tensor(floats(vectors, name), stored(vectors, name).shape);
const gradientOf = (p: Parameter) => (p.grad as Tensor).data();

/** Each token's slots in the order of their experts' numbers: the flat slot indexes, and the experts they hold. */
function slotsByExpert(indices: readonly number[], topK: number): { order: number[]; experts: number[] } {
  const tokenOf = (slot: number) => Math.floor(slot / topK);
  const order = indices.map((_, slot) => slot).sort((a, b) => tokenOf(a) - tokenOf(b) || indices[a] - indices[b]);
  return { order, experts: order.map((slot) => indices[slot]) };
}
