// Llama 3's scaling of rotary frequencies as GGUF keeps it, one divisor per frequency, and the rule behind given
// divisors. Source of the rule: ggml-org/llama.cpp@0274f0f, conversion/llama.py, generate_extra_tensors.

/** The rule's four numbers, in Hugging Face's names. */
export interface Llama3Scaling {
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** The divisor of each of headDim/2 frequencies: 1 for fast ones, `factor` for slow ones, a blend between. */
export function llama3Factors(headDim: number, theta: number, scaling: Llama3Scaling): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = scaling;
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const turns = original / wavelength(i, headDim, theta);
    if (turns > high) return 1;
    if (turns < low) return factor;
    const share = (turns - low) / (high - low);
    return 1 / ((1 - share) / factor + share);
  });
}

const wavelength = (i: number, headDim: number, theta: number): number => 2 * Math.PI * theta ** ((2 * i) / headDim);

// What every published Llama with this scaling has; taken where the divisors leave a choice.
const PUBLISHED = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

/**
 * The rule that gives these divisors, or undefined when none does. Only the ratios of context to the two bounds show in
 * them, so low_freq_factor is taken as 1 unless the original context is known from elsewhere.
 */
export function llama3ScalingOf(
  factors: Float32Array,
  known: { readonly theta: number; readonly originalMaxPositions?: number },
): Llama3Scaling | undefined {
  const headDim = 2 * factors.length;
  const factor = Number(Math.max(...factors).toPrecision(6));
  const candidates: Llama3Scaling[] = [
    { factor, ...PUBLISHED, original_max_position_embeddings: known.originalMaxPositions ?? 8192 },
  ];
  const fitted = ruleThrough(factors, factor, headDim, known.theta);
  if (fitted) candidates.push(rescaled(fitted, known.originalMaxPositions ?? fitted.original_max_position_embeddings));
  return candidates.find((scaling) => agrees(llama3Factors(headDim, known.theta, scaling), factors));
}

/** A blend's share is linear in the number of turns within the original context: two blended divisors give the line. */
function ruleThrough(factors: Float32Array, factor: number, headDim: number, theta: number): Llama3Scaling | undefined {
  const points = [...factors].flatMap((value, i) => {
    if (!(value > 1 && value < factor * (1 - 1e-6))) return [];
    return [{ turns: 1 / wavelength(i, headDim, theta), share: (1 / value - 1 / factor) / (1 - 1 / factor) }];
  });
  const [first, last] = [points[0], points[points.length - 1]];
  if (points.length < 2) return undefined;
  const slope = (first.share - last.share) / (first.turns - last.turns);
  const atZero = first.share - slope * first.turns;
  const high = 1 - 1 / atZero;
  return {
    factor,
    low_freq_factor: 1,
    high_freq_factor: round(high),
    original_max_position_embeddings: Math.round(slope * (high - 1)),
  };
}

function rescaled(scaling: Llama3Scaling, original: number): Llama3Scaling {
  const ratio = original / scaling.original_max_position_embeddings;
  return {
    ...scaling,
    original_max_position_embeddings: original,
    low_freq_factor: round(ratio),
    high_freq_factor: round(scaling.high_freq_factor * ratio),
  };
}

const round = (value: number): number => Number(value.toPrecision(4));

function agrees(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, i) => Math.abs(value - b[i]) <= 1e-3 * Math.abs(value));
}
