// What sampling writes down and what training computes: the same log-probabilities to the bit, however the sampler
// batched its rows, and with an environment's tokens in between.
import { beforeAll, describe, expect, test } from "vitest";
import { rollout } from "../../src/eval/rollout.js";
import { sequenceOf } from "../../src/eval/trajectory.js";
import { generate } from "../../src/inference/runtime/generate.js";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import { AdamW } from "../../src/optim/adamw.js";
import { parseGrpoOptions } from "../../src/rl/config.js";
import { scoreLogProbs, updatePolicy } from "../../src/rl/update.js";
import { createArithmeticTask } from "../../src/tasks/arithmetic.js";
import { inEnvironment } from "../../src/tasks/environment.js";
import type { Task } from "../../src/tasks/task.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { createCharTokenizer } from "../../src/tokenizer/char-tokenizer.js";
import { fastestBackend } from "./backends.js";

const sizes = {
  vocab_size: 50,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 256,
  initializer_range: 0.2,
};
const families = {
  qwen2: { ...sizes, model_type: "qwen2", num_key_value_heads: 2 },
  "qwen3_moe with windows": {
    ...{
      ...sizes,
      model_type: "qwen3_moe",
      num_key_value_heads: 2,
      head_dim: 32,
      moe_intermediate_size: 32,
      norm_topk_prob: true,
    },
    ...{ num_experts: 4, num_experts_per_tok: 2, use_sliding_window: true, sliding_window: 50 },
  },
  "gemma2 with caps and windows": {
    ...{ ...sizes, model_type: "gemma2", num_key_value_heads: 2, head_dim: 32, sliding_window: 50 },
    ...{ query_pre_attn_scalar: 32, attn_logit_softcapping: 2, final_logit_softcapping: 3 },
  },
  deepseek: {
    ...sizes,
    ...{
      model_type: "deepseek_v3",
      moe_intermediate_size: 32,
      first_k_dense_replace: 1,
      q_lora_rank: null,
      kv_lora_rank: 32,
      n_group: 1,
      topk_group: 1,
    },
    ...{ qk_nope_head_dim: 16, qk_rope_head_dim: 8, v_head_dim: 16, n_routed_experts: 4, num_experts_per_tok: 2 },
  },
};
const problem = { id: "", split: "train", fields: {}, answer: "", difficulty: 0, meta: {} } as const;

