// What is read of sampled tokens: a tokenizer that flags the response tags as special and its twin that does not are
// the same to evaluation and rewards, and a prompt that ends in <think> begins the thought. The vocabulary is so small
// that a random model says tags.
import { beforeEach, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import { RESPONSE_TAGS } from "../tasks/response.js";
import { scoreSamples } from "../tasks/reward.js";
import { accuracyReward, formatReward, tagCountReward } from "../tasks/rewards.js";
import type { Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { evaluatePolicy } from "./evaluate-policy.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const unflagged = createCharTokenizer("12", { eos: "<eos>", tags: [...RESPONSE_TAGS] });
const json = unflagged.toJSON();
const flagged = createTokenizer(
  { ...json, added_tokens: json.added_tokens?.map((token) => ({ ...token, special: true })) },
  { eos_token: "<eos>" },
);
const config = parseHfConfig({
  model_type: "llama",
  vocab_size: unflagged.vocabSize,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 16,
  max_position_embeddings: 64,
});

/** Problem i asks for one of the two characters. */
const taskWith = (prompt: string): Task => ({
  name: "characters",
  generate: (_, index, split) => ({
    id: `${index}`,
    split,
    fields: {},
    answer: index % 2 ? "1" : "2",
    difficulty: 0,
    meta: {},
  }),
  verify: ({ answer }, given) => (given.includes(answer) ? 1 : 0),
  renderPrompt: () => prompt,
  validate: () => ({ task: "characters", numTrain: 0, numHeldOut: 0, numDistinct: 0, meanDifficulty: 0 }),
});
const PLAN = { problems: 8, samplesPerProblem: 40, maxNewTokens: 14, temperature: 1, maxSequences: 64, seed: 3 };

async function evaluated(tokenizer: Tokenizer, prompt: string) {
  const model = createModel(config, { compute: "f32", seed: 1 });
  try {
    const policy = { model, tokenizer, template: "plain" as const, stopIds: [unflagged.eosId as number] };
    const { evaluation, trajectories } = await evaluatePolicy(policy, taskWith(prompt), PLAN);
    const rewards = await scoreSamples(
      [accuracyReward(taskWith(prompt)), formatReward(), tagCountReward()],
      trajectories,
    );
    return { evaluation, trajectories, rewards };
  } finally {
    model.dispose();
  }
}

test("evaluation and rewards do not hang on whether the tokenizer flags the tags", async () => {
  const [one, other] = [await evaluated(unflagged, "1"), await evaluated(flagged, "1")];
  expect(one.evaluation.pass1).toBeGreaterThan(0);
  expect(one.evaluation.meanThinkTokens).toBeGreaterThan(0);
  expect(Math.max(...(one.rewards.byReward.get("tag_count_reward") as number[]))).toBeGreaterThan(0);
  expect(other).toEqual(one);
});

test("a prompt that ends in <think> begins inside the thought", async () => {
  const { trajectories } = await evaluated(unflagged, "1<think>");
  for (const { response, completion } of trajectories) {
    expect(response.think).not.toBeNull();
    expect(response.tags[0]).toBe("<think>");
    if (!/<\/?(think|answer)>/.test(completion)) expect(response.think).toBe(completion);
  }
});
