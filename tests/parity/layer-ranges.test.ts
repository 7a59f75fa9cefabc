// A model's layers held by several models, one after the other, against the whole model: the same bits in training, in
// steps over a cache and with several micro-batches under way.
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import { type HfConfig, parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel, ModelOptions } from "../../src/models/language-model.js";
import { stepBatch } from "../../src/nn/batch.js";
import type { Backend } from "../../src/tensor/backend.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { scope, scopeAsync } from "../../src/tensor/engine.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { TrainSequence } from "../../src/train/batch.js";
import { backends } from "./backends.js";
import { type GoldenCase, goldenPath, loadModel, readCase } from "./golden-case.js";
import { steppedLogits } from "./paged-stepping.js";
import { sendBack, sendForward, stagedGradients, stagedParts, stagedStepping } from "./stages.js";
import { bytesOf, differingBits, fullLoss, gradientsOf } from "./training-run.js";

const allCases = readdirSync(goldenPath("cases"));
/** The reference is slow: a tied head, and multi-token prediction with a mixture, are what stages share. */
const casesOn = (backend: Backend) => (backend.name === "reference" ? ["qwen2-tied", "deep"] : [...allCases, "deep"]);
const computeTypes: readonly ComputeType[] = ["f32", "bf16"];

/** Multi-token prediction, and a mixture in every stage but the first: balance losses pass through a stage between. */
const deep = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 40,
  hidden_size: 24,
  intermediate_size: 20,
  moe_intermediate_size: 9,
  num_hidden_layers: 4,
  first_k_dense_replace: 1,
  num_attention_heads: 2,
  q_lora_rank: null,
  kv_lora_rank: 8,
  qk_nope_head_dim: 6,
  qk_rope_head_dim: 4,
  v_head_dim: 6,
  n_routed_experts: 8,
  num_experts_per_tok: 3,
  n_group: 1,
  topk_group: 1,
  num_nextn_predict_layers: 1,
  max_position_embeddings: 64,
  initializer_range: 0.3,
});
const deepSequences: TrainSequence[] = [
  [3, 17, 5, 5, 39, 8, 21, 0, 2],
  [30, 31, 32, 33, 1, 2, 14, 28],
  [9, 8, 9, 8, 7, 12, 13],
].map((ids) => ({ ids }));

/** The models of a golden case, or of the deep configuration. */
async function makerOf(name: string): Promise<{
  readonly config: HfConfig;
  readonly sequences: readonly TrainSequence[];
  make(options: ModelOptions): LanguageModel | Promise<LanguageModel>;
}> {
  if (name === "deep")
    return { config: deep, sequences: deepSequences, make: (options) => createModel(deep, { ...options, seed: 4 }) };
  const golden = await readCase(name);
  return { ...golden, make: (options) => loadModel(golden, options) };
}

/** Runs `body` with the whole model and with one model for each layer. */
async function withStages(
  name: string,
  compute: ComputeType,
  body: (whole: LanguageModel, stages: LanguageModel[], sequences: readonly TrainSequence[]) => Promise<void>,
): Promise<void> {
  const { config, sequences, make } = await makerOf(name);
  const whole = await make({ compute });
  const stages: LanguageModel[] = [];
  for (let i = 0; i < config.num_hidden_layers; i++) stages.push(await make({ compute, layers: [i, i + 1] }));
  expect(stages.length).toBeGreaterThan(1);
  await body(whole, stages, sequences);
  for (const model of [whole, ...stages]) model.dispose();
}

const idsOf = ({ sequences }: Pick<GoldenCase, "sequences">) => sequences.map(({ ids }) => Array.from(ids));

