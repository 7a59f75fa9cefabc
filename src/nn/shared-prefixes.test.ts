// Sequences that begin alike have one row for each token of their common beginning.
import { beforeEach, expect, test } from "vitest";
import { createReferenceBackend } from "../backends/reference.js";
import { Device, setDefaultDevice } from "../tensor/device.js";
import { packShared } from "./shared-prefixes.js";

beforeEach(() => setDefaultDevice(new Device(createReferenceBackend())));

const sequence = (prefixLength: number, ...ids: number[]) => ({ ids: Int32Array.from(ids), prefixLength });
const read = async (tensor: { data(): Promise<ArrayLike<number>> }) => Array.from(await tensor.data());

test("a prefix that equals the one before it is held once; each copy names its row", async () => {
  const { batch, rowOf } = packShared([sequence(2, 7, 8, 1), sequence(2, 7, 8, 2, 3), sequence(2, 7, 9, 1)]);
  expect(await read(batch.ids)).toEqual([7, 8, 1, 2, 3, 7, 9, 1]);
  expect(await read(batch.positions)).toEqual([0, 1, 2, 2, 3, 0, 1, 2]);
  expect(await read(batch.cuSeqlens)).toEqual([0, 3, 7, 10]);
  expect([...rowOf]).toEqual([0, 1, 2, 0, 1, 3, 4, 5, 6, 7]);
  expect(batch.copies && (await read(batch.copies.rowOf))).toEqual([...rowOf]);
  expect(batch.copies && (await read(batch.copies.copyOf))).toEqual([0, 1, 2, 5, 6, 7, 8, 9]);
  expect(batch.numTokens).toBe(8);
});

test("nothing is shared between prefixes of different lengths, or where there are none", async () => {
  for (const prefixes of [
    [2, 1],
    [0, 0],
  ]) {
    const { batch, rowOf } = packShared(prefixes.map((length) => sequence(length, 7, 8, 1)));
    expect(batch.copies).toBeUndefined();
    expect([...rowOf]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await read(batch.ids)).toEqual([7, 8, 1, 7, 8, 1]);
  }
});
