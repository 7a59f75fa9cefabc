// Losses of distillation and their gradients: those of PyTorch and of TRL's own code on the same numbers
// (distill_vectors.py).
import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { openBackend } from "../../src/backends/open.js";
import { createReferenceBackend } from "../../src/backends/reference.js";
import { distillOptions, onPolicyConfig } from "../../src/distill/options.js";
import { policyLoss, tokenWeight, type UpdateSample } from "../../src/rl/policy-loss.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { scope, tensor } from "../../src/tensor/engine.js";
import { headDivergence, headLogProb } from "../../src/tensor/ops/head.js";
import { Parameter } from "../../src/tensor/parameter.js";
import { withTape } from "../../src/tensor/tape.js";
import type { Tensor } from "../../src/tensor/tensor.js";

type Matrix = readonly (readonly number[])[];
interface Gradients {
  readonly loss: number;
  readonly dh: Matrix;
  readonly dw: Matrix;
}
interface Case extends Gradients {
  readonly name: string;
  readonly direction: "forward" | "reverse";
  readonly temperature: number;
  readonly tokens: Matrix;
  readonly logProbs: Matrix;
  readonly weights: readonly number[];
}
const golden: {
  readonly h: Matrix;
  readonly w: Matrix;
  readonly cases: readonly Case[];
  readonly onPolicy: Gradients & {
    readonly targets: readonly number[];
    readonly teacherLogProbs: readonly number[];
    readonly advantages: readonly number[];
  };
} = JSON.parse(readFileSync(new URL("distill.json", import.meta.url), "utf8"));

const matrix = (values: Matrix, dtype: "f32" | "i32" = "f32"): Tensor =>
  tensor(values.flat(), [values.length, values[0].length], dtype);

/** The loss of a head, and its gradients, beside what they should be. */
async function expectLoss(expected: Gradients, lossOf: (h: Tensor, w: Tensor) => Tensor): Promise<void> {
  const [h, w] = scope(() => [golden.h, golden.w].map((values, i) => new Parameter(matrix(values), "hw"[i])));
  const loss = scope(() =>
    withTape((tape) => {
      const result = lossOf(h, w);
      tape.backward(result);
      return result;
    }),
  );
  expect(await loss.item()).toBeCloseTo(expected.loss, 5);
  for (const [parameter, gradient] of [
    [h, expected.dh],
    [w, expected.dw],
  ] as const) {
    const got = Array.from((await parameter.grad?.data()) ?? []);
    gradient.flat().forEach((value, i) => {
      expect(got[i]).toBeCloseTo(value, 5);
    });
  }
}

const native = await openBackend();
describe.each([
  ["reference", createReferenceBackend()],
  ["native", native],
] as const)("%s", (_, backend) => {
  beforeEach(() => setDefaultDevice(new Device(backend)));

  test.each(golden.cases)("divergence $name", async (expected) => {
    const { direction, temperature, weights } = expected;
    await expectLoss(expected, (h, weight) => {
      const rows = { tokens: matrix(expected.tokens, "i32"), logProbs: matrix(expected.logProbs) };
      const perRow = tensor(weights, [weights.length], "f32");
      return headDivergence(h, { weight }, rows, perRow, { direction, temperature }).loss;
    });
  });

  test("a teacher's log-probabilities less the student's own, as the advantages of its tokens", async () => {
    const { targets, teacherLogProbs, advantages } = golden.onPolicy;
    const config = onPolicyConfig(distillOptions({ method: "on-policy" }), targets.length);
    await expectLoss(golden.onPolicy, (h, weight) => {
      const { logp } = headLogProb(h, { weight }, tensor(targets, [targets.length], "i32"));
      const own = teacherLogProbs.map((each, i) => each - advantages[i]);
      const totals = { numCompletions: 1, meanTokens: targets.length, ownTokens: targets.length, maxLength: 9 };
      const sample = {
        advantages: Float32Array.from(teacherLogProbs, (each, i) => each - own[i]),
        oldLogProbs: Float32Array.from(own),
        refLogProbs: null,
        tokenWeight: tokenWeight(config.lossType, targets.length, totals),
      };
      return policyLoss(logp, [sample as unknown as UpdateSample], config);
    });
  });
});
