// Parameters: seeded initial values, stored parts, bf16 copies.
import { beforeEach, describe, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, defaultDevice, setDefaultDevice } from "../tensor/device.js";
import { type ComputeType, fromBf16Bits, toBf16Bits } from "../tensor/dtype.js";
import type { ParameterSpec } from "./parameter-spec.js";
import { ParameterSet } from "./parameters.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const matrix = (name: string): ParameterSpec => ({ name, shape: [30, 40], init: { std: 0.5 } });
const valuesOf = (set: ParameterSet, name: string) => set.master(name).data();

function setOf(specs: readonly ParameterSpec[], seed = 1, compute: ComputeType = "f32"): ParameterSet {
  const set = new ParameterSet({ compute, seed });
  for (const spec of specs) spec.shape.length > 1 ? set.matrix(spec) : set.add(spec);
  return set;
}

describe("initial values", () => {
  test("depend on the seed and the name alone, not on order, company or compute type", async () => {
    const alone = await valuesOf(setOf([matrix("b")]), "b");
    expect(await valuesOf(setOf([matrix("c"), matrix("a"), matrix("b")]), "b")).toEqual(alone);
    expect(await valuesOf(setOf([matrix("b"), matrix("a")], 1, "bf16"), "b")).toEqual(alone);
    expect(await valuesOf(setOf([matrix("b")], 2), "b")).not.toEqual(alone);
    expect(await valuesOf(setOf([matrix("a"), matrix("b")]), "a")).not.toEqual(alone);
  });

  test("have the mean and standard deviation asked for", async () => {
    const values = Array.from(await valuesOf(setOf([matrix("w")]), "w"));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(std).toBeCloseTo(0.5, 1);
    expect(
      Array.from(await valuesOf(setOf([{ name: "n", shape: [3], init: { constant: 1 }, alwaysF32: true }]), "n")),
    ).toEqual([1, 1, 1]);
  });
});

describe("stored parts", () => {
  const fused: ParameterSpec = {
    name: "gate_up",
    shape: [3, 2],
    init: { constant: 0 },
    parts: [
      { name: "gate", shape: [1, 2] },
      { name: "up", shape: [2, 2] },
    ],
  };

  test("are consecutive rows of their parameter, in writing and in reading", async () => {
    const set = setOf([fused]);
    const { elementOffset } = set.storedParts()[1];
    set.write("gate_up", elementOffset, [2, 2], new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    expect(Array.from(await valuesOf(set, "gate_up"))).toEqual([0, 0, 1, 2, 3, 4]);
    const read = await set.read();
    expect([...read.keys()]).toEqual(["gate", "up"]);
    expect(Array.from(new Float32Array((read.get("up") as { data: Uint8Array }).data.buffer))).toEqual([1, 2, 3, 4]);
  });

  test("a buffer is stored but not trained", () => {
    const set = setOf([matrix("w"), { name: "bias", shape: [4], init: { constant: 0 }, isBuffer: true }]);
    expect(set.trained().map((p) => p.name)).toEqual(["w"]);
    expect(set.numTrained).toBe(1200);
    expect(set.storedParts().map(({ part }) => part.name)).toEqual(["w", "bias"]);
    expect(set.master("bias").requiresGrad).toBe(false);
  });
});

describe("bf16 copies", () => {
  test("exist for matrices only, hold the rounded master and follow it when refreshed", async () => {
    const set = setOf([matrix("w"), { name: "norm", shape: [4], init: { constant: 1 }, alwaysF32: true }], 1, "bf16");
    expect(set.get("norm").numbers().dtype).toBe("f32");
    const rounded = async () => Float32Array.from(await valuesOf(set, "w"), (x) => fromBf16Bits(toBf16Bits(x)));
    expect(set.get("w").numbers().dtype).toBe("bf16");
    expect(await set.get("w").numbers().data()).toEqual(await rounded());
    set.write("w", 0, [30, 40], new Uint8Array(new Float32Array(1200).fill(1 / 3).buffer));
    set.refreshCopies();
    expect(await set.get("w").numbers().data()).toEqual(await rounded());
  });

  test("are freed with their parameters", () => {
    const before = defaultDevice().memory().liveBuffers;
    const set = setOf([matrix("w")], 1, "bf16");
    expect(defaultDevice().memory().liveBuffers).toBe(before + 2);
    set.dispose();
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });
});

test("a name declared twice is a defect", () => {
  const set = setOf([matrix("w")]);
  expect(() => set.matrix(matrix("w"))).toThrow("declared twice");
});
