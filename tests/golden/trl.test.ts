// Advantages, losses, gradients and metrics of GRPO and its variants: those of TRL's own code on the same numbers
// (trl_vectors.py).
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backends/reference.js";
import type { Trajectory } from "../../src/eval/trajectory.js";
import { type GrpoOptions, parseGrpoOptions } from "../../src/rl/config.js";
import { lessonOf } from "../../src/rl/lesson.js";
import { batchMetrics } from "../../src/rl/metrics.js";
import { policyLoss, type UpdateSample } from "../../src/rl/policy-loss.js";
import { splitMinibatches } from "../../src/rl/update.js";
import { meanFigures, UpdateTally } from "../../src/rl/update-tally.js";
import { parseResponse } from "../../src/tasks/response.js";
import { sampleReward, scoreSamples } from "../../src/tasks/reward.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { scope, tensor } from "../../src/tensor/engine.js";
import { Parameter } from "../../src/tensor/parameter.js";
import { withTape } from "../../src/tensor/tape.js";

interface Row {
  readonly rewards: readonly (number | null)[];
  readonly promptLength: number;
  readonly ended: boolean;
  readonly logp: readonly number[];
  readonly oldLogp: readonly number[];
  readonly refLogp: readonly number[];
  readonly entropy: readonly number[];
  readonly gradient: readonly number[];
  /** 1 for the model's own tokens, 0 for those of an environment; absent without one. */
  readonly own?: readonly number[];
}
interface Case {
  readonly name: string;
  readonly config: GrpoOptions & { readonly numGenerations: number };
  readonly batch: readonly Row[];
  /** One for each completion, or for each of its tokens. */
  readonly advantages: readonly (number | readonly number[])[];
  readonly losses: readonly number[];
  readonly metrics: Readonly<Record<string, number | null>>;
}
const { cases: written, rewardWeights } = JSON.parse(readFileSync(new URL("trl.json", import.meta.url), "utf8")) as {
  cases: Case[];
  rewardWeights: number[];
};

/** What is left of a row where an environment's tokens are context: all but its place in the sequence. */
const ownOf = (row: Row): Row => {
  const { own } = row;
  if (!own) return row;
  const [logp, oldLogp, refLogp, entropy, gradient] = [
    ...[row.logp, row.oldLogp, row.refLogp, row.entropy, row.gradient],
  ].map((values) => values.filter((_, i) => own[i] === 1));
  return { ...row, logp, oldLogp, refLogp, entropy, gradient };
};
const cases = written.map((each) => ({ ...each, batch: each.batch.map(ownOf), rows: each.batch }));

const trajectoryOf = (row: Row, index: number): Trajectory => ({
  problem: { id: `${index}`, split: "train", fields: { ...row }, answer: "", difficulty: 0, meta: {} },
  prompt: "",
  promptIds: new Int32Array(row.promptLength),
  completionIds: new Int32Array(row.logp.length),
  completion: "",
  response: parseResponse(""),
  numThinking: 0,
  logProbs: Float32Array.from(row.oldLogp),
  finishReason: row.ended ? "stop" : "length",
  ...(row.own && { turns: row.own.map((own) => turnOf(own === 1)) }),
});
const turnOf = (isOwn: boolean) => ({
  ...({ from: isOwn ? "model" : "environment", text: "", ids: new Int32Array(1) } as const),
});
const rewards = ["first", "second"].map((name, i) => ({
  reward: sampleReward(name, ({ columns }) => (columns as unknown as Row).rewards[i]),
  weight: rewardWeights[i],
}));

/** Loss of some samples and its gradient at every token. */
async function lossOf(
  samples: readonly UpdateSample[],
  logp: readonly number[],
  config: ReturnType<typeof parseGrpoOptions>,
) {
  const parameter = scope(() => new Parameter(tensor(logp, [logp.length]), "logp"));
  const total = scope(() =>
    withTape((tape) => {
      const loss = policyLoss(parameter, samples, config);
      tape.backward(loss);
      return loss;
    }),
  );
  return { loss: await total.item(), gradient: Array.from((await parameter.grad?.data()) ?? []) };
}

