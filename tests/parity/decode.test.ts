// Decoding over a cache against the full forward: per-head caches to the bit, latent caches closely. Weights are the golden cases'.
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import type { ComputeType } from "../../src/nn/parameters.js";
import { Random } from "../../src/random.js";
import { useBackend } from "../../src/tensor/engine.js";
import { backends } from "./backends.js";
import { bothWays, type LogitsOf, longConfig } from "./both-ways.js";
import { type DecodingPlan, decodedLogits, forwardLogits } from "./continuous-decoding.js";
import { goldenPath, loadModel, meanDifference, readCase, relativeDifference } from "./golden-case.js";

const caseNames = readdirSync(goldenPath("cases")).filter((name) => !name.includes("mtp"));
const latentCases = caseNames.filter((name) => name.startsWith("deepseek"));
const computeTypes: readonly ComputeType[] = ["f32", "bf16"];

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(computeTypes)("in %s", (compute) => {
    test.each(caseNames)("%s: decode over a per-head cache equals the full forward to the bit, rows entering and leaving", async (name) => {
      const { full, stepped } = await bothWays(name, compute, decodedBy({ kind: "heads", numSlots: 2, promptLengths: [1, 2, 4] }));
      expect(stepped).toEqual(full);
    });

    test.each(latentCases)("%s: absorbed decode over the latent cache equals the full forward", async (name) => {
      const { full, stepped } = await bothWays(name, compute, decodedBy({ kind: "latent", numSlots: 2, promptLengths: [1, 2, 4] }));
      if (compute === "f32") expect(relativeDifference(stepped, full)).toBeLessThan(5e-6);
      else expect(meanDifference(stepped, full)).toBeLessThan(0.02);
    });
  });

  test("the prompt's length and the number of cache rows change no bit of the logits", async () => {
    const plans: DecodingPlan[] = [
      { kind: "heads", numSlots: 3, promptLengths: [5, 9, 16] },
      { kind: "heads", numSlots: 3, promptLengths: [1, 1, 1] },
      { kind: "heads", numSlots: 1, promptLengths: [4, 1, 15] },
    ];
    for (const plan of plans) {
      const { full, stepped } = await bothWays("deepseek-v3-yarn", "f32", decodedBy(plan));
      expect(stepped).toEqual(full);
    }
  });

  test("a token takes dc + dR numbers a layer in the latent cache, H·(dn + dR + dv) in the per-head one", async () => {
    const golden = await readCase("deepseek-v3-q-proj");
    const model = await loadModel(golden);
    const [latent, heads] = [model.createCache(2, 7, "latent"), model.createCache(2, 7, "heads")];
    expect(latent.sizeBytes).toBe(2 * 7 * 3 * (16 + 8) * 4);
    expect(heads.sizeBytes).toBe(2 * 7 * 3 * 4 * (12 + 8 + 10) * 4);
    for (const x of [latent, heads, model]) x.dispose();
  });
});

// Longer than any tile of the kernels, and as wide as the presets: too much for the reference.
describe.each(backends.filter(({ name }) => name !== "reference"))("at real lengths on the $name backend", (backend) => {
  beforeAll(() => useBackend(backend));
  const lengths = [300, 97, 130];
  const random = new Random(3);
  const sequences = lengths.map((length) => Array.from({ length }, () => random.below(100)));
  const plan = { numSlots: 2, promptLengths: [61, 1, 129] };

  describe.each(computeTypes)("in %s", (compute) => {
    test("MLA with experts, per head: every logit equals the full forward's, to the bit", async () => {
      const model = createModel(longConfig, { seed: 2, compute });
      expect(await decodedLogits(model, sequences, { ...plan, kind: "heads" })).toEqual(await forwardLogits(model, sequences));
      model.dispose();
    });
  });

  test("MLA with experts, absorbed: every logit is close to the full forward's", async () => {
    const model = createModel(longConfig, { seed: 2 });
    expect(relativeDifference(await decodedLogits(model, sequences, { ...plan, kind: "latent" }), await forwardLogits(model, sequences))).toBeLessThan(1e-5);
    model.dispose();
  });
});

const decodedBy =
  (plan: DecodingPlan): LogitsOf =>
  (model, sequences) =>
    decodedLogits(model, sequences, plan);
