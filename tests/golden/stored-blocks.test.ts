// Blocks of every stored type against gguf-py: the same numbers from the same bytes, here and on every device, and
// encoders that lose no more.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodedBlockTypes, encodeRow } from "../../src/tensor/block-encoders.js";
import { decodeRow, rowBytes } from "../../src/tensor/block-formats.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { type BlockType, blockSizes, blockTypes } from "../../src/tensor/dtype.js";
import { fromBytes, scope, tensor } from "../../src/tensor/engine.js";
import { storedRows } from "../../src/tensor/ops/stored.js";
import { packStored } from "../../src/tensor/packing.js";
import { nativeBackends } from "../conformance/backends.js";

interface Golden {
  readonly row: string;
  readonly types: Readonly<Record<string, { readonly bytes: string; readonly values: string; readonly loss?: number }>>;
}

const golden: Golden = JSON.parse(readFileSync(new URL("stored-blocks.json", import.meta.url), "utf8"));
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
const floatsOf = (text: string): Float32Array => new Float32Array(bytesOf(text).buffer);
/** Zeros without sign: a sum that begins at zero has none. */
const unsigned = (values: ArrayLike<number>): number[] => Array.from(values, (x) => x + 0);
const types = blockTypes.filter((type) => type !== "e4m3");

describe.each(types)("%s", (type) => {
  const { bytes, values } = golden.types[type];

  test("its blocks are the numbers that gguf-py makes of them", () => {
    const out = new Float32Array(512);
    decodeRow(type, bytesOf(bytes), out);
    expect(out).toEqual(floatsOf(values));
  });

  test.each(nativeBackends.map((backend) => ({ isa: backend.isa, backend })))(
    "so they are for the kernels of $isa, in panels and as they are",
    async ({ backend }) => {
      setDefaultDevice(new Device(backend));
      const [plain, packed] = scope(() => {
        const rows = 512 / blockSizes[type].numbers;
        const [w, ids] = [
          fromBytes(bytesOf(bytes), [rows, blockSizes[type].numbers], type),
          tensor(
            Int32Array.from({ length: rows }, (_, i) => i),
            [rows],
            "i32",
          ),
        ];
        return [storedRows(w, ids).data(), storedRows(packStored(w) ?? w, ids).data()];
      });
      expect(unsigned(await plain)).toEqual(unsigned(floatsOf(values)));
      expect(unsigned(await packed)).toEqual(unsigned(floatsOf(values)));
    },
  );
});

test.each(encodedBlockTypes.filter((type) => golden.types[type]?.loss !== undefined))(
  "encoding into %s loses no more than gguf-py's does",
  (type: BlockType) => {
    const row = floatsOf(golden.row);
    const [bytes, out] = [new Uint8Array(rowBytes(type, row.length)), new Float32Array(row.length)];
    encodeRow(type as (typeof encodedBlockTypes)[number], row, bytes);
    decodeRow(type, bytes, out);
    const [error, square] = row.reduce(([e, s], x, i) => [e + (out[i] - x) ** 2, s + x ** 2], [0, 0]);
    expect(Math.sqrt(error / square)).toBeLessThanOrEqual((golden.types[type].loss as number) * 1.001);
  },
);
