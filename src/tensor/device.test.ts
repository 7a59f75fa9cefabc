// Devices side by side: a tensor stays with the device it was made on, and scopes that wait do not see each other.
import { beforeEach, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { createShapesDevice } from "../backends/shapes.js";
import { Device, setDefaultDevice } from "./device.js";
import { copyBytes, empty, keep, scope, scopeAsync, tensor } from "./engine.js";
import { add, zeros } from "./ops/elementwise.js";
import { Parameter } from "./parameter.js";
import { withTape } from "./tape.js";

let [first, second] = [createShapesDevice(), createShapesDevice()];
beforeEach(() => {
  first = new Device(createReferenceBackend());
  second = new Device({ ...createReferenceBackend(), name: "second" });
  setDefaultDevice(first);
});

const on = (device: Device, value: number) => tensor([value, value], [2], "f32", device);

it("ops run where their operands lie, whatever the default device is", async () => {
  const sum = scope(() => add(on(second, 1), on(second, 2)));
  expect(sum.device).toBe(second);
  expect(Array.from(await sum.data())).toEqual([3, 3]);
  expect(second.meter.calls).toBe(1);
  expect(first.meter.calls).toBe(0);
  expect(first.memory().heldBytes).toBe(0);
});

it("gradients lie with their parameter", async () => {
  const p = keep(scope(() => new Parameter(tensor([5], [1], "f32", second), "p")));
  withTape((tape) => scope(() => tape.backward(add(p, zeros([1], "f32", second)))));
  expect(Array.from((await p.grad?.data()) ?? [])).toEqual([1]);
  expect(first.memory().heldBytes).toBe(0);
});

it("a tensor's memory goes back to its own device after the default has changed", () => {
  const early = on(first, 1);
  setDefaultDevice(second);
  early.dispose();
  expect(first.memory()).toMatchObject({ liveBuffers: 0, liveBytes: 0 });
  expect(second.memory()).toMatchObject({ liveBuffers: 0, liveBytes: 0 });
});

it("operands of two devices are refused by name, inputs, outputs and copies alike", () => {
  const [here, there] = [on(first, 1), on(second, 1)];
  expect(() => add(here, there)).toThrow(
    "addScaled: operands live on two devices, reference and second: move one by data() and tensor()",
  );
  expect(() => copyBytes(here, there, 0)).toThrow("copyBytes: operands live on two devices");
  const twin = on(new Device(createReferenceBackend()), 1);
  expect(() => add(here, twin)).toThrow("two reference devices");
});

it("scopes that wait side by side free their own tensors and nobody else's", async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const one = scopeAsync(async () => {
    const inside = on(first, 1);
    await gate;
    return (await inside.data())[0];
  });
  const two = scopeAsync(async () => (await on(first, 2).data())[0]);
  const between = on(first, 3);
  expect(await two).toBe(2);
  const later = on(first, 4);
  release();
  expect(await one).toBe(1);
  expect([between.isDisposed, later.isDisposed]).toEqual([false, false]);
  expect(first.memory().liveBuffers).toBe(2);
});

it("a scope whose body waits is refused", () => {
  expect(() => scope(async () => empty([1], "f32"))).toThrow("the body waits: use scopeAsync");
  expect(() => withTape(async () => {})).toThrow("recording: the body waits");
});
