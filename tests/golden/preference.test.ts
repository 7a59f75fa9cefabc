// Reward models and DPO against TRL's own code, and scores of every family against `…ForSequenceClassification` of
// transformers, on the same numbers (preference_vectors.py).
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backends/reference.js";
import { float32Values } from "../../src/checkpoint/index.js";
import { createModel } from "../../src/models/create.js";
import { withScoreHead } from "../../src/models/families.js";
import { toHfConfigJson } from "../../src/models/hf-config.js";
import { SCORE_HEAD } from "../../src/models/language-model.js";
import { loadWeights } from "../../src/models/weights.js";
import { dpoFigures, dpoSlopes, pairNumbers, type ReferencedPair } from "../../src/preference/dpo-objective.js";
import type { DpoLossOptions } from "../../src/preference/losses.js";
import type { PreferenceRow } from "../../src/preference/preference-data.js";
import { rewardFigures, rewardObjective, rewardSlopes } from "../../src/preference/reward-objective.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { tensor } from "../../src/tensor/engine.js";
import { headLogProb } from "../../src/tensor/ops/head.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { int32Values, readCase } from "../parity/golden-case.js";

interface Golden {
  readonly reward: readonly {
    readonly name: string;
    readonly centerCoefficient: number;
    readonly scores: readonly number[];
    readonly loss: number;
    readonly gradient: readonly number[];
    readonly metrics: Readonly<Record<string, number>>;
  }[];
  readonly labels: {
    readonly scores: readonly number[];
    readonly labels: readonly boolean[];
    readonly loss: number;
    readonly gradient: readonly number[];
  };
  readonly dpo: readonly (DpoLossOptions & {
    readonly name: string;
    readonly logps: readonly (readonly number[])[];
    readonly entropy: readonly (readonly number[])[];
    readonly meanLogits: readonly (readonly number[])[];
    readonly isTop1: readonly (readonly number[])[];
    readonly reference: readonly number[];
    readonly loss: number;
    readonly gradient: readonly (readonly number[])[];
    readonly metrics: Readonly<Record<string, number>>;
  })[];
  readonly heads: readonly {
    readonly name: string;
    readonly softCap: number;
    readonly hidden: readonly number[];
    readonly weight: readonly number[];
    readonly targets: readonly number[];
    readonly logp: readonly number[];
    readonly entropy: readonly number[];
    readonly meanLogits: readonly number[];
    readonly isTop1: readonly boolean[];
  }[];
  readonly scorers: readonly {
    readonly name: string;
    readonly architecture: string;
    readonly scores: readonly number[];
    readonly loss: number;
    readonly scoreGradient: readonly number[];
    readonly embeddingNorm: number;
    readonly normNorm: number;
  }[];
}
const golden = JSON.parse(readFileSync(new URL("preference.json", import.meta.url), "utf8")) as Golden;

beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));

const close = (got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 2e-6): void => {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++)
    expect(Math.abs(got[i] - wanted[i]), `${i}`).toBeLessThan(tolerance * Math.max(1, Math.abs(wanted[i])));
};
/** TRL has the chosen ones of a batch before the rejected ones; here a pair stands together. */
const paired = <T>(all: readonly T[]): T[] => {
  const half = all.length / 2;
  return all.slice(0, half).flatMap((chosen, i) => [chosen, all[half + i]]);
};
const answer = (length = 1) => ({ ids: new Int32Array(2 + length), learnFrom: 2 });

describe.each(golden.reward)("RewardTrainer: $name", ({ centerCoefficient, scores, loss, gradient, metrics }) => {
  const rows = Array.from({ length: scores.length / 2 }, () => ({ chosen: answer(), rejected: answer() }));

  test("loss and metrics are TRL's", () => {
    const { loss: got, ...figures } = rewardFigures(rows, paired(scores), centerCoefficient);
    close([got], [loss]);
    for (const [name, value] of Object.entries(metrics)) close([figures[name]], [value]);
    expect(Object.keys(figures).sort()).toEqual(Object.keys(metrics).sort());
  });

  test("the gradient of the scores is PyTorch's", () => {
    close(rewardSlopes(rows, paired(scores), centerCoefficient), paired(gradient));
  });
});

test("labels are learnt by PyTorch's binary cross-entropy", () => {
  const { scores, labels, loss, gradient } = golden.labels;
  const rows: PreferenceRow[] = labels.map((label) => ({ answer: answer(), label }));
  close([rewardFigures(rows, scores, 0).loss], [loss]);
  close(rewardSlopes(rows, scores, 0), gradient);
});

