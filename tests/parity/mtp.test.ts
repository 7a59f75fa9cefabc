// Multi-token prediction at depth 2: which rows there are and what each may see, that every part is trained, and that
// its gradient is the slope of its loss.
import { beforeAll, describe, expect, test } from "vitest";
import { createModel } from "../../src/models/create.js";
import { parseHfConfig } from "../../src/models/hf-config.js";
import type { LanguageModel } from "../../src/models/language-model.js";
import { Random } from "../../src/random.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { scopeAsync } from "../../src/tensor/engine.js";
import { makeTrainBatch, type TrainSequence } from "../../src/train/batch.js";
import { backends } from "./backends.js";
import { relativeDifference } from "./golden-case.js";
import { fullLoss, gradientsOf, type NamedNumbers, parametersOf, train } from "./training-run.js";

const depth = 2;
const hidden = 16;
const numChosenExperts = 2;
const config = parseHfConfig({
  model_type: "deepseek_v3",
  vocab_size: 24,
  hidden_size: hidden,
  intermediate_size: 20,
  moe_intermediate_size: 8,
  num_hidden_layers: 2,
  first_k_dense_replace: 1,
  num_attention_heads: 2,
  q_lora_rank: 10,
  kv_lora_rank: 8,
  qk_nope_head_dim: 6,
  qk_rope_head_dim: 4,
  v_head_dim: 5,
  n_routed_experts: 4,
  num_experts_per_tok: numChosenExperts,
  n_group: 2,
  topk_group: 1,
  max_position_embeddings: 64,
  initializer_range: 0.2,
  num_nextn_predict_layers: depth,
});

const random = new Random(11);
const ofLength = (length: number): TrainSequence => ({ ids: Array.from({ length }, () => random.below(24)) });
const sequences = [9, 6].map(ofLength);
/** Rows at depths 0, 1, 2: 1/0/0, 8/7/6, 2/1/0, 5/4/3. */
const withShortOnes = [2, 9, 3, 6].map(ofLength);

