// Completions of one prompt, computed with the prompt's rows held once: the same log-probabilities to the bit as each
// alone, and the sum of the gradients.
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { scopeAsync, tensor } from "../../src/tensor/engine.js";
import { dot } from "../../src/tensor/ops/reduce.js";
import { withTape } from "../../src/tensor/tape.js";
import { completionLogProbs } from "../../src/train/completion-log-probs.js";
import { fastestBackend } from "./backends.js";

const sizes = {
  vocab_size: 50,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
  initializer_range: 0.2,
};
const families = {
  qwen2: { ...sizes, model_type: "qwen2" },
  gemma2: {
    ...{ ...sizes, model_type: "gemma2", head_dim: 32, sliding_window: 50, query_pre_attn_scalar: 32 },
    ...{ attn_logit_softcapping: 2, final_logit_softcapping: 3 },
  },
};

/** Completions of 70 tokens' prompts: a block of keys and a part of the next; two prompts, one alone. */
const lengths = [
  [0, 9],
  [0, 1],
  [0, 30],
  [1, 12],
] as const;
const samples = lengths.map(([prompt, completion], s) => ({
  ids: Int32Array.from({ length: 70 + completion }, (_, i) => (i < 70 ? 3 * i + 5 * prompt : 7 * i + s) % 50),
  targets: Int32Array.from({ length: completion }, (_, i) => 70 + i),
}));
const weightOf = (token: number) => Math.cos(token);

describe.each(fastestBackend)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each([
    ["qwen2", "f32"],
    ["qwen2", "bf16"],
    ["gemma2", "f32"],
  ] as const)("%s in %s", async (family, compute) => {
    const model = createModel(parseHfConfig(families[family]), { seed: 3, compute });
    const together = await learn(samples);
    const alone: Awaited<ReturnType<typeof learn>>[] = [];
    let from = 0;
    for (const sample of samples) {
      alone.push(await learn([sample], from));
      from += sample.targets.length;
    }
    expect(together.logp).toEqual(alone.flatMap(({ logp }) => logp));
    for (const [name, gradient] of together.gradients) {
      const sum = gradient.map((_, i) => alone.reduce((n, { gradients }) => n + (gradients.get(name) ?? [])[i], 0));
      const size = Math.max(...sum.map(Math.abs));
      const furthest = Math.max(...gradient.map((x, i) => Math.abs(x - sum[i])));
      expect(furthest / size, name).toBeLessThan(compute === "f32" ? 1e-5 : 2e-2);
    }
    model.dispose();

    /** Log-probabilities, and the gradients of their weighted sum. */
    async function learn(of: typeof samples, from = 0) {
      return scopeAsync(async () => {
        const logp = withTape((tape) => {
          const found = completionLogProbs(model, of, 1).logp;
          const weights = Float32Array.from({ length: found.size }, (_, i) => weightOf(from + i));
          tape.backward(dot(found, tensor(weights, [found.size], "f32", model.device)));
          return found;
        });
        const gradients = new Map<string, number[]>();
        for (const parameter of model.parameters.trained()) {
          gradients.set(parameter.name, [...((await parameter.grad?.data()) ?? [])]);
          parameter.clearGrad();
        }
        return { logp: [...(await logp.data())], gradients };
      });
    }
  });
});
