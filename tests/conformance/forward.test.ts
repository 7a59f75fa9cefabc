// Every op on every backend against its reference in f64: values, guard bytes, untouched inputs.
import { afterAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/tensor/backend.js";
import { dispatch, memoryStats, useBackend } from "../../src/tensor/engine.js";
import { backends, nativeBackends } from "./backends.js";
import { type Case, casesOf, declaredCases, initialOutput, opNames, referenceOf, specOf } from "./cases.js";
import { encodeBytes } from "../../src/tensor/dtype.js";
import { defaultTolerance, numbersOf, relativeError } from "./compare.js";
import { type Guarded, guarded } from "./guarded.js";
import type { HostOperand } from "./values.js";

/** What one call did: its operands with their surroundings, to be released by the caller. */
function call(c: Case): { inputs: (Guarded | null)[]; outputs: Guarded[] } {
  const spec = specOf(c.op);
  const inputs = c.inputs.map((x) => x && guarded(x));
  const outputs = spec
    .infer(c.inputs, c.params)
    .map(({ shape, dtype }, i) => guarded(c.params.accumulate ? { ...initialOutput(c, i, shape), dtype } : { shape, dtype }));
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
  const error = relativeError(numbersOf(await got.bytes(), dtype), expected.data);
  expect(error, `${what} of ${c.op} (${c.label}): error relative to the largest magnitude`).toBeLessThanOrEqual(
    Math.max(defaultTolerance[dtype], c.tolerance ?? 0),
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

async function check(backend: Backend, c: Case): Promise<void> {
  useBackend(backend);
  const expected = expectedOf(c);
  const { inputs, outputs } = call(c);
  for (const [i, output] of outputs.entries()) await expectClose(c, `output ${i}`, output, expected.outputs[i]);
  const mutated = new Set(specOf(c.op).mutates);
  for (const [i, input] of inputs.entries()) {
    if (!input) continue;
    const reference = expected.inputs[i] as HostOperand;
    if (mutated.has(i)) await expectClose(c, `input ${i}`, input, reference);
    else {
      const same = Buffer.compare(await input.bytes(), encodeBytes(reference.data, reference.dtype as "f32")) === 0;
      expect(same, `input ${i} of ${c.op} (${c.label}) is read only`).toBe(true);
      expect(await input.damage()).toEqual([]);
    }
  }
  for (const g of [...inputs, ...outputs]) g?.release();
  expect(memoryStats().liveBuffers).toBe(0);
}

describe.each(backends)("$label", ({ backend }) => {
  it.each(opNames)("%s equals its reference", async (op) => {
    // The reference backend runs the reference itself: its storage and rounding are tested, which small samples do.
    const cases = backend.name === "reference" ? declaredCases(op) : casesOf(op);
    for (const c of cases) await check(backend, c);
  });
});

describe("the samples", () => {
  it.each(opNames)("cover %s", (op) => {
    expect(casesOf(op).length).toBeGreaterThan(0);
  });
});

describe("the native kernels", () => {
  it("were built for at least one instruction set that this CPU runs", () => {
    expect(nativeBackends.map((b) => b.isa)).not.toEqual([]);
  });
});

afterAll(() => {
  const mark = (backend: Backend, op: string) => (typeof (backend.kernels as Record<string, unknown>)[op] === "function" ? "yes" : "no");
  const rows = opNames.map((op) => `${op.padEnd(22)}${backends.map(({ label, backend }) => mark(backend, op).padEnd(label.length + 2)).join("")}`);
  console.log([`${"op".padEnd(22)}${backends.map((b) => `${b.label}  `).join("")}`, ...rows].join("\n"));
});