describe.each(backends)("on the $name backend", (backend) => {
  beforeAll(() => setDefaultDevice(new Device(backend)));

  test.each([1, 5])(
    "token %i is seen by the rows of depth k from k places before it, and by no earlier one",
    async (changedAt) => {
      const model = createModel(config, { seed: 4 });
      const [first] = sequences;
      const before = await mtpRows(model, [first]);
      const after = await mtpRows(model, [
        { ids: Array.from(first.ids, (id, i) => (i === changedAt ? (id + 1) % 24 : id)) },
      ]);
      for (let k = 1; k <= depth; k++) {
        const differs = before[k - 1].map((row, t) => row.join() !== after[k - 1][t].join());
        // At depth 2 row 0 reads token 1 only by way of depth 1.
        expect(differs.indexOf(true)).toBe(Math.max(0, changedAt - k));
      }
      model.dispose();
    },
  );

  test("packed sequences give the rows of separate ones at every depth, to the bit", async () => {
    const model = createModel(config, { seed: 4 });
    const separate = await Promise.all(withShortOnes.map((s) => mtpRows(model, [s])));
    const joined = Array.from({ length: depth }, (_, k) => separate.flatMap((rows) => rows[k] ?? []));
    expect(joined.map((rows) => rows.length)).toEqual([12, 9]);
    expect(await mtpRows(model, withShortOnes)).toEqual(joined);
    model.dispose();
  });

  test("experts are chosen for the T − k rows with a target, and for no other", async () => {
    const model = createModel(config, { seed: 4 });
    const { loads } = await gradientsOf(model, [withShortOnes], fullLoss);
    const chosen = loads.map((load) => load.reduce((a, b) => a + b, 0) / numChosenExperts);
    expect(chosen).toEqual([16, 12, 9]);
    model.dispose();
  });

  test("micro-batches add up, also where a depth has no row in some of them", async () => {
    const model = createModel(config, { seed: 4 });
    // A large balance weight, for its mean over sequences is what the short ones could spoil.
    const options = { mtpWeight: 0.3, balanceAlpha: 0.5 };
    const whole = await gradientsOf(model, [withShortOnes], options);
    const [two, nine, three, six] = withShortOnes;
    const parts = await gradientsOf(model, [[two], [nine, six], [three]], options);
    expect(parts.loss).toBeCloseTo(whole.loss, 5);
    expect(parts.loads).toEqual(whole.loads);
    expect([...parts.gradients.keys()]).toEqual([...whole.gradients.keys()]);
    for (const [name, gradient] of whole.gradients)
      expect(relativeDifference(parts.gradients.get(name) as Float32Array, gradient), name).toBeLessThan(5e-6);
    model.dispose();
  });

  test("sequences too short for any depth train the main model alone", async () => {
    const model = createModel(config, { seed: 4 });
    const short = [ofLength(2), ofLength(2)];
    const [withMtp, without] = [
      await gradientsOf(model, [short], fullLoss),
      await gradientsOf(model, [short], { ...fullLoss, mtpWeight: 0 }),
    ];
    expect(withMtp).toEqual(without);
    expect((await train(model, short, 2)).every(Number.isFinite)).toBe(true);
    model.dispose();
  });

  test("every parameter of the main model and of both depths gets a gradient", async () => {
    const model = createModel(config, { seed: 4 });
    const { gradients } = await gradientsOf(model, [sequences], fullLoss);
    const untrained = [...gradients].filter(([, g]) => g.every((x) => x === 0)).map(([name]) => name);
    expect([...gradients.keys()].filter((name) => name.startsWith("model.layers.3."))).not.toEqual([]);
    expect(untrained).toEqual([]);
    model.dispose();
  });

  test("the gradient is the slope of the whole loss: main, both depths and balance", async () => {
    const model = createModel(config, { seed: 4 });
    const { gradients } = await gradientsOf(model, [sequences], fullLoss);
    const squaredNorm = [...gradients.values()].reduce((sum, g) => sum + g.reduce((s, x) => s + x * x, 0), 0);
    const start = await parametersOf(model);
    const at = (distance: number) => {
      move(model, start, gradients, distance);
      return gradientsOf(model, [sequences], fullLoss);
    };
    const distance = 5e-4 / Math.sqrt(squaredNorm);
    const [ahead, behind] = [await at(distance), await at(-distance)];
    // The loss jumps where a token changes experts: the slope is defined only if none did.
    expect(ahead.loads).toEqual(behind.loads);
    expect(Math.abs((ahead.loss - behind.loss) / (2 * distance) / squaredNorm - 1)).toBeLessThan(2e-3);
    model.dispose();
  });

  test("training lowers the loss", async () => {
    const model = createModel(config, { seed: 4 });
    const losses = await train(model, sequences, 15);
    expect(losses[14]).toBeLessThan(losses[0] - 0.1);
    model.dispose();
  });
});

/** The hidden states of each depth, row by row. */
function mtpRows(model: LanguageModel, sequences: readonly TrainSequence[]): Promise<number[][][]> {
  return scopeAsync(async () => {
    const { inputs, mtp } = makeTrainBatch(sequences, depth, 1);
    const states = model.forward(inputs, { mtp }).mtpHidden;
    return Promise.all(
      states.map(async (state) => {
        const values = Array.from(await state.data());
        return Array.from({ length: state.shape[0] }, (_, t) => values.slice(t * hidden, (t + 1) * hidden));
      }),
    );
  });
}

/** Sets every trained tensor to start + distance · gradient. */
function move(model: LanguageModel, start: NamedNumbers, gradients: NamedNumbers, distance: number): void {
  for (const { spec, part, elementOffset } of model.parameters.storedParts()) {
    const gradient = gradients.get(part.name);
    if (!gradient) continue;
    const values = Float32Array.from(start.get(part.name) as Float32Array, (x, i) => x + distance * gradient[i]);
    model.parameters.write(spec.name, elementOffset, part.shape, new Uint8Array(values.buffer));
  }
}
