// The forward check: one call against the f64 reference, guard bytes intact, read-only inputs untouched.
import { expect } from "vitest";
import type { Backend } from "../../src/tensor/backend.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import { encodeBytes, type ScalarType } from "../../src/tensor/dtype.js";
import { dispatch } from "../../src/tensor/engine.js";
import { type Case, initialOutput, referenceOf, specOf } from "./cases.js";
import { defaultTolerance, numbersOf, relativeError } from "./compare.js";
import { type Guarded, guarded } from "./guarded.js";
import { type HostOperand, rounded } from "./values.js";

/** What one call did: its operands with their surroundings, to be released by the caller. */
function call(c: Case): { inputs: (Guarded | null)[]; outputs: Guarded[] } {
  const spec = specOf(c.op);
  const inputs = c.inputs.map((x) => x && guarded(x));
  const outputs = spec
    .infer(c.inputs, c.params)
    .map(({ shape, dtype }, i) =>
      guarded(c.params.accumulate ? { ...initialOutput(c, i, shape), dtype } : { shape, dtype }),
    );
  dispatch(
    spec,
    inputs.map((g) => g?.tensor ?? null),
    c.params,
    outputs.map((g) => g.tensor),
  );
  return { inputs, outputs };
}

async function expectClose(c: Case, what: string, got: Guarded, expected: HostOperand): Promise<void> {
  const { dtype } = expected;
  // What the type cannot hold is infinite there.
  const held = rounded(expected.data, dtype);
  const numbers = expected.data.map((x, i) => (Number.isFinite(held[i]) ? x : held[i]));
  const error = relativeError(numbersOf(await got.bytes(), dtype), numbers);
  expect(error, `${what} of ${c.op} (${c.label}): error relative to the largest magnitude`).toBeLessThanOrEqual(
    Math.max(defaultTolerance[dtype as ScalarType], c.tolerance ?? 0),
  );
  expect(await got.damage(), `guard bytes around ${what} of ${c.op} (${c.label})`).toEqual([]);
}

const known = new Map<string, ReturnType<typeof referenceOf>>();
/** The reference's answer, computed once for all backends. */
function expectedOf(c: Case): ReturnType<typeof referenceOf> {
  const key = `${c.op} ${c.id}`;
  const expected = known.get(key) ?? referenceOf(c);
  known.set(key, expected);
  return expected;
}

/** Fails unless `backend` computes the case as its reference does, and touches nothing else. */
export async function checkForward(backend: Backend, c: Case): Promise<void> {
  setDefaultDevice(new Device(backend));
  const expected = expectedOf(c);
  const { inputs, outputs } = call(c);
  for (const [i, output] of outputs.entries()) await expectClose(c, `output ${i}`, output, expected.outputs[i]);
  const mutated = new Set(specOf(c.op).mutates);
  for (const [i, input] of inputs.entries()) {
    if (!input) continue;
    const reference = expected.inputs[i] as HostOperand;
    if (mutated.has(i)) await expectClose(c, `input ${i}`, input, reference);
    else {
      const same = Buffer.compare(await input.bytes(), encodeBytes(reference.data, reference.dtype)) === 0;
      expect(same, `input ${i} of ${c.op} (${c.label}) is read only`).toBe(true);
      expect(await input.damage()).toEqual([]);
    }
  }
  for (const g of [...inputs, ...outputs]) g?.release();
  expect(defaultDevice().memory().liveBuffers).toBe(0);
}
