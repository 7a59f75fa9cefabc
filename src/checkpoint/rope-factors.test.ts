// Llama 3's rotary scaling as divisors, and the rule found again from them.
import { expect, test } from "vitest";
import { ropeTable } from "../nn/rope-frequencies.js";
import { llama3Factors, llama3ScalingOf } from "./rope-factors.js";

const PUBLISHED = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

test("the divisors are those our own frequencies are divided by", () => {
  const factors = llama3Factors(128, 500000, PUBLISHED);
  const scaling = {
    type: "llama3",
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions: 8192,
  } as const;
  const [plain, scaled] = [ropeTable(128, 500000, null).invFreq, ropeTable(128, 500000, scaling).invFreq];
  for (const [i, factor] of factors.entries()) expect(plain[i] / factor / scaled[i]).toBeCloseTo(1, 5);
});

test("the rule is found again from its divisors, the published one and others", () => {
  for (const scaling of [
    PUBLISHED,
    { ...PUBLISHED, factor: 32 },
    { ...PUBLISHED, high_freq_factor: 6, original_max_position_embeddings: 2048 },
  ]) {
    expect(llama3ScalingOf(llama3Factors(128, 500000, scaling), { theta: 500000 })).toEqual(scaling);
  }
  const odd = { factor: 4, low_freq_factor: 2, high_freq_factor: 5, original_max_position_embeddings: 1000 };
  expect(llama3ScalingOf(llama3Factors(128, 10000, odd), { theta: 10000, originalMaxPositions: 1000 })).toEqual(odd);
});

test("divisors that follow no such rule are not explained", () => {
  expect(llama3ScalingOf(Float32Array.of(1, 3, 2, 8, 1, 8), { theta: 10000 })).toBeUndefined();
});
