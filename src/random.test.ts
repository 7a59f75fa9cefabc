// Claims about the random streams: known answers of the cipher, moments, independence of forks, exact resume.
import { describe, expect, it } from "vitest";
import { hashString, Random, threefry2x32 } from "./random.js";

const hex = (words: Int32Array): string[] => [...words].map((w) => (w >>> 0).toString(16).padStart(8, "0"));

describe("threefry2x32", () => {
  it("gives the known answers published with Random123 (kat_vectors, threefry2x32 20)", () => {
    const out = new Int32Array(2);
    threefry2x32(0, 0, 0, 0, out);
    expect(hex(out)).toEqual(["6b200159", "99ba4efe"]);
    threefry2x32(-1, -1, -1, -1, out);
    expect(hex(out)).toEqual(["1cb996fc", "bb002be7"]);
    threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, out);
    expect(hex(out)).toEqual(["c4923a9c", "483df7a0"]);
  });
});

describe("Random", () => {
  it("repeats for the same seed and differs for seeds that differ only above 32 bits", () => {
    const words = (seed: number) =>
      Array.from(
        { length: 4 },
        (
          (r) => () =>
            r.uint32()
        )(new Random(seed)),
      );
    expect(words(7)).toEqual(words(7));
    expect(words(7)).not.toEqual(words(7 + 2 ** 32));
  });

  it("resumes from a state taken at an odd position", () => {
    const a = new Random(3);
    for (let i = 0; i < 7; i++) a.uint32();
    const b = Random.fromState(JSON.parse(JSON.stringify(a.state())));
    expect([b.uint32(), b.float(), b.normal()]).toEqual([a.uint32(), a.float(), a.normal()]);
  });

  it("forks by label alone, whatever was drawn before", () => {
    const a = new Random(1);
    const before = a.fork("x").uint32();
    a.uint32();
    expect(a.fork("x").uint32()).toBe(before);
    const forks = [a.fork("x"), a.fork("y"), a.fork(0), a.fork("0"), a.fork(1), a];
    expect(new Set(forks.map((r) => r.uint32())).size).toBe(forks.length);
  });

  it("draws uniform floats and normals with the right moments", () => {
    const random = new Random(11);
    const num = 40000;
    let sum = 0;
    for (let i = 0; i < num; i++) sum += random.float();
    expect(Math.abs(sum / num - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / num));
    const out = new Float32Array(num + 1);
    random.fillNormal(out, 2, 3);
    const mean = out.reduce((a, b) => a + b, 0) / out.length;
    const variance = out.reduce((a, b) => a + (b - mean) ** 2, 0) / out.length;
    expect(Math.abs(mean - 2)).toBeLessThan(0.06);
    expect(Math.abs(Math.sqrt(variance) - 3)).toBeLessThan(0.06);
  });

  it("fills every bin of below(n) evenly, and refuses n = 0", () => {
    const random = new Random(5);
    const counts = new Array(6).fill(0);
    for (let i = 0; i < 60000; i++) counts[random.below(6)]++;
    const chiSquare = counts.reduce((sum, c) => sum + (c - 10000) ** 2 / 10000, 0);
    expect(chiSquare).toBeLessThan(20.5); // 0.1% tail at 5 degrees of freedom
    expect(() => random.below(0)).toThrow(RangeError);
  });

  it("shuffles to a permutation", () => {
    const items = new Random(9).shuffle(Array.from({ length: 50 }, (_, i) => i));
    expect(items).not.toEqual([...items].sort((a, b) => a - b));
    expect(new Set(items).size).toBe(50);
  });
});

describe("hashString", () => {
  it("spreads close keys over the unit interval", () => {
    let below = 0;
    for (let i = 0; i < 10000; i++) if (hashString(`key ${i}`) / 2 ** 32 < 0.1) below++;
    expect(below).toBeGreaterThan(880);
    expect(below).toBeLessThan(1120);
  });
});

describe("floatAt", () => {
  it("gives any number of the stream without drawing", () => {
    const stream = new Random(77);
    const drawn = Array.from({ length: 5 }, () => stream.float());
    expect([4, 0, 2, 1, 3].map((n) => stream.floatAt(n))).toEqual([4, 0, 2, 1, 3].map((n) => drawn[n]));
    const half = new Random(77);
    half.uint32();
    half.floatAt(9);
    const whole = new Random(77);
    whole.uint32();
    expect(half.uint32()).toBe(whole.uint32());
  });
});
