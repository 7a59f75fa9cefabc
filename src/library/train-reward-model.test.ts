// Claims about reward models: they learn pairs and labels, say how far they can be trusted, are saved as transformers
// has them, score alike whatever the company, go on to the same bits, and give rewards.
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { openModelDirectory } from "../checkpoint/index.js";
import { openForInference } from "../inference/opening/open-for-inference.js";
import { openModel } from "../inference/opening/open-model.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import { rewardModelOptions } from "../preference/options.js";
import { openRewardModel, type RewardModel, rewardModel } from "../preference/reward-model.js";
import {
  config,
  contextOf,
  tinyPairs,
  tokenizer,
  writeRows,
  writeTinyModel,
} from "../preference/tiny-preferences.fixture.js";
import type { TrainingSummary } from "../run/records.js";
import { RunDirectory, readRun } from "../run/run-directory.js";
import { type RewardInput, scoreSamples } from "../tasks/reward.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { Progress } from "../terminal/progress.js";
import { Interrupted } from "../train/interrupted.js";
import { performStages } from "../train/stage.js";
import { rewardModelPath, rewardModelStage, trainRewardModel } from "./train-reward-model.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-reward-model-"));
const at = (name: string) => join(folder, name);
const options = rewardModelOptions({
  ...{ steps: 24, batchRows: 8, learningRate: 0.01, warmupSteps: 0, validationFraction: 0.3 },
});
const run = (name: string, data: string, more = {}, context = {}): Promise<TrainingSummary> =>
  trainRewardModel(contextOf(at(name), context), {
    model: at("base"),
    data: [data],
    options: { ...options, ...more },
    seed: 1,
  });
const checkpointOf = (name: string, step = 24) => join(at(name), "checkpoints", `step-${step}`);

let summary: TrainingSummary;
let scorer: RewardModel;
beforeAll(async () => {
  setDefaultDevice(new Device(createReferenceBackend()));
  await writeTinyModel(at("base"));
  summary = await run("pairs", writeRows(folder, "pairs.jsonl", tinyPairs(100)));
  scorer = await openRewardModel(at("pairs"));
}, 120_000);
afterAll(() => {
  scorer.dispose();
  rmSync(folder, { recursive: true });
});

it("learns pairs, and measures itself on prompts it has not seen", () => {
  const { validation } = summary;
  expect(validation?.accuracy).toBe(1);
  expect(validation?.rows).toBeGreaterThan(15);
  expect(summary.valLoss).toBeLessThan(0.2);
});

it("learns labels", async () => {
  const rows = tinyPairs(100).map(({ prompt, chosen, rejected }, i) =>
    i % 2 === 0 ? { prompt, completion: chosen, label: true } : { prompt, completion: rejected, label: false },
  );
  const { validation } = await run("labels", writeRows(folder, "labels.jsonl", rows));
  expect(validation).toMatchObject({ accuracy: 1, accuracy_label_true: 1, accuracy_label_false: 1 });
  expect(validation).not.toHaveProperty("margin");
});

it("shows a bias of length: what has only learnt length is right where the better answer is longer", async () => {
  const rows = tinyPairs(150).map(({ prompt }, i) => ({
    prompt,
    chosen: i % 10 === 0 ? "A" : "AAAA",
    rejected: i % 10 === 0 ? "AAAA" : "A",
  }));
  const { validation } = await run("length", writeRows(folder, "length.jsonl", rows));
  expect(validation?.length_correlation).toBeGreaterThan(0.7);
  expect(validation?.accuracy_chosen_longer).toBe(1);
  expect(validation?.accuracy_chosen_shorter).toBe(0);
  const { accuracy, accuracy_stderr: stderr, rows: count } = validation as Record<string, number>;
  expect(stderr).toBeCloseTo(Math.sqrt((accuracy * (1 - accuracy)) / (count - 1)), 12);
});

it("is saved as transformers reads it, with what scores are normalised by", async () => {
  const saved = await openModelDirectory(checkpointOf("pairs"));
  expect(saved.config).toMatchObject({
    architectures: ["LlamaForSequenceClassification"],
    id2label: { 0: "LABEL_0" },
    label2id: { LABEL_0: 0 },
  });
  expect(saved.weights.info("score.weight").shape).toEqual([1, config.hidden_size]);
  expect(saved.weights.names).not.toContain("lm_head.weight");
  await saved.close();
  const notes = JSON.parse(readFileSync(join(checkpointOf("pairs"), "generation_config.json"), "utf8")).reward_model;
  const { mean_reward: mean, reward_std: std } = summary.validation as Record<string, number>;
  expect(notes).toEqual({ form: "text", mean, std });
});

const answers = [
  { prompt: "5=", answer: "AA" },
  { prompt: "5=", answer: "QQQ" },
  { prompt: "77=", answer: "A" },
];

