// What the core must do wherever it runs: train a small DeepSeek (latent attention, experts, multi-token prediction),
// sample from it, and take a step of GRPO. Gives hashes and figures that are the same everywhere. Imports nothing but
// the core.
import {
  AdamW,
  createArithmeticTask,
  createCharTokenizer,
  createModel,
  createReferenceBackend,
  Device,
  Engine,
  GrpoTrainer,
  type LanguageModel,
  PagedRunner,
  parseGrpoOptions,
  parseHfConfig,
  Random,
  type RewardSample,
  setDefaultDevice,
  type Task,
  trainStep,
} from "../../src/core/index.js";

/** What a run leaves behind. Hashes are of all weights. */
export interface Outcome {
  readonly losses: readonly number[];
  readonly trained: string;
  readonly completions: readonly (readonly number[])[];
  readonly logProbs: readonly number[];
  readonly drafted: number;
  readonly rollouts: readonly (readonly number[])[];
  readonly rewards: readonly (number | null)[];
  readonly loss: number;
  readonly gradNorm: number;
  readonly reinforced: string;
}

const tokenizer = createCharTokenizer("0123456789+-*/=:; \nQA");
const config = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: tokenizer.vocabSize,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  moe_intermediate_size: 8,
  n_routed_experts: 4,
  num_experts_per_tok: 2,
  n_shared_experts: 1,
  n_group: 1,
  topk_group: 1,
  norm_topk_prob: true,
  routed_scaling_factor: 1,
  first_k_dense_replace: 1,
  num_nextn_predict_layers: 1,
  q_lora_rank: null,
  kv_lora_rank: 8,
  qk_nope_head_dim: 8,
  qk_rope_head_dim: 4,
  v_head_dim: 8,
});

/** FNV-1a over the bytes of every parameter and buffer, by name. */
async function hashOf(model: LanguageModel): Promise<string> {
  let hash = 0x811c9dc5;
  const mix = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193);
  };
  for (const [name, { data }] of await model.parameters.read()) {
    for (const byte of new TextEncoder().encode(name)) mix(byte);
    for (const byte of data) mix(byte);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

async function train(model: LanguageModel): Promise<number[]> {
  const optimizer = new AdamW(model.parameters.trained());
  const random = new Random(5);
  const losses: number[] = [];
  for (let step = 0; step < 3; step++) {
    const sequences = Array.from({ length: 3 }, () => {
      const [a, b] = [random.below(10), random.below(10)];
      return { ids: tokenizer.encode(`Q: ${a} + ${b} =\nA: ${a + b}\n`) };
    });
    const options = { lr: 1e-2, microBatchTokens: 32, routerBiasStep: 1e-3, mtpWeight: 0.3, balanceAlpha: 1e-3 };
    losses.push((await trainStep(model, optimizer, sequences, options)).loss);
  }
  optimizer.dispose();
  return losses;
}

/** Greedy and drawn completions side by side, with drafts of the model's own. */
async function sample(model: LanguageModel): Promise<Pick<Outcome, "completions" | "logProbs" | "drafted">> {
  const runner = new PagedRunner(model, {
    cacheKind: "latent",
    cacheType: "f32",
    cacheTokens: 256,
    usesDrafts: true,
  });
  const engine = new Engine({ runner, tokenizer });
  const prompt = tokenizer.encode("Q: 3 + 4 =\nA:");
  const requests = [
    { temperature: 0 },
    { temperature: 0.8, topP: 0.95, seed: 1 },
    { temperature: 1.2, topK: 9, seed: 2 },
  ].map((sampling) => engine.submit({ prompt, maxNewTokens: 10, stopIds: [], sampling }));
  const completions = await Promise.all(requests.map(({ result }) => result));
  const { drafted } = engine.stats();
  await engine.close();
  runner.dispose();
  return {
    completions: completions.map(({ ids }) => [...ids]),
    logProbs: completions.flatMap(({ logProbs }) => [...logProbs]),
    drafted,
  };
}

/** Different for every completion, so that each group has spread. */
const reward = ({ completionIds }: RewardSample) =>
  Array.from(completionIds).reduce((sum, id, i) => sum + id * (i + 1), 0);

async function reinforce(
  model: LanguageModel,
): Promise<Pick<Outcome, "rollouts" | "rewards" | "loss" | "gradNorm" | "reinforced">> {
  const policy = { model, tokenizer, template: "compact" as const, stopIds: [0] };
  const task = createArithmeticTask({ maxDigits: 1 }) as unknown as Task;
  const sizes = { numPrompts: 2, numGenerations: 3, maxCompletionLength: 6 };
  const options = parseGrpoOptions({ ...sizes, learningRate: 1e-3, beta: 0.05 });
  const trainer = new GrpoTrainer(policy, task, [reward], options, 7);
  const { trajectories, rewards, metrics } = await trainer.runStep();
  trainer.dispose();
  return {
    rollouts: trajectories.map(({ completionIds }) => [...completionIds]),
    rewards,
    loss: metrics.loss,
    gradNorm: metrics.grad_norm,
    reinforced: await hashOf(model),
  };
}

/** Runs it all on the reference backend. */
export async function runProgram(): Promise<Outcome> {
  setDefaultDevice(new Device(createReferenceBackend()));
  const model = createModel(config, { seed: 3 });
  const losses = await train(model);
  const trained = await hashOf(model);
  const sampled = await sample(model);
  return { losses, trained, ...sampled, ...(await reinforce(model)) };
}
