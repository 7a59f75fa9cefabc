// Expert balancing: what is counted as load, and how the selection bias follows it.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Random } from "../random.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { scope, tensor } from "../tensor/engine.js";
import { sumAll } from "../tensor/ops/reduce.js";
import { recompute } from "../tensor/recompute.js";
import { noGrad, withTape } from "../tensor/tape.js";
import type { Tensor } from "../tensor/tensor.js";
import { MoeLayer } from "./moe.js";
import { ParameterSet } from "./parameters.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const hidden = 6;
const numTokens = 20;
const topK = 2;

function layer(hasRouterBias = true): { moe: MoeLayer; parameters: ParameterSet } {
  const parameters = new ParameterSet({ compute: "f32", seed: 3 });
  const router = {
    topK,
    numGroups: 1,
    topkGroups: 1,
    scoring: "sigmoid",
    groupScore: "top2sum",
    normalize: true,
    scale: 1,
  } as const;
  const moe = new MoeLayer(
    parameters,
    "mlp",
    { hidden, expertWidth: 4, numRouted: 8, numShared: 1, router, hasRouterBias },
    { std: 0.5 },
  );
  return { moe, parameters };
}

function tokens(): Tensor {
  const values = new Float32Array(numTokens * hidden);
  new Random(5).fillNormal(values);
  return tensor(values, [numTokens, hidden]);
}

const loadOf = async (moe: MoeLayer) => Array.from(await moe.load.data());
const total = (load: readonly number[]) => load.reduce((a, b) => a + b, 0);
const trainOnce = (moe: MoeLayer, recomputed = false) =>
  withTape((tape) =>
    scope(() => {
      const x = tokens();
      x.requiresGrad = true;
      const run = (input: Tensor) => [moe.forward(input, input).output];
      tape.backward(sumAll((recomputed ? recompute(run, [x]) : run(x))[0]));
    }),
  );

describe("expert load", () => {
  test("is top-k per token of every training forward, added up until the bias update", async () => {
    const { moe } = layer();
    trainOnce(moe);
    const once = await loadOf(moe);
    expect(total(once)).toBe(numTokens * topK);
    trainOnce(moe);
    expect(await loadOf(moe)).toEqual(once.map((n) => 2 * n));
    moe.updateBias(0.01);
    expect(total(await loadOf(moe))).toBe(0);
  });

  test("is counted once where the layer is computed twice", async () => {
    const [stored, recomputed] = [layer().moe, layer().moe];
    trainOnce(stored);
    trainOnce(recomputed, true);
    expect(await loadOf(recomputed)).toEqual(await loadOf(stored));
  });

  test("is not counted outside training", async () => {
    const { moe } = layer();
    scope(() => moe.forward(tokens(), tokens()));
    withTape(() => noGrad(() => scope(() => moe.forward(tokens(), tokens()))));
    expect(total(await loadOf(moe))).toBe(0);
  });
});

describe("router bias", () => {
  test("rises by gamma for experts below the mean load and falls for those above", async () => {
    const { moe, parameters } = layer();
    trainOnce(moe);
    const mean = (numTokens * topK) / 8;
    const expected = (await loadOf(moe)).map((n) => Math.fround(0.01 * Math.sign(mean - n)));
    moe.updateBias(0.01);
    expect(Array.from(await parameters.master("mlp.gate.e_score_correction_bias").data())).toEqual(expected);
  });

  test("evens the load out over many updates", async () => {
    const { moe } = layer();
    const spread = async () => {
      const load = await loadOf(moe);
      return Math.max(...load) - Math.min(...load);
    };
    trainOnce(moe);
    const before = await spread();
    for (let step = 0; step < 60; step++) {
      moe.updateBias(0.01);
      trainOnce(moe);
    }
    expect(await spread()).toBeLessThanOrEqual(before / 2);
  });

  test("is absent without a bias, where an update only starts the count again", async () => {
    const { moe, parameters } = layer(false);
    trainOnce(moe);
    moe.updateBias(0.01);
    expect(total(await loadOf(moe))).toBe(0);
    expect(parameters.storedParts().some(({ part }) => part.name.endsWith("bias"))).toBe(false);
  });
});
