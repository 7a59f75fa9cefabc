// Weights of storage types in panels give the bits of those in file order; a panel takes no more memory than the file;
// experts are linear layers.
import { describe, expect, it } from "vitest";
import { encodeE4m3Blocks } from "../../src/tensor/block-encoders.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import {
  blockSizes,
  blockTypes,
  type ComputeType,
  computeOf,
  type DType,
  encodeBytes,
  isBlockType,
} from "../../src/tensor/dtype.js";
import { alias, dispatch, fromBytes, scope, tensor } from "../../src/tensor/engine.js";
import { cast, zeros } from "../../src/tensor/ops/elementwise.js";
import { headCrossEntropyOp, headLogProbOp } from "../../src/tensor/ops/head.js";
import { matmul } from "../../src/tensor/ops/linear.js";
import { moeDispatch } from "../../src/tensor/ops/moe.js";
import { storedGroupedLinear, storedLinear, storedRows } from "../../src/tensor/ops/stored.js";
import { packStored } from "../../src/tensor/packing.js";
import { leaf, withTape } from "../../src/tensor/tape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { nativeBackends } from "./backends.js";
import { normals, randomBlocks } from "./values.js";

const types = ["f32", "bf16", "f16", ...blockTypes] as const;

function weights(dtype: DType, shape: readonly number[], label: string): Tensor {
  const count = shape.reduce((n, d) => n * d, 1);
  return fromBytes(
    isBlockType(dtype) ? randomBlocks(dtype, shape, label) : encodeBytes(normals(count, label), dtype),
    shape,
    dtype,
  );
}
const activations = (shape: readonly number[]) => weights("f32", shape, "x");
/** Rows of f64 sums x·wᵀ. */
function multiplied(x: ArrayLike<number>, w: ArrayLike<number>, rows: number, n: number, width: number): Float64Array {
  const sum = (r: number, o: number) => {
    let total = 0;
    for (let k = 0; k < width; k++) total += x[r * width + k] * w[o * width + k];
    return total;
  };
  return Float64Array.from({ length: rows * n }, (_, i) => sum(Math.floor(i / n), i % n));
}
const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.sqrt(Array.from(a).reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));
/**
 * Activations as llama.cpp rounds them (quantize_row_q8_0 of ggml): int8 and a scale for 32 numbers; its rounding of
 * the scale to a half is left out.
 */
function asQ8_0(x: Float64Array): Float64Array {
  return x.map((value, i) => {
    const scale =
      x.subarray(i - (i % 32), i - (i % 32) + 32).reduce((largest, v) => Math.max(largest, Math.abs(v)), 0) / 127;
    return Math.round(value / scale) * scale;
  });
}
/** The bytes of the gradient of x in y = body(x), given that of y. */
function gradientOf(x: Tensor, body: (x: Tensor) => Tensor, dy: Tensor): Promise<Uint8Array> {
  return withTape((tape) => {
    const input = leaf(x);
    const [gradient] = tape.backward([{ value: body(input), grad: dy }], [input]);
    return gradient as Tensor;
  }).bytes();
}
const same = async (a: Promise<Uint8Array>, b: Promise<Uint8Array>) => Buffer.compare(await a, await b) === 0;

