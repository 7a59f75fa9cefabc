// Models, batches and sampling of the benchmark as bench/peers/shapes.json describes them, for ours; the peers read the
// same file. Knows nothing of clocks.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parametersOf, randomWeights } from "../src/inference/opening/random-weights.js";
import type { GenerateRequest } from "../src/inference/runtime/generate.js";
import { createModel } from "../src/models/create.js";
import { parseHfConfig } from "../src/models/hf-config.js";
import type { LanguageModel } from "../src/models/language-model.js";
import { loadStored } from "../src/models/stored-weights.js";
import { AdamW } from "../src/optim/adamw.js";
import { packageRoot } from "../src/package-root.js";
import type { ComputeType } from "../src/tensor/dtype.js";
import type { TrainSequence } from "../src/train/batch.js";
import { loraSchema, trainedAdapters } from "../src/train/lora-options.js";
import { trainStep } from "../src/train/step.js";
import { TokenStream } from "../tests/parity/token-stream.js";

/** The models of shapes.json. */
export type ModelName = "dense" | "deepseek" | "smollm2";

interface Shapes {
  readonly threads: number;
  readonly streamSeed: number;
  readonly optimizer: { lr: number; beta1: number; beta2: number; eps: number; weightDecay: number; maxNorm: number };
  readonly train: { batchSize: number; sequenceLength: number; mtpLambda: number };
  readonly lora: { rank: number; alpha: number; batchSize: number; sequenceLength: number };
  readonly grpo: { prompts: number; completions: number; promptTokens: number; newTokens: number };
  readonly generate: {
    rows: number;
    promptTokens: number;
    newTokens: number;
    temperature: number;
    topP: number;
    topK: number;
  };
  readonly models: Readonly<Record<ModelName, Record<string, unknown>>>;
}

/** The one description of what is measured. */
export const shapes = JSON.parse(readFileSync(join(packageRoot(), "bench", "peers", "shapes.json"), "utf8")) as Shapes;

/** A model of shapes.json; without MTP for sampling, as the peer's. */
export function buildModel(name: ModelName, compute: ComputeType, withMtp = true): LanguageModel {
  const raw = withMtp ? shapes.models[name] : { ...shapes.models[name], num_nextn_predict_layers: 0 };
  return createModel(parseHfConfig(raw), { compute, seed: shapes.streamSeed });
}

/** A model of shapes.json with random weights, frozen in the type of products, and an adapter that trains. */
export async function buildAdapted(name: ModelName, compute: ComputeType): Promise<LanguageModel> {
  const config = parseHfConfig(shapes.models[name]);
  const { rank, alpha } = shapes.lora;
  const adapters = trainedAdapters(loraSchema.parse({ rank, alpha }), shapes.streamSeed);
  if (compute === "f32") return createModel(config, { compute, seed: shapes.streamSeed, trains: "none", adapters });
  const model = createModel(config, { compute, seed: null, trains: "none", adapters });
  const source = randomWeights(parametersOf(config), "bf16");
  await loadStored(model.parameters, source);
  source.close();
  return model;
}

/** Whole optimiser steps on the shared token stream. */
export class TrainingWorkload {
  private readonly optimizer: AdamW;
  private readonly stream: TokenStream;

  constructor(
    readonly model: LanguageModel,
    private readonly batch: { batchSize: number; sequenceLength: number } = shapes.train,
  ) {
    const { beta1, beta2, eps, weightDecay, maxNorm } = shapes.optimizer;
    this.optimizer = new AdamW(model.trainable.trained(), { beta1, beta2, eps, weightDecay, maxNorm });
    this.stream = new TokenStream(model.vocabSize, shapes.streamSeed);
  }

  /** The next batch: rows of sequenceLength + 1 tokens. To be drawn outside the timed part, as the peers do. */
  nextBatch(): TrainSequence[] {
    const { batchSize, sequenceLength } = this.batch;
    return this.stream.rows(batchSize, sequenceLength).map((ids) => ({ ids }));
  }

  /** One optimiser step; the next-token loss before it. */
  async step(batch: readonly TrainSequence[]): Promise<number> {
    const options = {
      lr: shapes.optimizer.lr,
      microBatchTokens: Number.POSITIVE_INFINITY,
      routerBiasStep: 0,
      mtpWeight: shapes.train.mtpLambda,
    };
    return (await trainStep(this.model, this.optimizer, batch, options)).loss;
  }
}

/** The rows to sample: the peers' prompts, `newTokens` each. */
export function generateRequests(vocabSize: number, newTokens: number): GenerateRequest[] {
  const { rows, promptTokens } = shapes.generate;
  const stream = new TokenStream(vocabSize, shapes.streamSeed);
  return stream
    .rows(rows, promptTokens)
    .map((row, seed) => ({ prompt: row.slice(0, promptTokens), seed, maxNewTokens: newTokens }));
}
