// Steps over a paged cache against the full forward: over heads to the bit, over latents closely; pieces and company
// change nothing. Weights are the golden cases', and random ones for lengths that no golden case has.
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import { Random } from "../../src/random.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { backends } from "./backends.js";
import { forwardLogits } from "./full-forward.js";
import { goldenPath, loadModel, meanDifference, readCase, relativeDifference } from "./golden-case.js";
import { type SteppingPlan, steppedLogits } from "./paged-stepping.js";

const caseNames = readdirSync(goldenPath("cases")).filter((name) => !name.includes("mtp"));
const latentCases = caseNames.filter((name) => name.startsWith("deepseek"));
const computeTypes: readonly ComputeType[] = ["f32", "bf16"];
const mixed = { promptLengths: [1, 7, 4], chunk: 3, stagger: 1 };

/** A DeepSeek-V3 of random weights that sees 512 tokens. */
const longConfig = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 100,
  hidden_size: 192,
  intermediate_size: 320,
  moe_intermediate_size: 96,
  num_hidden_layers: 3,
  first_k_dense_replace: 1,
  num_attention_heads: 6,
  q_lora_rank: null,
  kv_lora_rank: 48,
  qk_nope_head_dim: 32,
  qk_rope_head_dim: 16,
  v_head_dim: 32,
  n_routed_experts: 8,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  max_position_embeddings: 512,
  initializer_range: 0.08,
});

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  describe.each(computeTypes)("in %s", (compute) => {
    test.each(caseNames)(
      "%s: steps over heads equal the full forward to the bit, prompts in pieces beside generated tokens",
      async (name) => {
        const { full, stepped } = await bothWays(name, compute, { ...mixed, kind: "heads" });
        expect(stepped).toEqual(full);
      },
    );

    test.each(latentCases)("%s: steps over latents equal the full forward closely", async (name) => {
      const { full, stepped } = await bothWays(name, compute, { ...mixed, kind: "latent" });
      if (compute === "f32") expect(relativeDifference(stepped, full)).toBeLessThan(5e-6);
      else expect(meanDifference(stepped, full)).toBeLessThan(0.02);
    });
  });

  test(
    "the prompt's length, the number of sequences at once and who had a block before change no bit of the " + "logits",
    async () => {
      const plans: SteppingPlan[] = [
        { kind: "heads", promptLengths: [5, 9, 16], chunk: 16 },
        { kind: "heads", promptLengths: [0, 0, 0], chunk: 1, places: 2 },
        { kind: "heads", promptLengths: [4, 1, 15], chunk: 16, places: 1 },
      ];
      for (const plan of plans) {
        const { full, stepped } = await bothWays("deepseek-v3-yarn", "f32", plan);
        expect(stepped).toEqual(full);
      }
    },
  );

  test("a token takes dc + dR numbers a layer in a cache of latents, H·(dn + dR + dv) in one of heads", async () => {
    const model = await loadModel(await readCase("deepseek-v3-q-proj"));
    const [latent, heads] = (["latent", "heads"] as const).map((kind) =>
      model.createPagedCache({ numBlocks: 2, kind }),
    );
    expect(latent.bytesPerToken).toBe(3 * (16 + 8) * 4);
    expect(heads.bytesPerToken).toBe(3 * 4 * (12 + 8 + 10) * 4);
    for (const x of [latent, heads, model]) x.dispose();
  });
});

// Longer than blocks of the cache and any tile of the kernels: too much for the reference.
describe.each(backends.filter(({ name }) => name !== "reference"))(
  "at real lengths on the $name backend",
  (backend) => {
    beforeAll(() => setDefaultDevice(new Device(backend)));
    const random = new Random(3);
    const sequences = [300, 97, 130].map((length) => Array.from({ length }, () => random.below(100)));
    const promptLengths = [261, 40, 129];

    describe.each(computeTypes)("in %s", (compute) => {
      test("over heads every logit equals the full forward's, to the bit", async () => {
        const model = createModel(longConfig, { seed: 2, compute });
        const full = await forwardLogits(model, sequences);
        expect(await steppedLogits(model, sequences, { kind: "heads", promptLengths, chunk: 100 })).toEqual(full);
        expect(
          await steppedLogits(model, sequences, { kind: "heads", promptLengths: [61, 1, 129], chunk: 1000, places: 2 }),
        ).toEqual(full);
        model.dispose();
      });

      test("over latents, pieces of prompts, company and drafts change no bit", async () => {
        const model = createModel(longConfig, { seed: 2, compute });
        const whole = await steppedLogits(model, sequences, { kind: "latent", promptLengths, chunk: 1000 });
        expect(
          await steppedLogits(model, sequences, { kind: "latent", promptLengths, chunk: 37, drafts: 3, stagger: 2 }),
        ).toEqual(whole);
        const alone = [];
        for (const [i, ids] of sequences.entries())
          alone.push(
            ...(await steppedLogits(model, [ids], { kind: "latent", promptLengths: [promptLengths[i]], chunk: 64 })),
          );
        expect(Float32Array.from(alone)).toEqual(whole);
        model.dispose();
      });
    });

    test("over latents every logit is close to the full forward's, in FP8 less so", async () => {
      const model = createModel(longConfig, { seed: 2 });
      const full = await forwardLogits(model, sequences);
      expect(
        relativeDifference(await steppedLogits(model, sequences, { kind: "latent", promptLengths, chunk: 100 }), full),
      ).toBeLessThan(1e-5);
      const fp8 = await steppedLogits(model, sequences, {
        kind: "latent",
        dtype: "fp8-latent",
        promptLengths,
        chunk: 100,
      });
      // Three bits of fraction tip the choice of experts here and there.
      expect(meanDifference(fp8, full)).toBeLessThan(0.25);
      expect(fp8).not.toEqual(full);
      model.dispose();
    });
  },
);

/** Logits of a golden case's sequences by one forward and by steps. */
async function bothWays(
  name: string,
  compute: ComputeType,
  plan: SteppingPlan,
): Promise<{ full: Float32Array; stepped: Float32Array }> {
  const golden = await readCase(name);
  const model = await loadModel(golden, { compute });
  const sequences = golden.sequences.map(({ ids }) => Array.from(ids).slice(0, -1));
  const [full, stepped] = [await forwardLogits(model, sequences), await steppedLogits(model, sequences, plan)];
  model.dispose();
  return { full, stepped };
}
