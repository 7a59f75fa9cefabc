// Our models against Hugging Face transformers: logits, losses, every gradient, ten AdamW steps. README.md says how
// tight and why.
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { float32Values, type HostTensor } from "../../src/checkpoint/index.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import { AdamW } from "../../src/optim/adamw.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { keep, scope, scopeAsync } from "../../src/tensor/engine.js";
import { withTape } from "../../src/tensor/tape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { countTargets, makeTrainBatch, type TrainSequence } from "../../src/train/batch.js";
import { languageModelLoss } from "../../src/train/loss.js";
import { backends } from "../parity/backends.js";
import {
  asFloats,
  type GoldenCase,
  goldenPath,
  loadModel,
  meanDifference,
  readCase,
  relativeDifference,
} from "../parity/golden-case.js";

const caseNames = readdirSync(goldenPath("cases"));
/**
 * Our MTP reads the normalised hidden state, as released weights expect; the pre-norm case shares its main model only.
 */
const isPreNorm = (name: string) => name.endsWith("pre-norm");
const MTP_LAMBDA = 0.3;
const NUM_ADAMW_STEPS = 10;

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each(caseNames)("%s: logits equal transformers'", async (name) => {
    await withCase(name, "f32", async (golden, model) => {
      const { main, mtp } = await logitsOf(model, golden.sequences);
      expect(relativeDifference(main, floats(golden, "logits"), 1)).toBeLessThan(1e-5);
      if (!golden.tensors.has("mtp_logits")) return;
      const difference = relativeDifference(mtp, floats(golden, "mtp_logits"), 1);
      if (isPreNorm(name)) expect(difference).toBeGreaterThan(0.1);
      else expect(difference).toBeLessThan(1e-5);
    });
  });

  test.each(caseNames.filter((name) => !isPreNorm(name)))(
    "%s: loss and every gradient equal PyTorch's",
    async (name) => {
      await withCase(name, "f32", async (golden, model) => {
        const { total, main } = await lossAndGradients(model, golden.sequences);
        expect(Math.abs(total - golden.record.loss)).toBeLessThan(5e-6);
        expect(Math.abs(main - golden.record.mainLoss)).toBeLessThan(5e-6);
        expect(await gradientDifferences(model, golden, 2e-5)).toEqual([]);
      });
    },
  );

  test.each(caseNames.filter((name) => !isPreNorm(name)))("%s: ten AdamW steps give PyTorch's losses", async (name) => {
    await withCase(name, "f32", async (golden, model) => {
      const optimizer = new AdamW(model.parameters.trained(), {
        maxNorm: Number.POSITIVE_INFINITY,
        decays: () => true,
      });
      const losses: number[] = [];
      for (let step = 0; step < NUM_ADAMW_STEPS; step++) {
        losses.push((await lossAndGradients(model, golden.sequences)).total);
        await optimizer.step(1e-3);
      }
      losses.push((await lossAndGradients(model, golden.sequences)).total);
      const { adamw } = golden.record;
      expect(relativeDifference(losses, [...adamw.losses, adamw.finalLoss], 1)).toBeLessThan(5e-6);
      optimizer.dispose();
    });
  });

  test.each(caseNames)("%s: bf16 compute stays near", async (name) => {
    await withCase(name, "bf16", async (golden, model) => {
      const { main } = await lossAndGradients(model, golden.sequences);
      expect(Math.abs(main - golden.record.mainLoss)).toBeLessThan(0.02);
      // A token near a routing tie may take another expert in bf16, so single logits are no measure; their mean is.
      const { main: logits } = await logitsOf(model, golden.sequences);
      expect(meanDifference(logits, floats(golden, "logits"))).toBeLessThan(0.03);
    });
  });
});

async function withCase(
  name: string,
  compute: ComputeType,
  body: (golden: GoldenCase, model: LanguageModel) => Promise<void>,
): Promise<void> {
  const golden = await readCase(name);
  const model = await loadModel(golden, { compute });
  try {
    await body(golden, model);
  } finally {
    model.dispose();
  }
}

const floats = (golden: GoldenCase, name: string): Float32Array =>
  float32Values(golden.tensors.get(name) as HostTensor);

/** The training loss as the golden files define it: both means are over their own counted targets. */
async function lossAndGradients(
  model: LanguageModel,
  sequences: readonly TrainSequence[],
): Promise<{ total: number; main: number }> {
  const numTargets = countTargets(sequences);
  const numMtpTargets = sequences.reduce((n, { ids, learnFrom = 1 }) => n + ids.length - Math.max(2, learnFrom), 0);
  const losses = withTape((tape) =>
    scope(() => {
      const batch = makeTrainBatch(sequences, model.numMtp, numTargets);
      const { total, main } = languageModelLoss(model, batch, { mtpWeight: (MTP_LAMBDA * numTargets) / numMtpTargets });
      model.parameters.clearGrads();
      tape.backward(total);
      return keep([total, main]);
    }),
  );
  const [total, main] = [await losses[0].item(), await losses[1].item()];
  for (const loss of new Set(losses)) loss.dispose();
  return { total, main };
}

async function logitsOf(
  model: LanguageModel,
  sequences: readonly TrainSequence[],
): Promise<{ main: Float32Array; mtp: Float32Array }> {
  return scopeAsync(async () => {
    const { inputs, mtp } = makeTrainBatch(sequences, model.numMtp, 1);
    const { hidden, mtpHidden } = model.forward(inputs, { mtp });
    const read = async (h: Tensor | undefined) =>
      h ? Float32Array.from(await model.logits(h).data()) : new Float32Array();
    return { main: await read(hidden), mtp: await read(mtpHidden[0]) };
  });
}

/** The stored tensors whose gradient is off by more than `tolerance` of its largest entry, or that have none. */
async function gradientDifferences(model: LanguageModel, golden: GoldenCase, tolerance: number): Promise<string[]> {
  const ours = await model.parameters.read((p) => p.grad);
  const names = [...golden.tensors.keys()].filter((name) => name.startsWith("grad."));
  expect([...ours.keys()].map((name) => `grad.${name}`).sort()).toEqual(names.sort());
  return names.flatMap((name) => {
    const data = ours.get(name.slice("grad.".length))?.data as Uint8Array;
    const difference = relativeDifference(asFloats(data), floats(golden, name));
    return difference <= tolerance ? [] : [`${name}: ${difference}`];
  });
}
