// Blocks of stored weights: byte layouts by known vectors, round trips, and how much each code loses.
import { describe, expect, it } from "vitest";
import { type EncodedType, encodedBlockTypes, encodeE4m3Blocks, encodeRow, toE4m3 } from "./block-encoders.js";
import { decodeRow, fromE4m3, rowBytes, type StorageType, scaleAndMin } from "./block-formats.js";
import { fromF16Bits, toF16Bits } from "./dtype.js";

/** Numbers of a bell curve, always the same. */
function bell(count: number): Float32Array {
  let state = 1;
  const next = () => (state = (state * 48271) % 2147483647) / 2147483647;
  return Float32Array.from({ length: count }, () => next() + next() + next() + next() - 2);
}

function roundTrip(type: EncodedType, values: Float32Array): Float32Array {
  const bytes = new Uint8Array(rowBytes(type, values.length));
  encodeRow(type, values, bytes);
  const out = new Float32Array(values.length);
  decodeRow(type, bytes, out);
  return out;
}

/** Root mean square of the error over that of the values. */
function relativeLoss(type: EncodedType, values: Float32Array): number {
  const out = roundTrip(type, values);
  let [error, square] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    error += (out[i] - values[i]) ** 2;
    square += values[i] ** 2;
  }
  return Math.sqrt(error / square);
}

const half = (x: number) => [toF16Bits(x) & 255, toF16Bits(x) >> 8];
function decoded(type: StorageType, bytes: readonly number[], count: number): Float32Array {
  const out = new Float32Array(count);
  decodeRow(type, Uint8Array.from(bytes), out);
  return out;
}

