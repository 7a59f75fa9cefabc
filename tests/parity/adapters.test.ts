// Several adapters in one engine, on real models: what a request gets is what it would get from an engine with its
// adapter alone, to the bit, whatever runs beside it; without an adapter it is the base's.
import { beforeAll, describe, expect, test } from "vitest";
import { Engine } from "../../src/inference/runtime/engine.js";
import { PagedRunner } from "../../src/inference/runtime/paged-runner.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import type { AdapterSpec } from "../../src/nn/lora.js";
import type { CacheKind } from "../../src/nn/paged-cache.js";
import { Random } from "../../src/random.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { fastestBackend } from "./backends.js";

const shared = {
  ...{ vocab_size: 50, hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4 },
  ...{ max_position_embeddings: 512, initializer_range: 0.2 },
};
const llama = parseHfConfig({ model_type: "llama", ...shared, num_key_value_heads: 2 });
const deepseek = parseHfConfig({
  model_type: "deepseek_v3",
  ...shared,
  ...{ moe_intermediate_size: 32, first_k_dense_replace: 1, q_lora_rank: null, kv_lora_rank: 32 },
  ...{ qk_nope_head_dim: 16, qk_rope_head_dim: 8, v_head_dim: 16, n_routed_experts: 4, num_experts_per_tok: 2 },
  ...{ n_group: 1, topk_group: 1, num_nextn_predict_layers: 1 },
});
const SPECS: readonly AdapterSpec[] = [
  { name: "wide", lora: { rank: 8, alpha: 16, rsLora: false, targets: "all-linear" }, seed: 1 },
  { name: "narrow", lora: { rank: 3, alpha: 6, rsLora: true, targets: "all-linear" }, seed: 2 },
  { name: "attention", lora: { rank: 4, alpha: 8, rsLora: false, targets: ".*self_attn\\.[^.]*_proj" }, seed: 3 },
];

/** A model with those of the adapters, B no longer zero. */
function adapted(config: typeof llama, names: readonly string[]): LanguageModel {
  const adapters = SPECS.filter(({ name }) => names.includes(name));
  const model = createModel(config, { seed: 3, compute: "bf16", trains: "none", adapters });
  for (const { name, parameters } of model.parameters.adapters.all) {
    const random = new Random(9).fork(name);
    for (const spec of parameters.specs.filter((each) => each.name.includes("lora_B"))) {
      const values = new Float32Array(spec.shape.reduce((n, size) => n * size, 1));
      random.fillNormal(values, 0, 0.1);
      parameters.write(spec.name, 0, spec.shape, new Uint8Array(values.buffer));
    }
    parameters.refreshCopies();
  }
  return model;
}

const stem = Array.from({ length: 70 }, (_, i) => (i * 7) % 50);
/** All prompts begin alike, for more than a block. */
const requests = [
  ...["wide", null, "narrow", "attention", "wide", null, "narrow"].map((adapter, i) => ({
    adapter,
    prompt: [...stem, ...Array.from({ length: 3 + 13 * i }, (_, j) => (j * 11 + i) % 50)],
  })),
  { adapter: "attention", prompt: [1] },
];

async function answers(
  model: LanguageModel,
  kind: CacheKind,
  those: readonly { readonly prompt: readonly number[]; readonly adapter?: string | null }[],
  options: { speculation?: "mtp" | "none"; maxStepTokens?: number; maxSequences?: number } = {},
) {
  const { speculation = "none" } = options;
  const runner = new PagedRunner(model, {
    cacheKind: kind,
    cacheType: "bf16",
    cacheTokens: 2048,
    usesDrafts: speculation === "mtp",
  });
  const engine = new Engine({ runner, ...options, speculation });
  const running = those.map((request, seed) =>
    engine.submit({ ...request, maxNewTokens: 12, sampling: { seed, temperature: 0.8 }, loop: false }),
  );
  const results = await Promise.all(running.map(({ result }) => result));
  await engine.close();
  runner.dispose();
  return results.map(({ ids, logProbs }) => ({ ids: Array.from(ids), logProbs: Array.from(logProbs) }));
}

describe.each(fastestBackend)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each([
    ["a llama", llama, "heads"],
    ["latent attention and experts, over heads", deepseek, "heads"],
    ["latent attention and experts, over latents", deepseek, "latent"],
  ] as const)("%s", async (_, config, kind) => {
    const expected = await Promise.all(
      requests.map(async ({ prompt, adapter }, seed) => {
        const model = adapted(config, adapter === null ? [] : [adapter]);
        const fillers = Array.from({ length: seed }, () => ({ prompt: [2] }));
        const all = await answers(model, kind, [...fillers, { prompt }]);
        model.dispose();
        return all[seed];
      }),
    );
    const model = adapted(config, ["wide", "narrow", "attention"]);
    expect(await answers(model, kind, requests)).toEqual(expected);
    expect(await answers(model, kind, requests, { maxStepTokens: 24, maxSequences: 3 })).toEqual(expected);
    if (config === deepseek) expect(await answers(model, kind, requests, { speculation: "mtp" })).toEqual(expected);
    const swapped = requests.map((request) => ({ ...request, adapter: "narrow" }));
    expect(await answers(model, kind, swapped)).not.toEqual(expected);
    model.dispose();
  });
});
