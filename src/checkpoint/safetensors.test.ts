// Safetensors files: what is written reads back, and what is damaged or hostile is refused with words.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.js";
import { float32Values, type HostTensor, hostTensor, readAllTensors } from "./host-tensor.js";
import { openModelTensors, openSafetensors, openShardedSafetensors, writeSafetensors } from "./safetensors.js";
import { parseHeader } from "./safetensors-header.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-safetensors-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const weights = new Map<string, HostTensor>([
  ["b.bias", { dtype: "bf16", shape: [3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) }],
  ["a.weight", hostTensor(Float32Array.of(1.5, -2, 3, 4, 5, 6), [2, 3])],
  ["empty", { dtype: "f32", shape: [0, 4], data: new Uint8Array() }],
  ["scalar", hostTensor(Int32Array.of(7), [])],
  ['名前 "quoted" __proto__', { dtype: "u8", shape: [1], data: Uint8Array.of(9) }],
]);

async function openBytes(bytes: Uint8Array) {
  const path = join(directory, "damaged.safetensors");
  await writeFile(path, bytes);
  const source = await openSafetensors(path);
  await source.close();
}

/** A file with this header text and so many bytes of data. */
function fileWith(header: unknown, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = Buffer.alloc(8 + json.length + dataBytes);
  bytes.writeBigUInt64LE(BigInt(json.length));
  json.copy(bytes, 8);
  return bytes;
}

describe("a safetensors file", () => {
  test("gives back every tensor bit for bit", async () => {
    const path = join(directory, "model.safetensors");
    const digest = await writeSafetensors(path, weights, { metadata: { format: "pt", note: "é" } });
    const source = await openSafetensors(path);
    expect(await readAllTensors(source)).toEqual(
      new Map([...weights].sort(([a], [b]) => source.names.indexOf(a) - source.names.indexOf(b))),
    );
    expect(source.metadata).toEqual({ format: "pt", note: "é" });
    expect([...float32Values(await source.read("a.weight"))]).toEqual([1.5, -2, 3, 4, 5, 6]);
    expect(digest.sizeBytes).toBe((await readFile(path)).length);
    await expect(source.read("absent")).rejects.toThrow("has no tensor absent");
    await source.close();
  });

  test("does not depend on the order tensors come in, and lazy tensors equal ready ones", async () => {
    const lazy = new Map(
      [...weights].reverse().map(([name, tensor]) => [name, { ...tensor, data: async () => tensor.data }]),
    );
    const first = await writeSafetensors(join(directory, "1"), weights);
    expect(await writeSafetensors(join(directory, "2"), lazy)).toEqual(first);
  });

  test("starts its data, and each tensor, at a multiple of the element size", async () => {
    const path = join(directory, "model.safetensors");
    await writeSafetensors(path, weights);
    const bytes = await readFile(path);
    const headerBytes = Number(bytes.readBigUInt64LE());
    expect(headerBytes % 8).toBe(0);
    const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString());
    expect(header["a.weight"].data_offsets[0] % 4).toBe(0);
    expect(header["b.bias"].data_offsets[0] % 2).toBe(0);
  });

  test("is refused when the bytes of a tensor do not fit its shape", async () => {
    const wrong = new Map<string, HostTensor>([["w", { dtype: "f32", shape: [2], data: new Uint8Array(4) }]]);
    await expect(writeSafetensors(join(directory, "x"), wrong)).rejects.toThrow("takes 8 bytes, got 4");
  });
});

