// Claim: what a trainer keeps of an adapter's model over a frozen Q4_K base, beside activations, is at most 1.3 times
// the base's file: weights, the adapter's gradients and its moments, as planned. Plans foresee a step's memory to the
// byte (src/train/memory-plan.test.ts), so no step is run.
import { parametersOf, randomTensorSource, randomWeights } from "../src/inference/opening/random-weights.js";
import { publishedConfig } from "../src/models/published.js";
import { formatMemory } from "../src/number-text.js";
import { loraSchema, trainedAdapters } from "../src/train/lora-options.js";
import { planTraining } from "../src/train/memory-plan.js";
import type { Line } from "./claim.js";

const SHAPES = ["r1-distill-llama-8b", "r1-distill-qwen-1.5b"];
const SEQUENCE = 512;
const BASE = "q4_k";

/** A line for each shape: the memory kept over that of the file. */
export const frozenMemory = (): Promise<Line[]> => Promise.all(SHAPES.map(lineOf));

async function lineOf(shape: string): Promise<Line> {
  const config = publishedConfig(shape);
  const source = randomWeights(parametersOf(config), BASE);
  try {
    const plan = await planTraining(
      {
        ...{ config, compute: "bf16" as const, frozen: { trains: "none" as const, source } },
        adapters: trainedAdapters(loraSchema.parse({ rank: 16 }), 1),
      },
      shape,
      { sequences: [{ ids: new Int32Array(SEQUENCE + 1) }] },
      { microBatchTokens: SEQUENCE, routerBiasStep: 0 },
    );
    const file = await fileBytes(config);
    const kept = plan.weights + plan.gradients + plan.moments;
    return {
      ...{ claim: "frozen", what: `memory over ${BASE}, ${shape}`, unit: "MiB", ours: kept / 2 ** 20 },
      ...{ ceiling: file / 2 ** 20, reached: kept / file, target: { atMost: 1.3 } },
      note: `rank 16; activations of ${SEQUENCE} tokens beside it: ${formatMemory(plan.activations)}`,
    };
  } finally {
    source.close();
  }
}

async function fileBytes(config: ReturnType<typeof publishedConfig>): Promise<number> {
  const tensors = await randomTensorSource(config, BASE);
  const bytes = tensors.names.reduce((sum, name) => sum + tensors.info(name).sizeBytes, 0);
  await tensors.close();
  return bytes;
}