it("scores every answer to the same bits, alone and beside others", async () => {
  const together = await scorer.score(answers);
  expect(together[0]).toBeGreaterThan(together[1]);
  for (const [i, answer] of answers.entries()) expect(await scorer.score([answer])).toEqual([together[i]]);
  expect(await scorer.score([...answers].reverse())).toEqual([...together].reverse());
  const raw = await scorer.rawScores(answers);
  const { mean, std } = scorer.notes;
  expect(together).toEqual(raw.map((score) => (score - mean) / std));
});

it("opened from its files, it scores as it was trained", async () => {
  const trained = await openModel(at("pairs"), { scoreSeed: null });
  const same = await openRewardModel(checkpointOf("pairs"));
  expect(await same.rawScores(answers)).toEqual(await scorer.rawScores(answers));
  expect(trained.model.parameters.master("score.weight")).toBeDefined();
  trained.model.dispose();
  same.dispose();
});

it("a reward model that is trained further keeps its head; one that begins has the head of its seed", async () => {
  const headOf = async (path: string, scoreSeed: number) => {
    const { model } = await openModel(path, { scoreSeed });
    const values = Array.from((await model.parameters.master("score.weight").data()) as Float32Array);
    model.dispose();
    return values;
  };
  expect(await headOf(at("pairs"), 7)).toEqual(await headOf(at("pairs"), 8));
  expect(await headOf(at("base"), 7)).not.toEqual(await headOf(at("base"), 8));
});

