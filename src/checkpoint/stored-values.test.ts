// Weights in whatever float type a file keeps them, as the f32 numbers a model is filled with.
import { expect, test } from "vitest";
import { encodeBytes } from "../tensor/dtype.js";
import { type HostTensor, hostTensor, type TensorSource } from "./host-tensor.js";
import { storedValues } from "./stored-values.js";

const source = (tensors: Record<string, HostTensor>) =>
  ({
    has: (name: string) => name in tensors,
    info: (name: string) => tensors[name],
    placement: () => null,
    read: async (name: string) => tensors[name],
  }) as unknown as TensorSource;
const values = async (tensor: HostTensor) => [...((await storedValues(source({ w: tensor }), "w"))?.values ?? [])];

test("f32, bf16 and f16 come as the numbers they hold", async () => {
  expect(await values(hostTensor(Float32Array.of(1.5, -2)))).toEqual([1.5, -2]);
  expect(await values({ dtype: "bf16", shape: [3], data: encodeBytes([1.5, -2, 1e30], "bf16") })).toEqual(
    [1.5, -2, Math.fround(1.0014e30)].map((x, i) => (i === 2 ? expect.closeTo(1e30, -29) : x)),
  );
  const halves = Uint16Array.of(0x3c00, 0xc500, 0x0001);
  expect(await values({ dtype: "f16", shape: [3], data: new Uint8Array(halves.buffer) })).toEqual([1, -5, 2 ** -24]);
});
test("bytes that do not begin at a whole number are read all the same", async () => {
  const bytes = new Uint8Array(9);
  bytes.set(new Uint8Array(Float32Array.of(0.25, 7).buffer), 1);
  expect(await values({ dtype: "f32", shape: [2], data: bytes.subarray(1) })).toEqual([0.25, 7]);
});
test("blocks of scaled numbers come as the numbers they stand for", async () => {
  const data = new Uint8Array(34);
  data.set([0x00, 0x38, 2, 0xff]);
  expect((await values({ dtype: "q8_0", shape: [1, 32], data })).slice(0, 3)).toEqual([1, -0.5, 0]);
});
test("FP8 comes with its scales multiplied on, one for each square of 128", async () => {
  const w: HostTensor = { dtype: "e4m3", shape: [129, 130], data: new Uint8Array(129 * 130).fill(0x38) };
  const loaded = await storedValues(source({ w, w_scale_inv: hostTensor(Float32Array.of(1, 2, 3, 4), [2, 2]) }), "w");
  expect([0, 129, 128 * 130, 128 * 130 + 129].map((i) => loaded?.values[i])).toEqual([1, 2, 3, 4]);
  await expect(values(w)).rejects.toThrow("its scales w_scale_inv [2,2] are missing");
});
test("a missing tensor is none, and another type is refused by name", async () => {
  expect(await storedValues(source({}), "w")).toBeUndefined();
  await expect(values({ dtype: "i32", shape: [1], data: new Uint8Array(4) })).rejects.toThrow(
    /tensor w is stored as i32; only floats/,
  );
});
