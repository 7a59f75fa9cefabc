// What must not change a training step: packing, recomputation, micro-batches, repetition. And what it must not leave
// behind.
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { scope } from "../../src/tensor/engine.js";
import { evaluateLoss } from "../../src/train/step.js";
import { backends } from "./backends.js";
import { forwardLogits } from "./full-forward.js";
import { type GoldenCase, goldenPath, loadModel, readCase, relativeDifference } from "./golden-case.js";
import { fullLoss, gradientsOf, type NamedNumbers, parametersOf, train } from "./training-run.js";

const caseNames = readdirSync(goldenPath("cases")).filter((name) => !name.endsWith("pre-norm"));
const withEverything = "deepseek-v3-mtp-post-norm";
const computeTypes: readonly ComputeType[] = ["f32", "bf16"];

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  describe.each(computeTypes)("in %s", (compute) => {
    test.each(caseNames)("%s: packed sequences give the logits of separate ones, to the bit", async (name) => {
      await withModel(name, compute, async (model, { sequences }) => {
        const ids = sequences.map((s) => Array.from(s.ids));
        const separate: number[] = [];
        for (const one of ids) separate.push(...(await forwardLogits(model, [one])));
        expect(await forwardLogits(model, ids)).toEqual(Float32Array.from(separate));
      });
    });

    test.each(["llama-llama3-rope", "qwen2-tied", withEverything])(
      "%s: recomputed layers give the loss, gradients and expert loads of stored ones, to the bit",
      async (name) => {
        await withModel(name, compute, async (model, { sequences }) => {
          const stored = await gradientsOf(model, [sequences], fullLoss);
          const recomputed = await gradientsOf(model, [sequences], { ...fullLoss, recomputeLayers: true });
          expect(recomputed).toEqual(stored);
          expect(stored.loads.every((load) => load.some((n) => n > 0))).toBe(true);
        });
      },
    );
  });

  test.each(caseNames)("%s: accumulation over two micro-batches equals one batch", async (name) => {
    await withModel(name, "f32", async (model, { sequences }) => {
      const whole = await gradientsOf(model, [sequences], fullLoss);
      const parts = await gradientsOf(model, [sequences.slice(0, 1), sequences.slice(1)], fullLoss);
      expect(parts.loss).toBeCloseTo(whole.loss, 5);
      expect(parts.loads).toEqual(whole.loads);
      expect(differing(parts.gradients, whole.gradients, 5e-6)).toEqual([]);
    });
  });

  test.each(["llama-llama3-rope", "qwen2-tied", "deepseek-v2-group-limited", withEverything])(
    "%s: bf16 gradients point where f32 ones do",
    async (name) => {
      const f32 = await withModel(name, "f32", (model, { sequences }) => gradientsOf(model, [sequences], fullLoss));
      const bf16 = await withModel(name, "bf16", (model, { sequences }) => gradientsOf(model, [sequences], fullLoss));
      expect([...bf16.gradients.keys()]).toEqual([...f32.gradients.keys()]);
      expect(cosine(bf16.gradients, f32.gradients)).toBeGreaterThan(0.999);
    },
  );

  test.each(["llama-llama3-rope", withEverything])(
    "%s: the same seed gives the same bits after training, another seed others",
    async (name) => {
      const { config, sequences } = await readCase(name);
      const trainedFrom = async (seed: number) => {
        const model = createModel(config, { seed });
        const losses = await train(model, sequences, 3);
        const parameters = await parametersOf(model);
        model.dispose();
        return { losses, parameters };
      };
      const first = await trainedFrom(7);
      expect(await trainedFrom(7)).toEqual(first);
      expect((await trainedFrom(8)).losses).not.toEqual(first.losses);
    },
  );

  test(
    "20 training steps leave as many live buffers as one, and " + "disposing the model leaves none of its own",
    async () => {
      const before = defaultDevice().memory().liveBuffers;
      const golden = await readCase(withEverything);
      const model = await loadModel(golden, { compute: "bf16" });
      const built = defaultDevice().memory().liveBuffers;
      const live: number[] = [];
      await train(model, golden.sequences.slice(0, 2), 20, { ...fullLoss, recomputeLayers: true }, () =>
        live.push(defaultDevice().memory().liveBuffers),
      );
      expect(new Set(live).size).toBe(1);
      expect(defaultDevice().memory().liveBuffers).toBe(built);
      model.dispose();
      expect(defaultDevice().memory().liveBuffers).toBe(before);
    },
  );

  test("evaluation counts no expert load and moves no router bias", async () => {
    await withModel(withEverything, "f32", async (model, { sequences }) => {
      const before = await parametersOf(model);
      await evaluateLoss(model, sequences, 1000);
      scope(() => {
        for (const moe of model.moeLayers) moe.updateBias(0.1);
      });
      expect(await parametersOf(model)).toEqual(before);
    });
  });
});

async function withModel<R>(
  name: string,
  compute: ComputeType,
  body: (model: LanguageModel, golden: GoldenCase) => Promise<R>,
): Promise<R> {
  const golden = await readCase(name);
  const model = await loadModel(golden, { compute });
  const result = await body(model, golden);
  model.dispose();
  return result;
}

/** Names whose numbers differ by more than `tolerance` of the tensor's largest. */
function differing(actual: NamedNumbers, expected: NamedNumbers, tolerance: number): string[] {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  return [...expected].flatMap(([name, numbers]) => {
    const difference = relativeDifference(actual.get(name) as Float32Array, numbers);
    return difference <= tolerance ? [] : [`${name}: ${difference}`];
  });
}

/** Cosine of the angle between two gradients, all tensors taken as one vector. */
function cosine(a: NamedNumbers, b: NamedNumbers): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (const [name, x] of a) {
    const y = b.get(name) as Float32Array;
    for (let i = 0; i < x.length; i++) {
      ab += x[i] * y[i];
      aa += x[i] * x[i];
      bb += y[i] * y[i];
    }
  }
  return ab / Math.sqrt(aa * bb);
}
