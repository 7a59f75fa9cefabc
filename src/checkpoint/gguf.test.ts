// GGUF files: what is written reads back, what is damaged or hostile is refused with words.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.js";
import { openGguf } from "./gguf.js";
import { readGgufFacts } from "./gguf-facts.js";
import { type GgufSetting, type GgufWritable, writeGguf } from "./gguf-writer.js";
import { memoryFiles } from "./memory-files.fixture.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "luciole-gguf-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const settings: GgufSetting[] = [
  ["general.architecture", "string", "llama"],
  ["general.name", "string", "名前"],
  ["llama.context_length", "u32", 4096],
  ["llama.rope.freq_base", "f32", 0.5],
  ["flag", "bool", true],
  ["tokens", "strings", ["a", "", "Ġb"]],
  ["types", "i32s", [1, -2]],
];
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => i * 7);
const tensor = (name: string, dtype: GgufWritable["dtype"], shape: number[], data: Uint8Array): GgufWritable => ({
  name,
  dtype,
  shape,
  chunks: () => [data],
});
const tensors = [
  tensor("w", "q8_0", [3, 64], bytes(204)),
  tensor("b", "f32", [5], bytes(20)),
  tensor("e", "bf16", [2, 3, 4], bytes(48)),
];

async function written(
  values: readonly GgufSetting[] = settings,
  list: readonly GgufWritable[] = tensors,
): Promise<Uint8Array> {
  const path = join(directory, "model.gguf");
  await writeGguf(path, values, list);
  return readFile(path);
}

describe("a GGUF file", () => {
  test("gives back metadata and every tensor bit for bit, outermost dimension first", async () => {
    await written();
    const file = await openGguf(join(directory, "model.gguf"));
    expect(file.facts.text("general.name")).toBe("名前");
    expect(file.facts.count("llama.context_length")).toBe(4096);
    expect(file.facts.number("llama.rope.freq_base")).toBe(0.5);
    expect(file.facts.flag("flag")).toBe(true);
    expect([...file.facts.texts("tokens")!]).toEqual(["a", "", "Ġb"]);
    expect([...(file.facts.numbers("types") as Int32Array)]).toEqual([1, -2]);
    expect(file.info("e")).toEqual({ dtype: "bf16", shape: [2, 3, 4], sizeBytes: 48 });
    for (const { name, dtype, shape, chunks } of tensors)
      expect(await file.read(name)).toEqual({ dtype, shape, data: [...(chunks() as Uint8Array[])][0] });
    expect(() => file.facts.count("tokens")).toThrow("tokens should be a whole number, got a list of 3 string");
    expect(() => file.info("none")).toThrow("has no tensor none");
    await file.close();
  });

  test("places each tensor where its bytes lie in the file", async () => {
    const whole = await written();
    const file = await openGguf(join(directory, "model.gguf"));
    for (const { name } of tensors) {
      const { path, byteOffset, sizeBytes } = file.placement(name);
      expect(byteOffset % 32).toBe(0);
      expect((await readFile(path)).subarray(byteOffset, byteOffset + sizeBytes)).toEqual(
        whole.subarray(byteOffset, byteOffset + sizeBytes),
      );
      expect(new Uint8Array(whole.subarray(byteOffset, byteOffset + sizeBytes))).toEqual((await file.read(name)).data);
    }
    await file.close();
  });

  test("is described by its header alone", async () => {
    await written();
    const facts = await readGgufFacts(join(directory, "model.gguf"));
    expect(facts).toMatchObject({
      version: 3,
      architecture: "llama",
      numParameters: 192 + 5 + 24,
      types: { Q8_0: { tensors: 1, bytes: 204 } },
    });
    expect(facts.metadata.tokens).toBe("a list of 3 string");
  });

  test("is not left half written when a tensor is of the wrong size", async () => {
    await expect(written(settings, [tensor("w", "f32", [3], bytes(4))])).rejects.toThrow(
      "tensor w: f32 [3] takes 12 bytes, got 4",
    );
    expect(await readdir(directory)).toEqual([]);
  });

  test("cannot hold what the format has no type or no room for", async () => {
    await expect(written(settings, [tensor("w", "e4m3", [4], bytes(4))])).rejects.toThrow(
      "GGUF files cannot hold e4m3",
    );
    await expect(written(settings, [tensor("w", "q8_0", [2, 33], bytes(4))])).rejects.toThrow(
      "q8_0 cannot hold the shape [2,33]",
    );
    await expect(written(settings, [tensor("x".repeat(64), "f32", [1], bytes(4))])).rejects.toThrow(
      "the maximum length of a name in a GGUF file is 63 bytes",
    );
  });

  test("in several parts reads as one, and says which part is missing", async () => {
    const part = (no: number, list: GgufWritable[]) =>
      writeGguf(
        join(directory, `m-0000${no + 1}-of-00002.gguf`),
        [
          ["split.count", "u32", 2],
          ["split.no", "u32", no],
          ["split.tensors.count", "i32", 3],
        ],
        list,
      );
    await part(0, tensors.slice(0, 1));
    await expect(openGguf(join(directory, "m-00001-of-00002.gguf"))).rejects.toThrow(
      "m-00002-of-00002.gguf: expected a GGUF file, found none",
    );
    await part(1, tensors.slice(1));
    const file = await openGguf(join(directory, "m-00001-of-00002.gguf"));
    expect(file.names).toEqual(["w", "b", "e"]);
    expect(file.placement("e").path).toContain("m-00002");
    expect((await file.read("e")).data).toEqual(bytes(48));
    await file.close();
    await expect(openGguf(join(directory, "m-00002-of-00002.gguf"))).rejects.toThrow("is not the first of its 2 parts");
  });
});

