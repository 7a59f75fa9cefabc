// Memory of reinforcement's two phases, sampling and updating, found by running each once on shapes alone.
import { generate } from "../inference/generate.js";
import type { Optimizer } from "../optim/optimizer.js";
import { type PhaseMemory, type PlannedModel, planPhase } from "../train/memory-plan.js";
import { type GrpoOptions, parseGrpoOptions } from "./config.js";
import { updatePolicy } from "./update.js";

/** Tokens sampled while planning: the first pass fills the prompts in, the others decode. */
const PLANNED_TOKENS = 3;

/** Plans sampling `slots` rows at once, each of at most so many prompt and new tokens. `trains`: an optimiser keeps its moments meanwhile. */
export function planSampling(
  model: PlannedModel,
  name: string,
  sizes: { readonly slots: number; readonly promptTokens: number; readonly maxNewTokens: number; readonly trains: boolean; readonly hasReference?: boolean },
): Promise<PhaseMemory> {
  return planPhase(model, { name, ...sizes }, async (shapes) => {
    const probe = shapes.createCache(sizes.slots, sizes.promptTokens + sizes.maxNewTokens);
    const cache = probe.sizeBytes;
    probe.dispose();
    const controller = new AbortController();
    let tokens = 0;
    const onToken = () => {
      if (++tokens > PLANNED_TOKENS * sizes.slots) controller.abort();
    };
    const prompt = new Int32Array(sizes.promptTokens);
    const requests = Array.from({ length: sizes.slots }, (_, seed) => ({ prompt, seed, maxNewTokens: sizes.maxNewTokens }));
    await generate(shapes, requests, { slots: sizes.slots, stopIds: [], onToken, signal: controller.signal });
    return { cache, hasGradients: false };
  });
}

/** Plans one round of updates on full-length completions. */
export function planUpdates(model: PlannedModel, name: string, options: GrpoOptions, promptTokens: number): Promise<PhaseMemory> {
  const config = parseGrpoOptions(options);
  return planPhase(model, { name, trains: true, hasReference: config.beta > 0 }, async (shapes, optimizer, reference) => {
    const perCompletion = promptTokens + config.maxCompletionLength;
    const all = config.numPrompts * config.numGenerations;
    const count = Math.min(all, 2 * Math.max(1, Math.floor(config.microBatchTokens / perCompletion)));
    const scored = Array.from({ length: count }, () => ({ trajectory: plannedTrajectory(promptTokens, config.maxCompletionLength), advantage: 1 }));
    await updatePolicy(shapes, reference, optimizer as Optimizer, scored, { ...config, numIterations: 1, numMinibatches: 1 }, 0);
    return { cache: 0, hasGradients: true };
  });
}

function plannedTrajectory(promptTokens: number, completionTokens: number) {
  const problem = { id: "", split: "train", fields: {}, answer: "", difficulty: 0, meta: {} } as const;
  const [promptIds, completionIds] = [new Int32Array(promptTokens), new Int32Array(completionTokens)];
  return { problem, prompt: "", promptIds, completionIds, completion: "", logProbs: new Float32Array(completionTokens), stopReason: "length" as const };
}
