// What saving costs: a checkpoint is read from the device piece by piece, never whole.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { CheckpointStore } from "../checkpoint/index.js";
import { createModel } from "../models/create.js";
import { parseHfConfig } from "../models/hf-config.js";
import { AdamW } from "../optim/adamw.js";
import { Device } from "../tensor/device.js";
import { PIECE_BYTES } from "../tensor/tensor.js";
import { modelFiles, restoreSnapshot, trainerTensors } from "./snapshot.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-snapshot-"));
afterAll(() => rmSync(folder, { recursive: true }));

// An embedding of 9 MiB: more than a piece.
const config = parseHfConfig({
  ...{
    model_type: "llama",
    vocab_size: 2304,
    hidden_size: 1024,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 16,
  },
  ...{ num_key_value_heads: 1, head_dim: 64, max_position_embeddings: 16, tie_word_embeddings: true },
});

test("a checkpoint is copied to the host in small pieces, and restores the same bytes", async () => {
  const backend = createReferenceBackend();
  const reads: number[] = [];
  const device = new Device({
    ...backend,
    read: (buffer, offset, sizeBytes) => {
      reads.push(sizeBytes);
      return backend.read(buffer, offset, sizeBytes);
    },
  });
  const parts = (seed: number | null) => {
    const model = createModel(config, { seed, device });
    return { model, optimizer: new AdamW(model.parameters.trained()) };
  };
  const saved = parts(1);
  const contents = { ...modelFiles(saved.model), trainer: { step: 1, tensors: trainerTensors(saved), state: {} } };
  expect(reads).toEqual([]);
  const store = await CheckpointStore.open(folder);
  await store.save(contents);
  expect(Math.max(...reads)).toBe(PIECE_BYTES);
  expect(reads.reduce((a, b) => a + b, 0)).toBe(12 * saved.model.parameters.numTrained);

  const restored = parts(null);
  const checkpoint = await store.loadLatest();
  if (!checkpoint) throw new Error("no checkpoint");
  await restoreSnapshot(checkpoint, restored, 1);
  await checkpoint.close();
  const [before, after] = [await saved.model.parameters.read(), await restored.model.parameters.read()];
  for (const [name, { data }] of before)
    expect(Buffer.compare(data, after.get(name)?.data ?? new Uint8Array())).toBe(0);
});
