// Steps over a paged cache against the full forward: over heads to the bit, over latents closely; pieces and company change nothing.
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import type { ComputeType } from "../../src/nn/parameters.js";
import { Random } from "../../src/random.js";
import { useBackend } from "../../src/tensor/engine.js";
import { backends } from "./backends.js";
import { bothWays, type LogitsOf, longConfig } from "./both-ways.js";
import { forwardLogits } from "./continuous-decoding.js";
import { goldenPath, meanDifference, relativeDifference } from "./golden-case.js";
import { type SteppingPlan, steppedLogits } from "./paged-stepping.js";

const caseNames = readdirSync(goldenPath("cases")).filter((name) => !name.includes("mtp"));
const latentCases = caseNames.filter((name) => name.startsWith("deepseek"));
const computeTypes: readonly ComputeType[] = ["f32", "bf16"];
const mixed = { promptLengths: [1, 7, 4], chunk: 3, stagger: 1 };

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(computeTypes)("in %s", (compute) => {
    test.each(caseNames)("%s: steps over heads equal the full forward to the bit, prompts in pieces beside generated tokens", async (name) => {
      const { full, stepped } = await bothWays(name, compute, steppedBy({ ...mixed, kind: "heads" }));
      expect(stepped).toEqual(full);
    });

    test.each(latentCases)("%s: steps over latents equal the full forward closely", async (name) => {
      const { full, stepped } = await bothWays(name, compute, steppedBy({ ...mixed, kind: "latent" }));
      if (compute === "f32") expect(relativeDifference(stepped, full)).toBeLessThan(5e-6);
      else expect(meanDifference(stepped, full)).toBeLessThan(0.02);
    });
  });
});

// Longer than blocks of the cache and any tile of the kernels: too much for the reference.
describe.each(backends.filter(({ name }) => name !== "reference"))("at real lengths on the $name backend", (backend) => {
  beforeAll(() => useBackend(backend));
  const random = new Random(3);
  const sequences = [300, 97, 130].map((length) => Array.from({ length }, () => random.below(100)));
  const promptLengths = [261, 40, 129];

  describe.each(computeTypes)("in %s", (compute) => {
    test("over heads every logit equals the full forward's, to the bit", async () => {
      const model = createModel(longConfig, { seed: 2, compute });
      expect(await steppedLogits(model, sequences, { kind: "heads", promptLengths, chunk: 100 })).toEqual(await forwardLogits(model, sequences));
      model.dispose();
    });

    test("over latents, pieces of prompts, company and drafts change no bit", async () => {
      const model = createModel(longConfig, { seed: 2, compute });
      const whole = await steppedLogits(model, sequences, { kind: "latent", promptLengths, chunk: 1000 });
      expect(await steppedLogits(model, sequences, { kind: "latent", promptLengths, chunk: 37, drafts: 3, stagger: 2 })).toEqual(whole);
      const alone = [];
      for (const [i, ids] of sequences.entries())
        alone.push(...(await steppedLogits(model, [ids], { kind: "latent", promptLengths: [promptLengths[i]], chunk: 64 })));
      expect(Float32Array.from(alone)).toEqual(whole);
      model.dispose();
    });
  });

  test("over latents every logit is close to the full forward's, in FP8 less so", async () => {
    const model = createModel(longConfig, { seed: 2 });
    const full = await forwardLogits(model, sequences);
    expect(relativeDifference(await steppedLogits(model, sequences, { kind: "latent", promptLengths, chunk: 100 }), full)).toBeLessThan(1e-5);
    const fp8 = await steppedLogits(model, sequences, { kind: "latent", dtype: "fp8-latent", promptLengths, chunk: 100 });
    // Three bits of fraction tip the choice of experts here and there.
    expect(meanDifference(fp8, full)).toBeLessThan(0.25);
    expect(fp8).not.toEqual(full);
    model.dispose();
  });
});

const steppedBy =
  (plan: SteppingPlan): LogitsOf =>
  (model, sequences) =>
    steppedLogits(model, sequences, plan);