describe("layouts", () => {
  it("q8_0 is a half and 32 signed bytes", () => {
    const out = decoded("q8_0", [...half(0.5), 1, 255, 128, 127, ...new Array(28).fill(0)], 32);
    expect(Array.from(out.subarray(0, 5))).toEqual([0.5, -0.5, -64, 63.5, 0]);
  });

  it("q4_0 holds numbers 0 to 15 in the lower nibbles and 16 to 31 in the upper ones", () => {
    const out = decoded("q4_0", [...half(2), 0xf0, 0x19, ...new Array(14).fill(0x88)], 32);
    expect([out[0], out[16], out[1], out[17], out[2], out[18]]).toEqual([-16, 14, 2, -14, 0, 0]);
  });

  it("the scales of q4_k and q5_k are six bits, the upper two of the last four apart", () => {
    const bytes = Uint8Array.from([
      0b01_000001, 0b10_000010, 0b11_000011, 4, 0b11_000101, 6, 7, 8, 0x21, 0x43, 0x65, 0x87,
    ]);
    expect(Array.from({ length: 8 }, (_, s) => scaleAndMin(bytes, 0, s))).toEqual([
      [1, 5],
      [2, 6],
      [3, 7],
      [4, 8],
      [17, 50],
      [35, 4],
      [53, 6],
      [7, 8],
    ]);
  });

  it("q4_k interleaves two sub-blocks in the nibbles of 32 bytes", () => {
    const scales = [1, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
    const out = decoded("q4_k", [...half(1), ...half(0.5), ...scales, 0xa5, ...new Array(127).fill(0)], 256);
    expect([out[0], out[1], out[32], out[33]]).toEqual([5 - 1.5, -1.5, 20, 0]);
  });

  it("q5_k takes bit s of its high bits for sub-block s", () => {
    const scales = [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1];
    const out = decoded(
      "q5_k",
      [...half(1), ...half(0), ...scales, 0b10000101, ...new Array(31).fill(0), 0x21, ...new Array(127).fill(0)],
      256,
    );
    expect([0, 1, 2, 7].map((s) => out[32 * s])).toEqual([17, 2, 16, 16]);
  });

  it("q6_k joins four bits and two, 32 too large, under a scale for 16 numbers", () => {
    const low = [0x21, ...new Array(31).fill(0), 0x43, ...new Array(95).fill(0)];
    const high = [0b11_10_01_00, ...new Array(63).fill(0)];
    const scales = [1, 0, 2, 0, 255, 0, 1, ...new Array(9).fill(0)];
    const out = decoded("q6_k", [...low, ...high, ...scales, ...half(1)], 256);
    expect([out[0], out[32], out[64], out[96]]).toEqual([1 - 32, 2 * (19 - 32), -(34 - 32), 52 - 32]);
  });

  it("e4m3 has subnormals, no infinity, and 448 for its largest number", () => {
    expect([0x00, 0x01, 0x08, 0x38, 0x7e, 0xb8].map(fromE4m3)).toEqual([0, 2 ** -9, 2 ** -6, 1, 448, -1]);
    expect(fromE4m3(0x7f)).toBeNaN();
    expect(fromE4m3(0xff)).toBeNaN();
  });

  it.each(["q8_0", "q4_k", "q6_k"] as const)("a row that is not whole blocks of %s is refused", (type) => {
    expect(() => rowBytes(type, 48)).toThrow(/whole blocks/);
  });
});

describe("numbers come back", () => {
  it.each(["f32", "bf16", "f16", ...encodedBlockTypes] as const)("zeros from %s as zeros", (type) => {
    expect(roundTrip(type, new Float32Array(512)).every((x) => x === 0)).toBe(true);
  });

  it("every e4m3 byte as itself", () => {
    for (let byte = 0; byte < 256; byte++) if ((byte & 0x7f) !== 0x7f) expect(toE4m3(fromE4m3(byte))).toBe(byte);
    expect(toE4m3(Number.NaN)).toBe(0x7f);
    expect(toE4m3(1e9)).toBe(0x7e);
  });

  it("every half as itself, and what lies between two as the even one", () => {
    for (let bits = 0; bits < 0x7c00; bits++) expect(toF16Bits(fromF16Bits(bits))).toBe(bits);
    expect(toF16Bits(1 + 2 ** -11)).toBe(toF16Bits(1));
    expect(toF16Bits(1 + 3 * 2 ** -11)).toBe(toF16Bits(1 + 2 ** -9));
    expect([65519, 65520, -1e9, 2 ** -25, 1.5 * 2 ** -24].map(toF16Bits)).toEqual([0x7bff, 0x7c00, 0xfc00, 0, 2]);
  });

  // Bounds a little over what the search reaches on a bell curve; q4_k and q5_k also say that minima pay.
  it.each([
    ["f16", 3e-4],
    ["q8_0", 6e-3],
    ["q6_k", 1.9e-2],
    ["q5_k", 3.5e-2],
    ["q4_k", 7e-2],
    ["q5_1", 3.5e-2],
    ["q5_0", 4.5e-2],
    ["q4_1", 7e-2],
    ["q4_0", 9e-2],
    ["e4m3", 3e-2],
  ] as const)("of %s with a loss below %d", (type, bound) => {
    const loss = relativeLoss(type, bell(16384));
    expect(loss).toBeLessThan(bound);
    expect(loss).toBeGreaterThan(bound / 2);
  });

  it("blocks all of one sign are coded from zero on", () => {
    const values = bell(512).map((x) => Math.abs(x) + 0.1);
    expect(relativeLoss("q4_k", values)).toBeLessThan(0.06);
    expect(
      relativeLoss(
        "q4_k",
        values.map((x) => -x),
      ),
    ).toBeLessThan(0.06);
  });

  it("blocks of e4m3 under a scale each keep magnitudes that one scale would lose", () => {
    const values = bell(200 * 300).map((x, i) => (i % 300 < 128 ? x * 1e-6 : x * 1e4));
    const { bytes, scales } = encodeE4m3Blocks(values, 200, 300);
    expect(scales.length).toBe(6);
    const out = new Float32Array(values.length);
    decodeRow("e4m3", bytes, out);
    const at = (i: number) => out[i] * scales[Math.floor(i / 300 / 128) * 3 + Math.floor((i % 300) / 128)];
    for (const i of [0, 127, 128, 299, 130 * 300 + 5])
      expect(Math.abs(at(i) - values[i])).toBeLessThanOrEqual(Math.abs(values[i]) * 0.0625 + scales[0] * 2 ** -10);
  });
});