/** Logits of multi-token prediction after one prompt, from the last stage. */
async function draftedLogits(stages: readonly LanguageModel[]): Promise<Float32Array> {
  const last = stages[stages.length - 1];
  const tokens = Int32Array.of(3, 1, 4, 1, 5, 9);
  const rows = {
    positions: Int32Array.of(0, 1, 2, 3, 4),
    blockIds: new Int32Array(5),
    blockOffsets: Int32Array.of(0, 1, 2, 3, 4),
    blockTables: new Int32Array(1),
    maxBlocks: 1,
    cuQueries: Int32Array.of(0, 5),
    contextLengths: Int32Array.of(5),
    numPrefill: 1,
  };
  const model = stagedStepping(stages);
  const cache = model.createPagedCache({ numBlocks: 1, forDrafts: true });
  const logits = await scopeAsync(async () => {
    const hidden = model.step(stepBatch({ ...rows, ids: tokens.subarray(0, 5) }), cache);
    const drafted = last.draft(hidden, stepBatch({ ...rows, ids: tokens.subarray(1) }), cache.parts[stages.length - 1]);
    return Float32Array.from(await last.logits(drafted as Tensor).data());
  });
  cache.dispose();
  return logits;
}

type Figures = Awaited<ReturnType<typeof gradientsOf>>;

function expectSame({ gradients, ...figures }: Figures, { gradients: expected, ...expectedFigures }: Figures): void {
  expect(differingBits(gradients, expected)).toEqual([]);
  expect(figures).toEqual(expectedFigures);
}

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  describe.each(computeTypes)("in %s", (compute) => {
    test.each(casesOn(backend))(
      "%s: a chain of stages gives the whole's loss, gradients and loads, to the bit",
      async (name) => {
        await withStages(name, compute, async (whole, stages, sequences) => {
          const expected = await gradientsOf(whole, [sequences], fullLoss);
          expectSame(await stagedGradients(stages, sequences, fullLoss), expected);
          expect(expected.gradients.size).toBeGreaterThan(10);
        });
      },
    );

    test.each(casesOn(backend))("%s: stages step over a cache as the whole does, to the bit", async (name) => {
      await withStages(name, compute, async (whole, stages, sequences) => {
        const plan = { promptLengths: [1, 7, 4], chunk: 3, stagger: 1, kind: "heads" } as const;
        const ids = idsOf({ sequences });
        const expected = await steppedLogits(whole, ids, plan);
        expect(bytesOf(await steppedLogits(stagedStepping(stages), ids, plan)).equals(bytesOf(expected))).toBe(true);
      });
    });

    test("stages step over latents as the whole does, to the bit", async () => {
      await withStages("deep", compute, async (whole, stages, sequences) => {
        const plan = { promptLengths: [1, 7, 4], chunk: 3, kind: "latent" } as const;
        const ids = idsOf({ sequences });
        const expected = await steppedLogits(whole, ids, plan);
        expect(bytesOf(await steppedLogits(stagedStepping(stages), ids, plan)).equals(bytesOf(expected))).toBe(true);
      });
    });

    test("the last stage drafts as the whole does, to the bit", async () => {
      await withStages("deep", compute, async (whole, stages) => {
        const expected = await draftedLogits([whole]);
        expect(bytesOf(await draftedLogits(stages)).equals(bytesOf(expected))).toBe(true);
        expect(new Set(expected).size).toBeGreaterThan(100);
      });
    });

    test("recomputed layers change no bit", async () => {
      await withStages("deep", compute, async (whole, stages, sequences) => {
        const options = { ...fullLoss, recomputeLayers: true };
        expectSame(await stagedGradients(stages, sequences, options), await gradientsOf(whole, [sequences], options));
      });
    });

    test.each([[false], [true]])(
      "two micro-batches under way give the whole's gradients (in halves: %s)",
      async (inHalves) => {
        await withStages("deep", compute, async (whole, stages, sequences) => {
          const micro = [sequences.slice(0, 1), sequences.slice(1)];
          const { gradients } = await gradientsOf(whole, micro, fullLoss);
          scope(() => {
            const flights = micro.map((part) => sendForward(stages, part, sequences, fullLoss));
            for (const flight of flights) sendBack(stages, flight, inHalves);
          });
          expect(differingBits(await stagedParts(stages), gradients)).toEqual([]);
        });
      },
    );
  });

  test("a stage's memory goes when it is disposed, a tape under way included", async () => {
    const before = defaultDevice().memory().liveBuffers;
    await withStages("deep", "f32", async (_, stages, sequences) => {
      scope(() => {
        const { tapes } = sendForward(stages, sequences, sequences, fullLoss);
        for (const tape of tapes) tape.dispose();
      });
    });
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });
});
