// Random blocks of every storage type, for weights that are measured and tested with. Knows the layouts of
// block-formats.ts, no tensors.
import { type BlockType, blockSizes, toF16Bits } from "./dtype.js";

/** Root mean square of e4m3 numbers whose upper exponent bit is clear. */
export const E4M3_STD = 0.6;

/**
 * Where the scale of a block lies, and by what the standard deviation wanted is divided for it: that of random quanta
 * times random sub-scales.
 */
const SCALES: Readonly<Partial<Record<BlockType, readonly [at: number, quanta: number]>>> = {
  q8_0: [0, 74],
  q4_0: [0, 4.6],
  q4_1: [0, 4.6],
  q5_0: [0, 9.2],
  q5_1: [0, 9.2],
  iq4_nl: [0, 67.4],
  q2_k: [80, 1.12 * 8.8],
  q3_k: [108, 2.3 * 18.5],
  q4_k: [0, 4.6 * 34],
  q5_k: [0, 9.2 * 34],
  q6_k: [208, 18.5 * 48],
  iq4_xs: [0, 67.4 * 18.5],
};
/** Where minima are, and how many scales one is, so that quanta from zero on are centred. */
const MINIMA: Readonly<Partial<Record<BlockType, readonly [at: number, scales: number]>>> = {
  q4_1: [2, -7.5],
  q5_1: [2, -15.5],
  q2_k: [82, 1.5],
  q4_k: [2, 7.5],
  q5_k: [2, 15.5],
};
/** Root mean square of e2m1 numbers, doubled. */
const MXFP4_QUANTA = 5.85;

/**
 * Turns random bytes into blocks whose numbers have the standard deviation `std` (e4m3: E4M3_STD) and a mean of zero or
 * nearly.
 */
export function makeBlocks(bytes: Uint8Array, type: BlockType, std: number): void {
  if (type === "e4m3") for (let i = 0; i < bytes.length; i++) bytes[i] &= 0xbf;
  else
    for (let at = 0; at + blockSizes[type].bytes <= bytes.length; at += blockSizes[type].bytes)
      makeBlock(bytes, at, type, std);
}

function makeBlock(bytes: Uint8Array, at: number, type: BlockType, std: number): void {
  const half = (to: number, value: number) => {
    const bits = toF16Bits(value);
    bytes[at + to] = bits & 255;
    bytes[at + to + 1] = bits >> 8;
  };
  if (type === "mxfp4") bytes[at] = 128 + Math.round(Math.log2(std / MXFP4_QUANTA));
  const [place, quanta] = SCALES[type] ?? [];
  if (place === undefined || quanta === undefined) return;
  half(place, std / quanta);
  const minimum = MINIMA[type];
  if (minimum) half(minimum[0], (std / quanta) * minimum[1]);
  // The minima of sub-blocks are their scales; scales with a sign stay positive and large.
  if (type === "q2_k") for (let i = 0; i < 16; i++) bytes[at + i] = (bytes[at + i] & 15) * 17;
  else if (type === "q4_k" || type === "q5_k") {
    for (let j = 0; j < 4; j++) {
      bytes[at + 8 + j] = bytes[at + 4 + j];
      bytes[at + 12 + j] = (bytes[at + 12 + j] & 15) * 17;
    }
  } else if (type === "q6_k") for (let i = 192; i < 208; i++) bytes[at + i] = 32 + (bytes[at + i] & 31);
}