describe("a damaged or hostile file is refused:", () => {
  const f32 = (shape: unknown, start: unknown, end: unknown) => ({ dtype: "F32", shape, data_offsets: [start, end] });
  const cases: [string, Uint8Array, string][] = [
    ["empty", new Uint8Array(), "truncated"],
    ["a header longer than the file", Buffer.from([255, 0, 0, 0, 0, 0, 0, 0, 123, 125]), "truncated"],
    ["a header of 2^63 bytes", Buffer.from([0, 0, 0, 0, 0, 0, 0, 128, 123, 125]), "the format allows"],
    ["a header that is no JSON", fileWith("{nope", 0), "not a JSON object"],
    ["a header that is a list", fileWith("[1,2,3]", 0), "not a JSON object"],
    ["a header that is not UTF-8", fileWith("", 0).fill(0xff, 8), "10 bytes"],
    ["an unknown dtype", fileWith({ w: { dtype: "F7", shape: [1], data_offsets: [0, 4] } }, 4), "F7"],
    ["a negative dimension", fileWith({ w: f32([-1], 0, 4) }, 4), "whole numbers"],
    ["a fractional dimension", fileWith({ w: f32([0.5, 2], 0, 4) }, 4), "whole numbers"],
    ["a product that overflows", fileWith({ w: f32([2 ** 40, 2 ** 40], 0, 4) }, 4), "possible size"],
    ["offsets that do not fit the shape", fileWith({ w: f32([2], 0, 4) }, 4), "takes 8 bytes, data_offsets give 4"],
    ["offsets backwards", fileWith({ w: f32([1], 4, 0) }, 4), "data_offsets give -4"],
    ["offsets that are no pair", fileWith({ w: f32([1], 0, "4") }, 4), "expected [start, end]"],
    ["overlapping tensors", fileWith({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), "overlaps"],
    ["a gap between tensors", fileWith({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), "belong to no tensor"],
    ["bytes after the last tensor", fileWith({ a: f32([1], 0, 4) }, 5), "1 bytes at the end"],
    ["missing data", fileWith({ a: f32([2], 0, 8) }, 7), "expected 8 bytes of data, got 7"],
    [
      "a name twice",
      fileWith(
        '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      '"a" twice',
    ],
    [
      "a field twice",
      fileWith('{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 1),
      '"dtype" twice',
    ],
    ["metadata that is not text", fileWith({ __metadata__: { n: 1 } }, 0), "__metadata__"],
    ["an entry that is no object", fileWith({ a: null }, 0), "does not have dtype, shape and data_offsets"],
  ];
  test.each(cases)("%s", async (_name, bytes, message) => {
    const failure = await openBytes(bytes).catch((error) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain("\n");
  });

  test("random damage to a header is either refused or leaves the same tensors' sizes", () => {
    const header = Buffer.from(JSON.stringify({ a: f32([2, 2], 0, 16), "b.weight": f32([3], 16, 28) }));
    let seed = 1;
    for (let trial = 0; trial < 3000; trial++) {
      const bytes = Buffer.from(header);
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      bytes[seed % bytes.length] = (seed >>> 20) & 0xff;
      try {
        const total = [...parseHeader(bytes, 28, "x").tensors.values()].reduce(
          (sum, tensor) => sum + tensor.sizeBytes,
          0,
        );
        expect(total).toBe(28);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
    }
  });

  test("missing", async () => {
    await expect(openSafetensors(join(directory, "none"))).rejects.toThrow("found none");
  });
});

describe("a sharded model", () => {
  beforeEach(async () => {
    await writeSafetensors(join(directory, "model-1.safetensors"), new Map([["a.weight", weights.get("a.weight")!]]));
    await writeSafetensors(join(directory, "model-2.safetensors"), new Map([["b.bias", weights.get("b.bias")!]]));
  });

  async function writeIndex(weightMap: Record<string, unknown>): Promise<string> {
    const index = join(directory, "model.safetensors.index.json");
    await writeFile(index, JSON.stringify({ metadata: { total_size: 30 }, weight_map: weightMap }));
    return index;
  }

  test("reads as one", async () => {
    await writeIndex({ "a.weight": "model-1.safetensors", "b.bias": "model-2.safetensors" });
    const source = await openModelTensors(directory);
    expect(await readAllTensors(source)).toEqual(
      new Map([...weights].filter(([name]) => name === "a.weight" || name === "b.bias").reverse()),
    );
    await source.close();
  });

  test("is refused when a shard is truncated, in its header or in its data", async () => {
    const index = await writeIndex({ "a.weight": "model-1.safetensors", "b.bias": "model-2.safetensors" });
    const whole = await readFile(join(directory, "model-2.safetensors"));
    for (const length of [0, 7, 40, whole.length - 1]) {
      await writeFile(join(directory, "model-2.safetensors"), whole.subarray(0, length));
      const failure = await openShardedSafetensors(index).catch((error) => error);
      expect(failure).toBeInstanceOf(CheckpointError);
      expect(failure.message).toMatch(/model-2\.safetensors: .*truncated/);
    }
  });

  test("is refused when the index leads out of the directory", async () => {
    await expect(openShardedSafetensors(await writeIndex({ "b.bias": "../model-1.safetensors" }))).rejects.toThrow(
      "next to the index",
    );
    await expect(openModelTensors(join(directory, "elsewhere"))).rejects.toThrow("found neither");
  });
});
