// Our side of a comparison, in a process of its own so that its peak memory is its own: `node child.js KIND
// MODEL f32|bf16 THREADS`. Speaks the line protocol of stepper.ts, as bench/peers/variants.py does.
import { createInterface } from "node:readline";
import { createNativeBackend } from "../src/backends/native/backend.js";
import { generate } from "../src/inference/runtime/generate.js";
import type { LanguageModel } from "../src/models/language-model.js";
import { Device, defaultDevice, setDefaultDevice } from "../src/tensor/device.js";
import type { ComputeType } from "../src/tensor/dtype.js";
import { grpoTrainer } from "./grpo-workload.js";
import type { StepResult, WorkKind } from "./stepper.js";
import { buildAdapted, buildModel, generateRequests, type ModelName, shapes, TrainingWorkload } from "./workload.js";

type Step = (isWarmup: boolean) => Promise<StepResult>;

const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

/**
 * Runs `body` once: wall and CPU seconds, the tokens it worked off, where the time went, and whatever `body` returns
 * beside.
 */
async function timedStep(tokens: number, body: () => Promise<object>): Promise<StepResult> {
  defaultDevice().startProfile();
  const [startedMs, startedCpu] = [performance.now(), process.cpuUsage()];
  const extra = await body();
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(startedCpu);
  const profile = [...defaultDevice().stopProfile()].map(([op, { calls, seconds: opSeconds, flops }]) => ({
    op,
    calls,
    seconds: opSeconds,
    flops,
  }));
  return { seconds, cpuSeconds: (user + system) / 1e6, tokens, profile, ...extra };
}

interface Work {
  readonly facts: object;
  readonly step: Step;
}

const trainer = (name: ModelName, compute: ComputeType): Work => training(buildModel(name, compute), shapes.train);

const tuner = async (name: ModelName, compute: ComputeType): Promise<Work> =>
  training(await buildAdapted(name, compute), shapes.lora);

function training(model: LanguageModel, batch: { batchSize: number; sequenceLength: number }): Work {
  const workload = new TrainingWorkload(model, batch);
  const { batchSize, sequenceLength } = batch;
  return {
    facts: { numParameters: model.trainable.numTrained },
    step: () => {
      const batch = workload.nextBatch();
      return timedStep(batchSize * sequenceLength, async () => ({
        loss: await workload.step(batch),
        liveBuffers: defaultDevice().memory().liveBuffers,
      }));
    },
  };
}

async function reinforcer(name: ModelName, compute: ComputeType): Promise<Work> {
  const model = await buildAdapted(name, compute);
  const trainer = grpoTrainer(model);
  const { prompts, completions, newTokens } = shapes.grpo;
  return {
    facts: { numParameters: model.trainable.numTrained },
    step: () =>
      timedStep(prompts * completions * newTokens, async () => {
        const { metrics } = await trainer.runStep();
        return { loss: metrics.loss };
      }),
  };
}

function sampler(name: ModelName, compute: ComputeType): Work {
  const model = buildModel(name, compute, false);
  const { rows, newTokens, temperature, topP, topK } = shapes.generate;
  return {
    facts: { numParameters: model.parameters.numTrained },
    step: (isWarmup) => {
      const count = isWarmup ? 8 : newTokens;
      const requests = generateRequests(model.vocabSize, count);
      return timedStep(rows * count, async () => {
        await generate(model, requests, { maxSequences: rows, stopIds: [], temperature, topP, topK });
        return { newTokensPerRow: count };
      });
    },
  };
}

const [kind, name, compute, threads] = process.argv.slice(2);
const backend = createNativeBackend({ threads: Number(threads) });
setDefaultDevice(new Device(backend));
const importedRssBytes = peakRssBytes();
const kinds = { train: trainer, generate: sampler, lora: tuner, grpo: reinforcer };
const { facts, step } = await kinds[kind as WorkKind](name as ModelName, compute as ComputeType);
say({ facts: { ...facts, threads: backend.threads, isa: backend.isa } });
for await (const line of createInterface(process.stdin)) say(await step(line.trim() === "warmup"));
say({ peakRssBytes: peakRssBytes(), importedRssBytes });
