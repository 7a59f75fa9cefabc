// A range of a layer's experts: what it holds, which stored tensors it leaves to others, and what it refuses.
import { beforeEach, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { scope, tensor } from "../tensor/engine.js";
import { ParameterSet } from "./parameters.js";
import { RoutedExperts } from "./routed-experts.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

/** Odd sizes: a range begins inside a pair of normals. */
const config = { hidden: 3, expertWidth: 5, numRouted: 6 };

function held(range?: readonly [number, number]) {
  const parameters = new ParameterSet({ compute: "f32", seed: 7 });
  const share = range && { range, exchange: () => expect.unreachable("nothing is exchanged") };
  return { parameters, experts: new RoutedExperts(parameters, "layer.mlp", config, { std: 1 }, share) };
}

test("a range begins with the numbers that the whole has there", async () => {
  const whole = await held().parameters.read();
  const part = await held([1, 4]).parameters.read();
  expect([...part.keys()]).toEqual([...whole.keys()].filter((name) => /\.experts\.[123]\./.test(name)));
  for (const [name, numbers] of part) expect(numbers, name).toEqual(whole.get(name));
});

test("stored tensors of the layer's other experts are elsewhere, and nothing else is", () => {
  const { parameters } = held([1, 4]);
  const elsewhere = [0, 1, 3, 4, 5, 6].filter((e) => parameters.isElsewhere(`layer.mlp.experts.${e}.up_proj.weight`));
  expect(elsewhere).toEqual([0, 4, 5]);
  for (const name of ["layer.mlp.gate.weight", "layer.mlp.experts.x.weight", "other.mlp.experts.0.up_proj.weight"])
    expect(parameters.isElsewhere(name), name).toBe(false);
  expect(held().parameters.isElsewhere("layer.mlp.experts.0.up_proj.weight")).toBe(false);
});

test("rows of other experts become zero", async () => {
  const { experts } = held([1, 3]);
  const y = scope(() => {
    const x = tensor(
      [...Array(8).keys()].flatMap((r) => [r + 1, 1, -r]),
      [8, 3],
    );
    const offsets = tensor([0, 2, 4, 5, 5, 8, 8], [7], "i32");
    return experts.compute(x, { offsets: experts.ownOffsets(offsets) });
  });
  const rows = Array.from({ length: 8 }, async (_, r) => (await y.data()).slice(3 * r, 3 * r + 3).some((n) => n !== 0));
  expect(await Promise.all(rows)).toEqual([false, false, true, true, true, false, false, false]);
});

test.each([
  [2, 2],
  [-1, 2],
  [0, 7],
  [0.5, 2],
])("the range [%s,%s) is refused", (first, end) => {
  expect(() => held([first, end])).toThrow(`experts: expected a range within [0,6), got [${first},${end})`);
});
