// Our side of a comparison, in a process of its own so that its peak memory is its own: `node child.js train|generate
// MODEL f32|bf16 THREADS`. Speaks the line protocol of stepper.ts, as bench/peers/variants.py does.
import { createInterface } from "node:readline";
import { createNativeBackend } from "../src/backends/native/backend.js";
import { generate } from "../src/inference/runtime/generate.js";
import { Device, defaultDevice, setDefaultDevice } from "../src/tensor/device.js";
import type { ComputeType } from "../src/tensor/dtype.js";
import type { StepResult } from "./stepper.js";
import { buildModel, generateRequests, type ModelName, shapes, TrainingWorkload } from "./workload.js";

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

function trainer(name: ModelName, compute: ComputeType): { facts: object; step: Step } {
  const workload = new TrainingWorkload(buildModel(name, compute));
  const { batchSize, sequenceLength } = shapes.train;
  return {
    facts: { numParameters: workload.model.parameters.numTrained },
    step: () => {
      const batch = workload.nextBatch();
      return timedStep(batchSize * sequenceLength, async () => ({
        loss: await workload.step(batch),
        liveBuffers: defaultDevice().memory().liveBuffers,
      }));
    },
  };
}

function sampler(name: ModelName, compute: ComputeType): { facts: object; step: Step } {
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
const { facts, step } = (kind === "train" ? trainer : sampler)(name as ModelName, compute as ComputeType);
say({ facts: { ...facts, threads: backend.threads, isa: backend.isa } });
for await (const line of createInterface(process.stdin)) say(await step(line.trim() === "warmup"));
say({ peakRssBytes: peakRssBytes(), importedRssBytes });