describe.each(fastestBackend)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each([
    ["qwen2", "f32"],
    ["qwen2", "bf16"],
    ["qwen3_moe with windows", "f32"],
    ["qwen3_moe with windows", "bf16"],
    ["gemma2 with caps and windows", "f32"],
    ["gemma2 with caps and windows", "bf16"],
    ["deepseek", "f32"],
    ["deepseek", "bf16"],
  ] as const)("%s in %s: sampled and trained log-probabilities have the same bits", async (family, compute) => {
    const model = createModel(parseHfConfig(families[family]), { seed: 5, compute });
    const requests = [3, 60, 64, 90, 3, 130, 17].map((length, seed) => ({
      prompt: Int32Array.from({ length }, (_, i) => (i * 7 + (i >> 3)) % 50),
      seed,
      maxNewTokens: 30 + 5 * seed,
    }));
    const completions = await generate(model, requests, { temperature: 0.8, stopIds: [7], maxSequences: 3 });
    const trajectories = completions.map(({ ids, ...rest }, i) => ({
      ...{ ...rest, problem, prompt: "", completion: "", completionIds: ids, promptIds: requests[i].prompt },
    }));
    const config = parseGrpoOptions({ temperature: 0.8, microBatchTokens: 300 });
    const scored = await scoreLogProbs(model, trajectories, config);
    expect(scored.map((values) => [...values])).toEqual(completions.map(({ logProbs }) => [...logProbs]));
    expect(completions.reduce((sum, { ids }) => sum + ids.length, 0)).toBeGreaterThan(100);
    model.dispose();
  });

  test.each(["f32", "bf16"] as const)(
    "so do groups of completions under an adapter that learns, in %s",
    async (compute) => {
      const lora = { rank: 4, alpha: 32, rsLora: false, targets: "all-linear" };
      const adapters = [{ name: "default", lora, seed: 3 }];
      const model = createModel(parseHfConfig(families.qwen2), { seed: 5, compute, trains: "none", adapters });
      const optimizer = new AdamW(model.trainable.trained(), { maxNorm: 1, weightDecay: 0 });
      const config = parseGrpoOptions({ temperature: 0.8, microBatchTokens: 700 });
      const requests = [0, 1, 2, 3, 4, 5].map((seed) => ({
        prompt: Int32Array.from({ length: 70 }, (_, i) => (i * 7 + (seed >> 1)) % 50),
        seed,
        maxNewTokens: 20 + 5 * seed,
      }));
      for (let step = 0; step < 3; step++) {
        const completions = await generate(model, requests, { temperature: 0.8, stopIds: [7], maxSequences: 4 });
        const scored = completions.map(({ ids, ...rest }, i) => ({
          trajectory: {
            ...{ ...rest, problem, prompt: "", completion: "", completionIds: ids, promptIds: requests[i].prompt },
          },
          advantages: new Float32Array(ids.length).fill(i % 2 === 0 ? 1 : -1),
          refLogProbs: null,
        }));
        const { metrics } = await updatePolicy(model, optimizer, scored, config, 0.05);
        expect(metrics["trained/sampling_logp_difference/max"]).toBe(0);
        expect(metrics.grad_norm).toBeGreaterThan(0);
      }
      optimizer.dispose();
      model.dispose();
    },
  );

  test.each([
    ["qwen2", "f32"],
    ["qwen2", "bf16"],
    ["qwen3_moe with windows", "bf16"],
    ["gemma2 with caps and windows", "f32"],
    ["deepseek", "f32"],
    ["deepseek", "bf16"],
  ] as const)("%s in %s: so they have in an environment, turn after turn", async (family, compute) => {
    const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA,.!?abcdefghijklmnop", { eos: "<eos>" });
    const model = createModel(parseHfConfig(families[family]), { seed: 5, compute });
    // Replies of all lengths, so that turns begin inside a block of the cache, at its end and behind it.
    const reply = ({ index, text }: { index: number; text: string }) =>
      index < 6 ? "3+4=7;".repeat((7 * text.length + index) % 12).slice(0, 40) || "!" : null;
    const environment = { name: "echo", stops: ["1", "a", "e", "="], begin: () => ({ reply }) };
    const arithmetic = createArithmeticTask({ maxDigits: 2 }) as unknown as Task;
    const task = inEnvironment(arithmetic, { environment, maxTurns: 8, timeoutSeconds: 5 });
    const policy = { model, tokenizer, template: "compact" as const, stopIds: [tokenizer.eosId as number] };
    const problems = [0, 1, 2].map((index) => arithmetic.generate(0, index, "train"));
    const options = { numGenerations: 3, maxNewTokens: 200, temperature: 0.8, maxSequences: 4, seed: 2 };
    const trajectories = await rollout(policy, task, problems, options);
    const config = parseGrpoOptions({ temperature: 0.8, microBatchTokens: 300 });
    const scored = await scoreLogProbs(model, trajectories, config);
    expect(scored.map((values) => [...values])).toEqual(trajectories.map(({ logProbs }) => [...logProbs]));
    const numReplies = trajectories.map(({ turns = [] }) => turns.filter(({ from }) => from === "environment").length);
    expect(numReplies.reduce((a, b) => a + b)).toBeGreaterThan(12);
    expect(Math.max(...trajectories.map((each) => sequenceOf(each).ids.length))).toBeGreaterThan(128);
    model.dispose();
  });
});