describe.each(nativeBackends.map((backend) => ({ isa: backend.isa, backend })))("native $isa", ({ backend }) => {
  it.each(types)("products with packed %s have the bits of those without", async (dtype) => {
    setDefaultDevice(new Device(backend));
    for (const [rows, n] of [
      [1, 64],
      [5, 70],
      [33, 160],
    ]) {
      const [plain, packed] = scope(() => {
        const [x, w] = [activations([rows, 512]), weights(dtype, [n, 512], "w")];
        return [storedLinear(x, w).bytes(), storedLinear(x, packStored(w) ?? w).bytes()];
      });
      expect(await same(plain, packed), `${rows} rows, ${n} outputs`).toBe(true);
    }
  });

  it.each(["q8_0", "q4_0", "q5_1", "iq4_nl"] as const)(
    "products with %s are as near to those of exact activations as llama.cpp's",
    async (dtype) => {
      setDefaultDevice(new Device(backend));
      const [rows, n, width] = [8, 64, 1024];
      // Few large numbers among many small ones, as hidden states have them: a scale that many share rounds the small
      // ones away.
      const x = normals(rows * width, "hidden").map((value, i) => Math.fround(value * (i % 97 === 0 ? 12 : 1)));
      const [ours, exact] = await Promise.all(
        scope(() => {
          const w = weights(dtype, [n, width], "w");
          const all = tensor(
            Int32Array.from({ length: n }, (_, i) => i),
            [n],
            "i32",
          );
          return [storedLinear(tensor(x, [rows, width]), w).data(), storedRows(w, all).data()];
        }),
      );
      const product = (values: ArrayLike<number>) => multiplied(values, exact, rows, n, width);
      const want = product(x);
      expect(distance(ours, want)).toBeLessThanOrEqual(1.02 * distance(product(asQ8_0(x)), want));
    },
  );

  it.each(types)("an expert of %s gives the bits of a linear layer, packed or not", async (dtype) => {
    setDefaultDevice(new Device(backend));
    const [expected, plain, packed] = scope(() => {
      const chosen = Array.from({ length: 40 }, (_, i) => [i % 5, (i * 3 + 1) % 5]).flat();
      const to = moeDispatch(tensor(chosen, [40, 2], "i32"), 5, null);
      const [x, w] = [activations([40, 256]), weights(dtype, [5, 96, 256], "w")];
      const alone = Array.from({ length: 5 }, (_, e) => storedLinear(x, alias(w, [96, 256], e * 96 * 256)).bytes());
      return [
        { alone, offsets: to.offsets.data(), rowToken: to.rowToken.data() },
        storedGroupedLinear(x, w, to).bytes(),
        storedGroupedLinear(x, packStored(w) ?? w, to).bytes(),
      ];
    });
    expect(await same(plain, packed)).toBe(true);
    const [grouped, offsets, rowToken, alone] = [
      await plain,
      await expected.offsets,
      await expected.rowToken,
      await Promise.all(expected.alone),
    ];
    for (let e = 0; e < 5; e++)
      for (let r = offsets[e]; r < offsets[e + 1]; r++) {
        const row = alone[e].subarray(rowToken[r] * 384, (rowToken[r] + 1) * 384);
        expect(Buffer.compare(grouped.subarray(r * 384, (r + 1) * 384), row), `row ${r} of expert ${e}`).toBe(0);
      }
  });

  it.each(types)("gradients through packed %s have the bits of a product with the decoded numbers", async (dtype) => {
    setDefaultDevice(new Device(backend));
    for (const [type, rows, n] of [
      ["f32", 5, 64],
      ["bf16", 33, 1120],
    ] as const) {
      const [exact, plain, packed] = scope(() => {
        const [dy, w] = [cast(weights("f32", [rows, n], "dy"), type), weights(dtype, [n, 512], "w")];
        const x = zeros([rows, 512], type);
        const all = tensor(
          Int32Array.from({ length: n }, (_, i) => i),
          [n],
          "i32",
        );
        // Weights in f32 and bf16 are multiplied in their own type.
        const compute = dtype === "f32" || dtype === "bf16" ? dtype : type;
        const decoded = cast(storedRows(w, all), compute);
        return [
          matmul(dy, decoded, { dtype: type }).bytes(),
          gradientOf(x, (input) => storedLinear(input, w, { dtype: type }), dy),
          gradientOf(x, (input) => storedLinear(input, packStored(w) ?? w, { dtype: type }), dy),
        ];
      });
      expect(await same(exact, plain), `${type}, ${rows} rows, ${n} outputs`).toBe(true);
      expect(await same(exact, packed), `${type}, ${rows} rows, ${n} outputs, packed`).toBe(true);
    }
  });

  it.each(types)("gradients through experts of packed %s have the bits of those without", async (dtype) => {
    setDefaultDevice(new Device(backend));
    const [plain, packed] = scope(() => {
      const chosen = Array.from({ length: 40 }, (_, i) => [i % 5, (i * 3 + 1) % 5]).flat();
      const to = moeDispatch(tensor(chosen, [40, 2], "i32"), 5, null);
      const [x, dy, w] = [activations([40, 256]), activations([80, 96]), weights(dtype, [5, 96, 256], "w")];
      return [
        gradientOf(x, (input) => storedGroupedLinear(input, w, to), dy),
        gradientOf(x, (input) => storedGroupedLinear(input, packStored(w) ?? w, to), dy),
      ];
    });
    expect(await same(plain, packed)).toBe(true);
  });

  it.each(types)("rows of packed %s are those of the file", async (dtype) => {
    setDefaultDevice(new Device(backend));
    const [plain, packed] = scope(() => {
      const [w, ids] = [weights(dtype, [160, 512], "w"), tensor([0, 31, 32, 159, 7, 7], [6], "i32")];
      return [storedRows(w, ids).bytes(), storedRows(packStored(w) ?? w, ids).bytes()];
    });
    expect(await same(plain, packed)).toBe(true);
  });

  it("packed e4m3 holds the scales of its blocks", async () => {
    setDefaultDevice(new Device(backend));
    const values = Float32Array.from(
      normals(300 * 200, "e4m3"),
      (x, i) => x * (1 + Math.floor(i / 200 / 128)) * 10 ** Math.floor((i % 200) / 128),
    );
    const coded = encodeE4m3Blocks(values, 300, 200);
    const [plain, packed, rows, packedRows] = scope(() => {
      const [w, scales] = [fromBytes(coded.bytes, [300, 200], "e4m3"), tensor(coded.scales, [3, 2])];
      const [copy, x, ids] = [
        packStored(w, scales) as Tensor,
        activations([9, 200]),
        tensor([299, 0, 128], [3], "i32"),
      ];
      return [
        storedLinear(x, w, { scales }).bytes(),
        storedLinear(x, copy).bytes(),
        storedRows(w, ids, scales).bytes(),
        storedRows(copy, ids).bytes(),
      ];
    });
    expect(await same(plain, packed)).toBe(true);
    expect(await same(rows, packedRows)).toBe(true);
  });

  it.each(types)(
    "the fused head over packed %s has the bits of that over rows, on the logits of the product",
    async (dtype) => {
      setDefaultDevice(new Device(backend));
      const [plain, packed, fused, product] = scope(() => {
        const w = weights(dtype, [96, 256], "head");
        const scales = dtype === "e4m3" ? tensor([0.5, 2], [1, 2]) : null;
        const copy = packStored(w, scales) ?? w;
        const [h, targets] = [activations([7, 256]), tensor([3, 95, -1, 0, 7, 31, 32], [7], "i32")];
        const compute = computeOf(w);
        const logProbs = (x: Tensor, table: Tensor, beside: Tensor | null, type: ComputeType) =>
          dispatch(headLogProbOp, [x, table, targets, beside], { temperature: 0.7, compute: type })[0].bytes();
        const loss = (table: Tensor, beside: Tensor | null) =>
          dispatch(headCrossEntropyOp, [h, table, targets, tensor([1, 0.5, 1, 0, 2, 1, 1], [7]), beside], {
            withGrad: true,
            ofWeight: false,
            compute,
          }).map((t) => t.bytes());
        const identity = tensor(
          Float32Array.from({ length: 96 * 96 }, (_, i) => (i % 97 === 0 ? 1 : 0)),
          [96, 96],
        );
        return [
          [logProbs(h, w, scales, compute), ...loss(w, scales)],
          [logProbs(h, copy, null, compute), ...loss(copy, null)],
          logProbs(h, copy, null, compute),
          logProbs(storedLinear(h, copy, { dtype: "f32" }), identity, null, "f32"),
        ];
      });
      for (const [i, bytes] of plain.entries()) expect(await same(bytes, packed[i])).toBe(true);
      expect(await same(fused, product)).toBe(true);
    },
  );

  it.each(blockTypes)("panels of %s take at most 4%% more than the file", (dtype) => {
    setDefaultDevice(new Device(backend));
    const [n, k] = [1536, 8960];
    const spec = { shape: [n, k], dtype };
    const fileBytes = (n * k * blockSizes[dtype].bytes) / blockSizes[dtype].numbers;
    expect(backend.packer?.packedBytes(spec)).toBeLessThanOrEqual(1.04 * fileBytes);
  });

  it("packing leaves nothing behind but the copy", () => {
    setDefaultDevice(new Device(backend));
    const before = defaultDevice().memory().liveBuffers;
    scope(() => {
      const w = weights("q4_k", [64, 256], "w");
      packStored(w);
      expect(defaultDevice().memory().liveBuffers).toBe(before + 2);
    });
    expect(defaultDevice().memory().liveBuffers).toBe(before);
  });

  it("scales beside packed weights, rows cut within a block, and ids outside the table are refused", () => {
    setDefaultDevice(new Device(backend));
    scope(() => {
      const [w, scales, x] = [weights("e4m3", [32, 64], "w"), tensor([1], [1, 1]), activations([1, 64])];
      expect(() => storedLinear(x, packStored(w, scales) as Tensor, { scales })).toThrow(/scales/);
      expect(() => alias(weights("q8_0", [4, 64], "q"), [2, 32])).toThrow(/cuts rows/);
      expect(() => storedRows(w, tensor([32], [1], "i32"))).toThrow(/indexes in \[0, 32\)/);
    });
  });
});
