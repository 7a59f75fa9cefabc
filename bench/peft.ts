// Claim: an adapter that was trained here loads in peft (`PeftModel.from_pretrained`), which then computes our logits.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createNativeBackend } from "../src/backends/native/backend.js";
import { writeModelDirectory } from "../src/checkpoint/index.js";
import { createModel } from "../src/models/create.js";
import { parseHfConfig } from "../src/models/hf-config.js";
import type { LanguageModel } from "../src/models/language-model.js";
import { AdamW } from "../src/optim/adamw.js";
import { packageRoot } from "../src/package-root.js";
import { Device, setDefaultDevice } from "../src/tensor/device.js";
import { scopeAsync } from "../src/tensor/engine.js";
import { makeTrainBatch } from "../src/train/batch.js";
import { loraSchema, trainedAdapters } from "../src/train/lora-options.js";
import { modelFiles } from "../src/train/snapshot.js";
import { trainStep } from "../src/train/step.js";
import type { Claim } from "./claim.js";
import { shapes } from "./workload.js";

const config = parseHfConfig({ ...shapes.models.dense, num_hidden_layers: 2, vocab_size: 512 });
const ids = Int32Array.from({ length: 24 }, (_, i) => (i * 37 + 11) % 512);

export const peft: Claim = async ({ threads, peersPython }) => {
  setDefaultDevice(new Device(createNativeBackend({ threads })));
  const folder = mkdtempSync(join(tmpdir(), "luciole-peft-"));
  try {
    const [base, adapter] = [join(folder, "base"), join(folder, "adapter")];
    const ours = await trained(base, adapter);
    const line = { claim: "peft", what: "logits with an adapter of ours", unit: "relative", ours: 0 };
    if (!peersPython) return [{ ...line, note: "no peer: nothing was compared" }];
    const script = join(packageRoot(), "bench", "peers", "peft_adapter.py");
    const run = promisify(execFile)(peersPython, [script, base, adapter, Array.from(ids).join()], {
      maxBuffer: 2 ** 26,
    });
    const difference = largestDifference(ours, JSON.parse((await run).stdout) as number[]);
    const note = `largest difference ${difference.toExponential(1)}`;
    return [{ ...line, ours: difference, reached: difference, target: { atMost: 1e-4 }, note }];
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Writes a random model and an adapter that took some steps over it; gives the logits of both together. */
async function trained(base: string, adapter: string): Promise<Float32Array> {
  const adapters = trainedAdapters(loraSchema.parse({ rank: 8, rsLora: true }), 2);
  const model = createModel(config, { seed: 1, trains: "none", adapters });
  const plain = createModel(config, { seed: 1 });
  await writeModelDirectory(base, modelFiles(plain));
  plain.dispose();
  const optimizer = new AdamW(model.trainable.trained());
  for (let i = 0; i < 5; i++)
    await trainStep(model, optimizer, [{ ids }], { lr: 1e-2, microBatchTokens: 1000, routerBiasStep: 0 });
  await writeModelDirectory(adapter, modelFiles(model, base));
  const logits = await logitsOf(model);
  optimizer.dispose();
  model.dispose();
  return logits;
}

const logitsOf = (model: LanguageModel): Promise<Float32Array> =>
  scopeAsync(async () => {
    const { hidden } = model.forward(makeTrainBatch([{ ids: [...ids, 0] }], 0, 1).inputs);
    return Float32Array.from(await model.logits(hidden).data());
  });

/** In units of the largest number. */
function largestDifference(a: ArrayLike<number>, b: readonly number[]): number {
  if (a.length !== b.length) throw new Error(`peft: expected ${a.length} logits, got ${b.length}`);
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - a[i])), 0) / largest;
}
