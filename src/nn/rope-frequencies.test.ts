// Claims about rotary frequencies: scaled tables equal published values.
import { expect, test } from "vitest";
import { ropeTable, yarnMscale } from "./rope-frequencies.js";

test("YaRN frequencies of DeepSeek-V3 equal the published values", () => {
  const table = ropeTable(64, 10000, {
    type: "yarn",
    factor: 40,
    originalMaxPositions: 4096,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    attentionFactor: 1,
  });
  const expected: Record<number, number> = {
    0: 1,
    5: 2.371373706e-1,
    10: 5.623413252e-2,
    11: 3.900692657e-2,
    14: 1.244795587e-2,
    16: 5.5e-3,
    18: 2.249365301e-3,
    20: 7.90569415e-4,
    22: 1.77827941e-4,
    23: 3.33380358e-5,
    31: 3.33380358e-6,
  };
  for (const [i, value] of Object.entries(expected)) expect(table.invFreq[Number(i)] / value).toBeCloseTo(1, 6);
  expect(table.factor).toBe(1);
  expect(yarnMscale(40) ** 2).toBeCloseTo(1.8738542, 6);
});

test("llama3 scaling keeps high frequencies, divides low ones, blends between", () => {
  const plain = ropeTable(128, 500000, null).invFreq;
  const scaled = ropeTable(128, 500000, {
    type: "llama3",
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions: 8192,
  }).invFreq;
  expect(scaled[0]).toBe(plain[0]);
  expect(scaled[63] * 8).toBeCloseTo(plain[63], 10);
  expect(scaled.filter((f, i) => f < plain[i] && f * 8 > plain[i] * 1.001).length).toBeGreaterThan(0);
});
