// Rotary settings as transformers reads them: inverse frequencies, the factor on cos and sin, the softmax scale.
// rope_vectors.py made the numbers.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseHfConfig, toHfConfigJson } from "../../src/models/hf-config.js";
import { contextOf, ropeScalingOf, softmaxScaleOf } from "../../src/models/rope-scaling.js";
import { ropeTable } from "../../src/nn/rope-frequencies.js";
import { goldenPath } from "../parity/golden-case.js";

interface Vector {
  readonly invFreq: readonly number[];
  readonly factor: number;
}
interface Row extends Vector {
  readonly name: string;
  readonly config: Record<string, unknown>;
  readonly softmax: number;
  readonly long?: Vector;
}

const { rows } = JSON.parse(readFileSync(goldenPath("rope.json"), "utf8")) as { rows: readonly Row[] };

describe("rotary settings equal transformers'", () => {
  test.each(rows)("$name", ({ config: raw, softmax, long, ...short }) => {
    const config = parseHfConfig(raw);
    expectTable(config, contextOf(config), short);
    if (long) expectTable(config, config.max_position_embeddings, long);
    expect("kv_lora_rank" in config ? softmaxScaleOf(config) : 1).toBeCloseTo(softmax, 5);
  });

  test.each(rows)("$name, written and read again", ({ config: raw }) => {
    const config = parseHfConfig(raw);
    expect(parseHfConfig(JSON.parse(JSON.stringify(toHfConfigJson(config))))).toMatchObject({
      rope_theta: config.rope_theta,
      rope_scaling: config.rope_scaling,
    });
  });
});

function expectTable(config: ReturnType<typeof parseHfConfig>, context: number, expected: Vector): void {
  const { invFreq, factor } = ropeTable(2 * expected.invFreq.length, config.rope_theta, ropeScalingOf(config, context));
  expect(factor).toBeCloseTo(expected.factor, 6);
  for (const [i, value] of expected.invFreq.entries())
    expect(Math.abs(invFreq[i] / value - 1), `frequency ${i}`).toBeLessThan(2e-6);
}