describe.each(golden.dpo)("DPOTrainer: $name", ({ logps, reference, loss, gradient, metrics, ...golden }) => {
  const { entropy, meanLogits, isTop1, ...options } = golden;
  const [answers, references] = [paired(logps), paired(reference)];
  const pairs = Array.from(
    { length: answers.length / 2 },
    (_, i): ReferencedPair => ({
      chosen: answer(answers[2 * i].length),
      rejected: answer(answers[2 * i + 1].length),
      reference: [references[2 * i], references[2 * i + 1]],
    }),
  );
  const tokens = answers.flat();
  const likeliest = paired(isTop1).flat();
  const numbers = pairNumbers(pairs, {
    logp: tokens,
    logSum: tokens.map((logp, i) => (likeliest[i] ? -logp : 0.001)),
    entropy: paired(entropy).flat(),
    meanLogit: paired(meanLogits).flat(),
  });

  test("loss and metrics are TRL's", () => {
    const { loss: got, ...figures } = dpoFigures(pairs, numbers, options);
    close([got], [loss]);
    for (const [name, value] of Object.entries(metrics)) close([figures[name]], [value]);
    expect(Object.keys(figures).sort()).toEqual(Object.keys(metrics).sort());
  });

  test("the gradient of every token's log-probability is PyTorch's", () => {
    close(dpoSlopes(pairs, tokens, options), paired(gradient).flat());
  });
});

test.each(golden.heads)("the head says of tokens what TRL's fused head does: $name", async (golden) => {
  const { softCap, hidden, weight, targets, isTop1 } = golden;
  const matrix = (values: readonly number[]) => tensor(values, [values.length / 6, 6]);
  const head = { weight: matrix(weight), softCap };
  const found = headLogProb(matrix(hidden), head, tensor(targets, [targets.length], "i32"), 1, true);
  const read = async (of: Tensor) => [...((await of.data()) as Float32Array)];
  const [logp, logSum] = [await read(found.logp), await read(found.logSum)];
  close(logp, golden.logp);
  close(await read(found.entropy), golden.entropy);
  close(await read(found.meanLogit!), golden.meanLogits);
  expect(logp.map((each, i) => each === -logSum[i])).toEqual(isTop1);
});

describe.each(golden.scorers)("$architecture ($name)", ({ name, architecture, ...wanted }) => {
  test("scores, the loss of a pair and its gradients are those of transformers", async () => {
    const { config, weights, tensors } = await readCase(name);
    const scorer = withScoreHead(config);
    expect(toHfConfigJson(scorer)).toMatchObject({ architectures: [architecture], id2label: { 0: "LABEL_0" } });
    const model = createModel(scorer, { seed: null });
    const head = Float32Array.from({ length: config.hidden_size }, (_, i) => Math.sin(i + 1));
    await loadWeights(model.parameters, async (tensor) => {
      const stored = weights.get(tensor);
      if (tensor === SCORE_HEAD) return { shape: [1, head.length], values: head };
      return stored && { shape: stored.shape, values: float32Values(stored) };
    });
    const ids = int32Values(tensors.get("input_ids")!);
    const ends = int32Values(tensors.get("cu_seqlens")!);
    const [chosen, rejected, third] = [0, 1, 2].map((i) => ({ ids: ids.slice(ends[i], ends[i + 1]) }));
    const objective = rewardObjective({ centerCoefficient: 0 });
    const rows = [{ chosen, rejected }];
    close(await objective.measure(model, [{ answer: third, label: true }], []), [wanted.scores[2]], 2e-5);
    const scores = await objective.learn(model, rows, rows);
    close(scores, wanted.scores.slice(0, 2), 2e-5);
    close([objective.figures(rows, scores).loss], [wanted.loss], 5e-5);
    const gradient = async (of: string) => (await model.parameters.master(of).grad!.data()) as Float32Array;
    const norm = async (of: string) => Math.hypot(...(await gradient(of)));
    close(await gradient(SCORE_HEAD), wanted.scoreGradient, 1e-4);
    close(
      [await norm("model.embed_tokens.weight"), await norm("model.norm.weight")],
      [wanted.embeddingNorm, wanted.normNorm],
      1e-4,
    );
    model.dispose();
  });
});