it("a reward model has neither multi-token prediction nor a padding token that ends texts", async () => {
  const predicting = parseHfConfig({
    model_type: "deepseek_v3",
    ...{ hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{
      num_key_value_heads: 2,
      max_position_embeddings: 32,
      vocab_size: tokenizer.vocabSize,
      first_k_dense_replace: 1,
    },
    ...{ q_lora_rank: 8, kv_lora_rank: 8, qk_nope_head_dim: 4, qk_rope_head_dim: 4, v_head_dim: 4 },
    ...{ moe_intermediate_size: 8, n_routed_experts: 4, n_shared_experts: 1, n_group: 1, topk_group: 1 },
    ...{ num_experts_per_tok: 2, num_nextn_predict_layers: 1, eos_token_id: 1, pad_token_id: 1 },
  });
  await writeTinyModel(at("predicting"), predicting);
  const whole = await openModel(at("predicting"), { scoreSeed: 1 });
  expect(whole.config).toMatchObject({ num_nextn_predict_layers: 0, pad_token_id: null });
  expect(whole.model.parameters.storedParts().some(({ part }) => part.name.includes("layers.1."))).toBe(false);
  whole.model.dispose();
  const lora = { rank: 2, alpha: 4, rsLora: false, targets: "all-linear", dropout: 0 } as const;
  const data = at("pairs.jsonl");
  const request = { model: at("predicting"), data: [data], options: { ...options, steps: 2, lora }, seed: 1 };
  expect((await trainRewardModel(contextOf(at("predicting-adapter")), request)).steps).toBe(2);
});

it("trains an adapter with a score head over a frozen model, in PEFT's layout", async () => {
  const lora = { rank: 4, alpha: 8, rsLora: false, targets: "all-linear", dropout: 0 as const };
  const { validation } = await run("adapter", at("pairs.jsonl"), { lora });
  expect(validation?.accuracy).toBe(1);
  const saved = await openModelDirectory(checkpointOf("adapter"));
  expect(saved.config).toMatchObject({ task_type: "SEQ_CLS", modules_to_save: ["score"] });
  expect(saved.weights.info("base_model.model.score.weight").shape).toEqual([1, config.hidden_size]);
  await saved.close();
  const adapter = await openRewardModel(at("adapter"));
  const [good, bad] = await adapter.score(answers);
  expect(good).toBeGreaterThan(bad + 1);
  const { mean_reward: mean } = validation as Record<string, number>;
  expect(adapter.notes.mean).toBe(mean);
  adapter.dispose();
  await expect(openForInference(at("adapter"))).rejects.toThrow("this is a reward model");
});

it("stopped and resumed, it ends in the same bits", async () => {
  const controller = new AbortController();
  const data = at("pairs.jsonl");
  const progress = new Progress({ mode: "silent" });
  progress.update = (step: number) => void (step === 9 && controller.abort());
  await expect(run("stopped", data, {}, { signal: controller.signal, progress })).rejects.toThrow(Interrupted);
  expect(existsSync(join(at("stopped"), "summary.json"))).toBe(false);
  const { validation } = await run("stopped", data, {}, { resumes: true });
  expect(validation).toEqual(summary.validation);
  const weights = (name: string) => readFileSync(join(checkpointOf(name), "model.safetensors"));
  expect(weights("stopped").equals(weights("pairs"))).toBe(true);
  // Gone on with from its last checkpoint, it does not measure itself again.
  const { metrics } = readRun(at("stopped"));
  rmSync(join(at("stopped"), "summary.json"));
  await run("stopped", data, {}, { resumes: true });
  expect(readRun(at("stopped")).metrics).toEqual(metrics);
});

describe("as a reward", () => {
  const sample = (completion: string, id = "5="): RewardInput => ({
    prompt: `A conversation. User: ${id} Assistant: <think>`,
    completion,
    completionIds: [],
    problem: { id, split: "train", fields: {}, answer: "", difficulty: 0, meta: {} },
  });
  const thinking = (answer: string) => `1</think><answer>${answer}</answer>`;
  const question = ({ problem }: { problem: { id: string } }) => problem.id;

  it("scores the answer to the question, clips, and gives the lowest value without an answer", async () => {
    const reward = rewardModel(at("pairs"), { question, limit: 0.5 });
    const { totals, byReward } = await scoreSamples(
      [{ reward, weight: 2 }],
      [sample(thinking("AA")), sample(thinking("QQQ")), sample("1")],
    );
    expect([...byReward.keys()]).toEqual(["rm_pairs"]);
    expect(totals).toEqual([1, -1, -1]);
    const free = await scoreSamples([rewardModel(scorer, { question, limit: 100 })], [sample(thinking("AA"))]);
    expect(free.totals).toEqual(await scorer.score([{ prompt: "5=", answer: "AA" }]));
  });

  it("reads the whole completion where it is asked to", async () => {
    const reward = rewardModel(scorer, { question, limit: 100, reads: "completion" });
    const { totals } = await scoreSamples([reward], [sample("QA")]);
    expect(totals).toEqual(await scorer.score([{ prompt: "5=", answer: "QA" }]));
  });
});

describe("what is no reward model, or is one, is said by name", () => {
  it("a model without a score head", async () => {
    await expect(openRewardModel(at("base"))).rejects.toThrow("this model has no score head; expected a reward model");
  });
  it("a reward model that is to write", async () => {
    for (const open of [openModel, openForInference])
      await expect(open(at("pairs"))).rejects.toThrow(
        "this is a reward model: it scores texts and writes none; use it",
      );
  });
  it("a score head that is missing from the files", async () => {
    cpSync(checkpointOf("pairs"), at("damaged"), { recursive: true });
    copyFileSync(join(at("base"), "model.safetensors"), join(at("damaged"), "model.safetensors"));
    await expect(openRewardModel(at("damaged"))).rejects.toThrow("missing score.weight [1,16]");
  });
  it("logits of a score head, a score of a head over the vocabulary", async () => {
    expect(() => scorer.model.head).toThrow("this model scores texts and continues none");
    const model = createModel(config, { seed: 1 });
    expect(() => model.score(model.parameters.master("model.norm.weight"))).toThrow("it has no score head");
    model.dispose();
  });
});

it("as a stage it trains in a run of its own, goes on where it stopped, and leaves the run's model alone", async () => {
  const path = at("outer");
  const controller = new AbortController();
  const stop = new Progress({ mode: "silent" });
  stop.update = (step: number) => void (step === 5 && controller.abort());
  const data = () => [at("pairs.jsonl")];
  let kept: unknown;
  const attempt = async (progress: Progress, signal: AbortSignal) => {
    const { model } = await openModel(at("base"));
    const weights = () => model.parameters.master("model.embed_tokens.weight").data();
    const before = await weights();
    const directory = existsSync(path)
      ? RunDirectory.resume(path, undefined)
      : RunDirectory.create({ verb: "r1", path, seed: 1, options: {}, isa: "reference", threads: 1 });
    const stage = rewardModelStage("helpful", { data, options, seed: 1 }, contextOf(path, { progress, signal }));
    const look = async () => void (kept = [await weights(), before]);
    const parts = { run: directory, seed: 1, progress, signal, peakFlops: 0, model, tokenizer, checkpointSeconds: 60 };
    try {
      const stages = [stage, { name: "look", state: { step: 0 }, run: look }];
      return await performStages(parts, stages, undefined, () => stage.state.summary as TrainingSummary);
    } finally {
      directory.close();
    }
  };
  await expect(attempt(stop, controller.signal)).rejects.toThrow(Interrupted);
  const { validation } = await attempt(new Progress({ mode: "silent" }), new AbortController().signal);
  expect(validation).toEqual(summary.validation);
  const [after, before] = kept as [Float32Array, Float32Array];
  expect(after).toEqual(before);
  const opened = await openRewardModel(rewardModelPath(path, "helpful"));
  expect(await opened.rawScores(answers)).toEqual(await scorer.rawScores(answers));
  opened.dispose();
});