describe("a damaged or hostile GGUF file is refused:", () => {
  /** The file with some bytes replaced; `find` is a text whose end the place is counted from. */
  const patched = (whole: Uint8Array, find: string, after: number, put: number[]): Uint8Array => {
    const copy = Buffer.from(whole);
    const at = (find === "" ? 0 : copy.indexOf(find) + find.length) + after;
    copy.set(put, at);
    return copy;
  };
  const u64 = (value: bigint) => [...new Uint8Array(BigUint64Array.of(value).buffer)];
  const u32 = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)];
  const cases: [string, (whole: Uint8Array) => Uint8Array, string][] = [
    ["empty", () => new Uint8Array(), "the file ends within the magic number"],
    ["another format", (w) => patched(w, "", 0, [0x50]), "does not begin with GGUF"],
    ["a later version", (w) => patched(w, "", 4, u32(4)), "GGUF version 4"],
    ["the other byte order", (w) => patched(w, "", 4, [0, 0, 0, 3]), "big-endian"],
    ["more tensors than bytes", (w) => patched(w, "", 8, u64(60000n)), "only"],
    ["2^63 tensors", (w) => patched(w, "", 8, u64(2n ** 63n)), "larger than any file"],
    ["2^40 metadata keys", (w) => patched(w, "", 16, u64(2n ** 40n)), "the maximum is 65536"],
    ["a key longer than the file", (w) => patched(w, "", 24, u64(2n ** 50n)), "metadata key 0 claims"],
    ["an unknown value type", (w) => patched(w, "general.name", 0, u32(13)), '"general.name" has the value type 13'],
    ["a list of lists", (w) => patched(w, "tokens", 4, u32(9)), '"tokens" is a list of lists'],
    [
      "a list longer than the file",
      (w) => patched(w, "types", 8, u64(2n ** 52n)),
      '"types" claims 4503599627370496 values',
    ],
    [
      "more strings than bytes",
      (w) => patched(w, "tokens", 8, u64(2n ** 40n)),
      '"tokens" claims 1099511627776 strings',
    ],
    ["a string longer than the file", (w) => patched(w, "tokens", 16, u64(2n ** 44n)), 'string 0 of "tokens" claims'],
    ["a truth value of 2", (w) => patched(w, "flag", 4, [2]), '"flag" has the boolean value 2'],
    [
      "five dimensions",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000w", 0, u32(5)),
      'tensor "w" has 5 dimensions',
    ],
    [
      "a dimension of 2^60",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000w", 4, u64(2n ** 60n)),
      "larger than any file",
    ],
    [
      "a product that overflows",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000w", 12, u64(2n ** 52n)),
      "of a possible size",
    ],
    [
      "a dimension of 0",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000w", 12, u64(0n)),
      "whole numbers from 1",
    ],
    [
      "rows that are no whole blocks",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000w", 4, u64(63n)),
      "whole 32-number blocks",
    ],
    [
      "an offset off the alignment",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000w", 24, u64(8n)),
      "not a multiple of the alignment 32",
    ],
    [
      "overlapping tensors",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000b", 16, u64(32n)),
      'tensor "b" overlaps',
    ],
    [
      "a tensor past the end",
      (w) => patched(w, "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000e", 32, u64(2n ** 40n)),
      'tensor "e" ends at byte',
    ],
    ["truncated data", (w) => w.subarray(0, w.length - 33), "it is truncated"],
    ["a truncated header", (w) => w.subarray(0, 200), "it is truncated"],
  ];
  test.each(cases)("%s", async (_name, damage, message) => {
    const { fs } = memoryFiles({ x: damage(await written()) });
    const failure = await openGguf("x", fs).catch((error) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain("\n");
  });

  test("a tensor of an unknown type is listed with the bytes up to the next, and refused when asked for", async () => {
    const { fs } = memoryFiles({
      x: patched(await written(), "\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000w", 20, u32(99)),
    });
    const file = await openGguf("x", fs);
    expect(file.tensors.get("w")).toMatchObject({ type: { id: 99, name: "type 99" }, shape: [3, 64], sizeBytes: 224 });
    expect(() => file.info("w")).toThrow("tensor w is stored as type 99; expected one of F32, F16, Q4_0");
  });

  test("a name twice, of keys and of tensors", async () => {
    const { fs } = memoryFiles({
      keys: await written([settings[0], settings[0]]),
      tensors: await written(settings, [tensors[0], tensors[0]]),
      alignment: await written([["general.alignment", "u32", 48]]),
    });
    await expect(openGguf("keys", fs)).rejects.toThrow('the metadata key "general.architecture" appears twice');
    await expect(openGguf("tensors", fs)).rejects.toThrow('the tensor "w" appears twice');
    await expect(openGguf("alignment", fs)).rejects.toThrow("general.alignment is 48, expected a power of two");
  });

  test("a vocabulary takes no more memory than the file", async () => {
    const many = Array.from({ length: 200_000 }, (_, i) => `token ${i}`);
    const whole = await written([["tokens", "strings", many]]);
    const counted = memoryFiles({ x: whole });
    const file = await openGguf("x", counted.fs);
    expect(counted.bytesRead).toBeLessThan(whole.length + (2 << 20));
    const list = file.facts.texts("tokens")!;
    expect([list.length, list.at(0), list.at(123_456), list.at(199_999), list.at(200_000)]).toEqual([
      200_000,
      "token 0",
      "token 123456",
      "token 199999",
      undefined,
    ]);
  });
});
