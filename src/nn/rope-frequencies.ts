// Inverse frequencies of rotary embeddings: plain, linear, Llama 3, YaRN, LongRoPE. Pure numbers.
// Rules: huggingface/transformers v5.23, modeling_rope_utils.py; YaRN: Peng et al. 2023, §3.2; LongRoPE: Ding et al.
// 2024.
import { log, pow } from "../elementary.js";

/** Scaling of rotary positions with every default resolved. */
export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositions: number;
    }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly originalMaxPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Whether the ends of the ramp are rounded to whole dimensions. */
      readonly truncate: boolean;
      readonly attentionFactor: number;
    }
  /** One divisor for each frequency (LongRoPE). */
  | { readonly type: "divided"; readonly divisors: readonly number[]; readonly attentionFactor: number };

/** Frequencies [dim/2] in radians per position, and what cos and sin are multiplied by. */
export interface RopeTable {
  readonly invFreq: Float32Array;
  readonly factor: number;
}

/** The table for `dim` rotated dimensions with base `theta`. */
export function ropeTable(dim: number, theta: number, scaling: RopeScaling | null): RopeTable {
  const plain = Float64Array.from({ length: dim / 2 }, (_, i) => pow(theta, (-2 * i) / dim));
  const factor = scaling && "attentionFactor" in scaling ? scaling.attentionFactor : 1;
  return { invFreq: Float32Array.from(plain, scaling ? scaledBy(scaling, dim, theta) : (f) => f), factor };
}

function scaledBy(scaling: RopeScaling, dim: number, theta: number): (frequency: number, i: number) => number {
  switch (scaling.type) {
    case "linear":
      return (f) => f / scaling.factor;
    case "llama3":
      return (f) => llama3Frequency(f, scaling);
    case "divided":
      return (f, i) => f / scaling.divisors[i];
    case "yarn": {
      const ramp = yarnRamp(dim, theta, scaling);
      return (f, i) => f * (1 - ramp(i)) + (f / scaling.factor) * ramp(i);
    }
  }
}

/** 0 keeps a frequency, 1 divides it by the factor. */
function yarnRamp(dim: number, theta: number, s: Extract<RopeScaling, { type: "yarn" }>): (i: number) => number {
  const correction = (rotations: number) =>
    (dim * log(s.originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * log(theta));
  const [start, end] = [correction(s.betaFast), correction(s.betaSlow)];
  const low = Math.max(s.truncate ? Math.floor(start) : start, 0);
  const high = Math.min(s.truncate ? Math.ceil(end) : end, dim - 1);
  const width = high === low ? 0.001 : high - low;
  return (i) => Math.min(Math.max((i - low) / width, 0), 1);
}

/** YaRN's growth of attention with the factor: 0.1 · mscale · ln(factor) + 1, and 1 where nothing is stretched. */
export const yarnMscale = (factor: number, mscale = 1): number => (factor > 1 ? 0.1 * mscale * log(factor) + 1 : 1);

function llama3Frequency(f: number, s: Extract<RopeScaling, { type: "llama3" }>): number {
  const wavelength = (2 * Math.PI) / f;
  if (wavelength > s.originalMaxPositions / s.lowFreqFactor) return f / s.factor;
  if (wavelength < s.originalMaxPositions / s.highFreqFactor) return f;
  const smooth = (s.originalMaxPositions / wavelength - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor);
  return ((1 - smooth) * f) / s.factor + smooth * f;
}
