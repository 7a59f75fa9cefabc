// Claims about budget forcing: cutting a thought afterwards gives what the engine gives with the budget from the start,
// and a sample that kept within the budget stands as it is. The vocabulary is so small that a random model says tags.
import { beforeEach, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { generate } from "../inference/runtime/generate.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import { RESPONSE_TAGS } from "../tasks/response.js";
import type { Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { type KeptSample, policySampler, runEvaluation } from "./evaluation-run.js";
import type { Trajectory } from "./trajectory.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const tokenizer = createCharTokenizer("12", { eos: "<eos>", tags: [...RESPONSE_TAGS] });
const config = parseHfConfig({
  ...{ model_type: "llama", vocab_size: tokenizer.vocabSize, hidden_size: 8, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, intermediate_size: 16, max_position_embeddings: 64 },
});
const taskWith = (prompt: string): Task => ({
  name: "characters",
  generate: (_, index, split) => ({
    ...{ id: `${index}`, split, fields: {}, answer: index % 2 ? "1" : "2", difficulty: 0, meta: {} },
  }),
  verify: ({ answer }, given) => (given.includes(answer) ? 1 : 0),
  renderPrompt: ({ id }) => prompt.repeat(1 + (Number(id) % 3)).replaceAll(/<think>(?!$)/g, ""),
  validate: () => ({ task: "characters", numTrain: 0, numHeldOut: 0, numDistinct: 0, meanDifficulty: 0 }),
});
const BUDGETS = [0, 1, 2, 5, 100];
const NEW_TOKENS = 14;

/** Samples of eight problems, with the answers within budgets. */
async function sampled(prompt: string, temperature: number, seed: number) {
  const model = createModel(config, { compute: "f32", seed });
  const policy = { model, tokenizer, template: "plain" as const, stopIds: [tokenizer.eosId as number] };
  const task = taskWith(prompt);
  const problems = Array.from({ length: 8 }, (_, index) => task.generate(0, index, "heldout"));
  const options = { maxNewTokens: NEW_TOKENS, temperature, maxSequences: 4 };
  const found: { kept: KeptSample; trajectory: Trajectory }[] = [];
  const part = { name: "characters", task, problems, samplesPerProblem: 4 };
  await runEvaluation(policySampler(policy, options, BUDGETS), [part], {
    ...{ done: [], seed: 3 },
    onSample: (kept, trajectory) => found.push({ kept, trajectory }),
  });
  return { model, found };
}

test.each(["1<think>", "1"])(
  "greedily, a cut thought answers as with the budget from the start: prompt %s",
  async (prompt) => {
    const { model, found } = await sampled(prompt, 0, 5);
    let numForced = 0;
    for (const { kept, trajectory } of found)
      for (const { budget, answer, isForced, numTokens } of kept.budgets ?? []) {
        const [whole] = await generate(
          model,
          [
            {
              ...{ prompt: trajectory.promptIds, seed: 0, maxNewTokens: NEW_TOKENS, form: "tagged" as const },
              thinking: { startsInside: prompt.endsWith("<think>"), budget },
            },
          ],
          { temperature: 0, stopIds: [tokenizer.eosId as number], tokenizer },
        );
        expect({ answer, numTokens }).toEqual({ answer: whole.response.answer, numTokens: whole.ids.length });
        numForced += Number(isForced);
      }
    if (prompt.endsWith("<think>")) expect(numForced).toBeGreaterThan(0);
    model.dispose();
  },
);

test("a sample within the budget stands as it is, and every budget has a grade", async () => {
  const { model, found } = await sampled("1<think>", 1, 1);
  expect(found.some(({ kept }) => kept.numThinking > 2)).toBe(true);
  for (const { kept } of found) {
    expect(kept.budgets?.map(({ budget }) => budget)).toEqual(BUDGETS);
    for (const { budget, isForced, answer, score, numTokens } of kept.budgets ?? []) {
      expect(isForced).toBe(kept.numThinking > budget);
      if (!isForced) expect([answer, score, numTokens]).toEqual([kept.answer, kept.score, kept.numTokens]);
      expect(numTokens).toBeLessThanOrEqual(NEW_TOKENS);
    }
  }
  model.dispose();
});
