// The engine on real models over a paged cache: what is sampled does not hang on company, pieces, preemption, prefixes
// or drafts, and drafts of the multi-token-prediction layer are those that training computes.
import { beforeAll, describe, expect, test } from "vitest";
import { Engine, type EngineOptions } from "../../src/inference/runtime/engine.js";
import { PagedRunner } from "../../src/inference/runtime/paged-runner.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import type { CacheKind } from "../../src/nn/paged-cache.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { scopeAsync } from "../../src/tensor/engine.js";
import { makeTrainBatch } from "../../src/train/batch.js";
import { fastestBackend } from "./backends.js";

const config = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 50,
  hidden_size: 64,
  intermediate_size: 96,
  moe_intermediate_size: 32,
  num_hidden_layers: 2,
  first_k_dense_replace: 1,
  num_attention_heads: 4,
  q_lora_rank: null,
  kv_lora_rank: 32,
  qk_nope_head_dim: 16,
  qk_rope_head_dim: 8,
  v_head_dim: 16,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_group: 1,
  topk_group: 1,
  max_position_embeddings: 512,
  initializer_range: 0.2,
  num_nextn_predict_layers: 1,
});
const prompts = [70, 3, 129, 20, 65].map((length, s) =>
  Int32Array.from({ length }, (_, i) => (i * 7 + s * 11 + (i >> 3)) % 50),
);

type Setting = Partial<EngineOptions> & { readonly kind: CacheKind; readonly cacheTokens?: number };

async function sampled(
  model: LanguageModel,
  { kind, cacheTokens = 2048, ...options }: Setting,
  temperature: number,
): Promise<number[][]> {
  const runner = new PagedRunner(model, {
    cacheKind: kind,
    cacheType: model.parameters.compute,
    cacheTokens,
    usesDrafts: options.speculation === "mtp",
  });
  const engine = new Engine({ runner, ...options });
  const running = prompts.map((prompt, seed) =>
    engine.submit({ prompt, maxNewTokens: 40, sampling: { seed, temperature }, loop: false }),
  );
  const results = await Promise.all(running.map(({ result }) => result));
  await engine.close();
  runner.dispose();
  return results.map(({ ids }) => Array.from(ids));
}

describe.each(fastestBackend)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  describe.each(["latent", "heads"] as const)("over a cache of %s", (kind) => {
    test.each([0, 0.8])(
      "at temperature %d, one at a time, together, in pieces, preempted, without prefixes and with drafts " +
        "give the same tokens",
      async (temperature) => {
        const model = createModel(config, { seed: 3, compute: "bf16" });
        const alone = await sampled(
          model,
          { kind, maxSequences: 1, prefixCache: false, speculation: "none" },
          temperature,
        );
        const settings: Partial<Setting>[] = [
          { speculation: "none" },
          { speculation: "none", maxSequences: 5, maxStepTokens: 16 },
          { speculation: "none", cacheTokens: 320 },
          { speculation: "lookup" },
          { speculation: "mtp" },
          { speculation: "mtp", maxStepTokens: 64, cacheTokens: 320 },
        ];
        for (const setting of settings)
          expect(await sampled(model, { kind, ...setting }, temperature), JSON.stringify(setting)).toEqual(alone);
        model.dispose();
      },
    );
  });

  test("drafts are the predictions that the training forward makes", async () => {
    const model = createModel(config, { seed: 3 });
    const ids = Array.from(prompts[2]);
    const expected = await scopeAsync(async () => {
      const { inputs, mtp } = makeTrainBatch([{ ids: [...ids, 0] }], 1, 1);
      const logits = model.logits(model.forward(inputs, { mtp }).mtpHidden[0]);
      const values = await logits.data();
      return Array.from({ length: logits.shape[0] }, (_, row) => {
        const each = Array.from(values.slice(row * 50, (row + 1) * 50));
        return each.indexOf(Math.max(...each));
      });
    });
    const runner = new PagedRunner(model, {
      cacheKind: "latent",
      cacheType: "f32",
      cacheTokens: 192,
      usesDrafts: true,
    });
    const drafts = await scopeAsync(async () => {
      const all = (n: number) => Int32Array.from({ length: n }, (_, i) => i);
      const rows = (tokens: readonly number[]) => ({
        ids: Int32Array.from(tokens),
        positions: all(tokens.length),
        blockIds: all(tokens.length).map((i) => 2 - (i >> 6)),
        blockOffsets: all(tokens.length).map((i) => i & 63),
        blockTables: Int32Array.of(2, 1, 0),
        maxBlocks: 3,
        cuQueries: Int32Array.of(0, tokens.length),
        contextLengths: Int32Array.of(tokens.length),
        numPrefill: 1,
      });
      runner.step({ ...rows(ids), logitRows: new Int32Array() });
      const next = ids.slice(1);
      return Array.from(
        (await runner.mtp
          ?.draft({ ...rows(next), hiddenRows: all(next.length), draftRows: all(next.length) })
          .data()) ?? [],
      );
    });
    expect(drafts).toEqual(expected.slice(0, drafts.length));
    runner.dispose();
    model.dispose();
  });
});
