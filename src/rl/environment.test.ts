// Claims about learning in an environment: a tool that is worth asking is asked, its tokens are context and not learnt,
// and figures count the model's own tokens.
import { afterEach, beforeEach, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import { inEnvironment } from "../tasks/environment.js";
import { accuracyReward } from "../tasks/rewards.js";
import type { Task } from "../tasks/task.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { parseGrpoOptions } from "./config.js";
import { GrpoTrainer } from "./grpo-trainer.js";

const tokenizer = createCharTokenizer("Q12?", { eos: "<eos>", tags: ["<answer>", "</answer>"] });
const config = parseHfConfig({
  model_type: "llama",
  hidden_size: 16,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 16,
  vocab_size: tokenizer.vocabSize,
  initializer_range: 0.1,
});

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

/** A secret digit that the question does not tell. Who says `?` is told it. */
const secret: Task = {
  name: "secret",
  generate: (_, index, split) => {
    const answer = `${1 + ((index * 7 + (index >> 2)) % 2)}`;
    return { id: `${index}`, split, fields: {}, answer, difficulty: 0, meta: {} };
  },
  verify: ({ answer }, given) => Number(given === answer),
  renderPrompt: () => "Q",
  validate: () => ({ task: "secret", numTrain: 0, numHeldOut: 0, numDistinct: 0, meanDifficulty: 0 }),
};
/** The model's first digit is its answer, with or without having asked. */
const oracle = {
  name: "oracle",
  stops: ["?", "1", "2"],
  begin: ({ answer }: { answer: string }) => ({
    reply: ({ stop }: { stop: string | null }) => (stop === "?" ? answer : { answer: stop }),
  }),
};

const open: GrpoTrainer[] = [];
afterEach(() => {
  for (const trainer of open.splice(0)) {
    trainer.dispose();
    trainer.policy.model.dispose();
  }
});

function trainerOf(steps: number): GrpoTrainer {
  const task = inEnvironment(secret, { environment: oracle, maxTurns: 3, timeoutSeconds: 5 });
  const model = createModel(config, { seed: 3 });
  const policy = { model, tokenizer, template: "compact" as const, stopIds: [tokenizer.eosId as number] };
  const options = { steps, numPrompts: 8, numGenerations: 8, maxCompletionLength: 8, learningRate: 0.02 };
  open.push(new GrpoTrainer(policy, task, [accuracyReward(task)], parseGrpoOptions(options), 1));
  return open[0];
}

it("learns to ask where only asking tells, from a model that knows nothing", async () => {
  const trainer = trainerOf(24);
  const accuracy: number[] = [];
  const asked: number[] = [];
  for (let step = 0; step < 24; step++) {
    const { metrics, trajectories } = await trainer.runStep();
    accuracy.push(metrics.reward);
    asked.push(trajectories.filter(({ completion }) => completion.includes("?")).length / trajectories.length);
    expect(metrics["trained/sampling_logp_difference/max"] ?? 0).toBeLessThan(1e-6);
  }
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  expect(mean(accuracy.slice(0, 5))).toBeLessThan(0.6);
  expect(mean(accuracy.slice(-5))).toBeGreaterThan(0.9);
  expect(mean(asked.slice(-5))).toBeGreaterThan(0.9);
});

it("counts the model's tokens as completion, as TRL does, and tells of turns and replies", async () => {
  const { metrics, trajectories, work } = await trainerOf(1).runStep();
  const lengths = trajectories.map(({ completionIds }) => completionIds.length);
  const own = lengths.reduce((a, b) => a + b, 0);
  expect(metrics["completions/mean_length"]).toBe(own / lengths.length);
  expect(work.rollout.tokens).toBe(own);
  expect(metrics.num_tokens).toBe(own + trajectories.reduce((sum, { promptIds }) => sum + promptIds.length, 0));
  const said = trajectories.flatMap(({ turns = [] }) => turns);
  const numTurns = said.filter(({ from }) => from === "model").length;
  const replies = said.filter(({ from }) => from === "environment").reduce((sum, { ids }) => sum + ids.length, 0);
  expect(metrics["environment/mean_turns"]).toBe(numTurns / trajectories.length);
  expect(metrics["environment/mean_reply_tokens"]).toBe(replies / trajectories.length);
  expect(replies).toBeGreaterThan(0);
});