describe.each(cases)("$name", ({ config: given, batch, rows: whole, ...expected }) => {
  beforeAll(() => setDefaultDevice(new Device(createReferenceBackend())));
  const config = parseGrpoOptions(given);
  const trajectories = batch.map(trajectoryOf);
  const score = async () => {
    const table = await scoreSamples(rewards, trajectories);
    const references = config.beta > 0 ? batch.map(({ refLogp }) => Float32Array.from(refLogp)) : null;
    return { table, lesson: lessonOf(trajectories, table.totals, references, config) };
  };
  const minibatches = async () => {
    const { values, refLogProbs } = (await score()).lesson;
    const scored = trajectories.map((trajectory, i) => ({
      trajectory,
      advantages: values[i],
      refLogProbs: refLogProbs?.[i] ?? null,
    }));
    return splitMinibatches(scored, config);
  };
  /** The rows of a minibatch's samples, found by their log-probabilities under the old policy. */
  const rowsOf = (samples: readonly UpdateSample[]) =>
    samples.map(({ oldLogProbs }) => trajectories.findIndex(({ logProbs }) => logProbs === oldLogProbs));

  test("advantages", async () => {
    const { values } = (await score()).lesson;
    expected.advantages.forEach((advantage, i) => {
      values[i].forEach((value, t) => {
        expect(value).toBeCloseTo(typeof advantage === "number" ? advantage : advantage[t], 4);
      });
    });
  });

  test("losses and gradients", async () => {
    const gradients = batch.map(({ logp }) => logp.map(() => 0));
    for (const [m, { samples }] of (await minibatches()).entries()) {
      const rows = rowsOf(samples);
      const { loss, gradient } = await lossOf(
        samples,
        rows.flatMap((row) => batch[row].logp),
        config,
      );
      expect(Math.abs(loss - expected.losses[m])).toBeLessThan(5e-6 * Math.max(1, Math.abs(expected.losses[m])));
      for (const row of rows) gradients[row] = gradient.splice(0, batch[row].logp.length);
    }
    batch.forEach(({ gradient }, row) => {
      gradient.forEach((g, i) => {
        expect(gradients[row][i]).toBeCloseTo(g, 5);
      });
    });
  });

  test("an environment's tokens have no gradient in TRL either, and are none of a sample's targets", async () => {
    for (const { samples } of await minibatches())
      for (const [i, row] of rowsOf(samples).entries()) {
        const { own = whole[row].logp.map(() => 1), gradient, promptLength } = whole[row];
        expect(gradient.filter((g, t) => own[t] === 0 && g !== 0)).toEqual([]);
        const places = own.flatMap((each, t) => (each === 1 ? [promptLength + t] : []));
        expect([...samples[i].targets]).toEqual(places);
      }
  });

  test("metrics, each under TRL's name", async () => {
    const { table, lesson } = await score();
    const updates = (await minibatches()).map(({ samples, ...counts }) => {
      const tally = new UpdateTally(config, counts);
      const rows = rowsOf(samples);
      tally.add(
        samples,
        rows.flatMap((row) => batch[row].logp),
        rows.flatMap((row) => batch[row].entropy),
      );
      return tally.figures();
    });
    const ours: Record<string, number | undefined> = {
      ...batchMetrics(trajectories, table, lesson),
      ...lesson.metrics,
      ...meanFigures(updates),
    };
    const { num_tokens: numTokens, ...metrics } = expected.metrics;
    for (const [name, value] of Object.entries(metrics)) {
      if (name === "entropy" && config.beta === 0) continue; // not every token is computed: ours has another name then
      if (value === null) expect(ours[name], name).toBeUndefined();
      else expect(ours[name], name).toBeCloseTo(value, 4);
    }
    expect(trajectories.reduce((n, t) => n + t.promptIds.length + t.completionIds.length, 0)).toBe(numTokens);
    const others = Object.keys(ours).filter((name) => !(name in metrics) && !name.startsWith("environment/"));
    expect(others).toEqual(config.beta === 0 ? ["trained/entropy"] : []);
  });
});
