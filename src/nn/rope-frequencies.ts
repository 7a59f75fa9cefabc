// Inverse frequencies of rotary embeddings: plain, YaRN (DeepSeek), Llama 3. Pure numbers.

/** RoPE scaling as `config.json` gives it, in our names. */
export type RopeScaling =
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly originalMaxPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Absent: the plain YaRN attention factor applies to cos and sin. */
      readonly mscale?: number;
      readonly mscaleAllDim?: number;
    }
  | { readonly type: "llama3"; readonly factor: number; readonly lowFreqFactor: number; readonly highFreqFactor: number; readonly originalMaxPositions: number }
  | { readonly type: "linear"; readonly factor: number };

/** Frequencies [dim/2] in radians per position, and what cos/sin and the softmax scale are multiplied by. */
export interface RopeTable {
  readonly invFreq: Float32Array;
  readonly factor: number;
  readonly softmaxScale: number;
}

/** The table for `dim` rotated dimensions with base `theta`. */
export function ropeTable(dim: number, theta: number, scaling: RopeScaling | null): RopeTable {
  const plain = Float64Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
  if (!scaling) return { invFreq: Float32Array.from(plain), factor: 1, softmaxScale: 1 };
  if (scaling.type === "linear") return { invFreq: Float32Array.from(plain, (f) => f / scaling.factor), factor: 1, softmaxScale: 1 };
  if (scaling.type === "llama3") return { invFreq: Float32Array.from(plain, (f) => llama3Frequency(f, scaling)), factor: 1, softmaxScale: 1 };
  const ramp = yarnRamp(dim, theta, scaling);
  const invFreq = Float32Array.from(plain, (f, i) => f * (1 - ramp(i)) + (f / scaling.factor) * ramp(i));
  return { invFreq, ...yarnScales(scaling) };
}

type Yarn = Extract<RopeScaling, { type: "yarn" }>;

/** 0 keeps a frequency, 1 divides it by the factor (Peng et al. 2023, YaRN §3.2). */
function yarnRamp(dim: number, theta: number, s: Yarn): (i: number) => number {
  const correction = (rotations: number) => (dim * Math.log(s.originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const low = Math.max(Math.floor(correction(s.betaFast)), 0);
  const high = Math.min(Math.ceil(correction(s.betaSlow)), dim - 1);
  const width = high === low ? 0.001 : high - low;
  return (i) => Math.min(Math.max((i - low) / width, 0), 1);
}

const yarnMscale = (factor: number, mscale: number) => (factor > 1 ? 0.1 * mscale * Math.log(factor) + 1 : 1);

/** As transformers 5.23 deepseek_v3: mscale_all_dim squared on the softmax scale, the ratio of both on cos and sin. */
function yarnScales(s: Yarn): { factor: number; softmaxScale: number } {
  const softmaxScale = s.mscaleAllDim ? yarnMscale(s.factor, s.mscaleAllDim) ** 2 : 1;
  const factor = s.mscale && s.mscaleAllDim ? yarnMscale(s.factor, s.mscale) / yarnMscale(s.factor, s.mscaleAllDim) : yarnMscale(s.factor, 1);
  return { factor, softmaxScale };
}

function llama3Frequency(f: number, s: Extract<RopeScaling, { type: "llama3" }>): number {
  const wavelength = (2 * Math.PI) / f;
  if (wavelength > s.originalMaxPositions / s.lowFreqFactor) return f / s.factor;
  if (wavelength < s.originalMaxPositions / s.highFreqFactor) return f;
  const smooth = (s.originalMaxPositions / wavelength - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor);
  return ((1 - smooth) * f) / s.factor + smooth * f;
}
