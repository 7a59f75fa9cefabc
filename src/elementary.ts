// Exponential, logarithm, power and trigonometric functions of which every bit is defined. Those of Math differ in
// their last bit from one JavaScript engine to another, and with them initial weights, schedules and all that follows.
// Methods and coefficients are those of fdlibm 5.3 (netlib.org/fdlibm; Copyright (C) 1993 by Sun Microsystems, Inc.
// Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice is
// preserved), with V8's power (v8/v8@1e79e03, src/base/ieee754.cc): the bits that Math had in Node 20.

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0]; // little-endian: the second word is the higher one
const LOW = 1 - HIGH;

/** The upper 32 bits: sign, exponent, 20 bits of fraction. */
function high(x: number): number {
  number[0] = x;
  return words[HIGH] | 0;
}
/** x with other upper bits. */
function withHigh(x: number, bits: number): number {
  number[0] = x;
  words[HIGH] = bits;
  return number[0];
}
/** x without its lower 32 bits. */
function upper(x: number): number {
  number[0] = x;
  words[LOW] = 0;
  return number[0];
}
/** 2^k of a normal number. */
const powerOfTwo = (k: number): number => withHigh(0, (1023 + k) << 20);

const [LN2_HIGH, LN2_LOW] = [0.6931471803691238, 1.9082149292705877e-10];

/** r - r·coth(r/2)-like remainder that e^r is made of: for |r| up to ln2/2 */
function expRemainder(r: number): number {
  const t = r * r;
  return (
    r -
    t *
      (0.16666666666666602 +
        t *
          (-0.0027777777777015593 +
            t * (0.00006613756321437934 + t * (-0.0000016533902205465252 + t * 4.1381367970572385e-8))))
  );
}

/** e^x. */
export function exp(x: number): number {
  if (!(x <= 709.782712893384)) return x > 0 ? Number.POSITIVE_INFINITY : x;
  if (x < -745.1332191019411) return 0;
  if (x === 1) return Math.E;
  const size = Math.abs(x);
  if (size < 2 ** -28) return 1 + x;
  const top = high(size);
  if (top <= 0x3fd62e42) {
    const c = expRemainder(x);
    return 1 - ((x * c) / (c - 2) - x);
  }
  const k = top < 0x3ff0a2b2 ? Math.sign(x) : Math.trunc(Math.LOG2E * x + (x < 0 ? -0.5 : 0.5));
  const [h, l] = [x - k * LN2_HIGH, k * LN2_LOW];
  const r = h - l;
  const c = expRemainder(r);
  const y = 1 - (l - (r * c) / (2 - c) - h);
  if (k === 1024) return y * 2 * 2 ** 1023;
  return k >= -1021 ? y * powerOfTwo(k) : y * powerOfTwo(k + 1000) * powerOfTwo(-1000);
}

/** The exponent of a normal number: the whole part of its logarithm to base 2. */
export const exponentOf = (x: number): number => ((high(x) >> 20) & 0x7ff) - 1023;

/** The natural logarithm. */
export function log(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN;
  const isTiny = x < 2 ** -1022;
  const scaled = isTiny ? x * 2 ** 54 : x;
  const top = high(scaled);
  const fraction = top & 0xfffff;
  const carry = (fraction + 0x95f64) & 0x100000;
  const f = withHigh(scaled, fraction | (carry ^ 0x3ff00000)) - 1;
  const k = (top >> 20) - 1023 + (carry >> 20) - (isTiny ? 54 : 0);
  if ((0xfffff & (2 + fraction)) < 3) {
    if (f === 0) return k * LN2_HIGH + k * LN2_LOW;
    const r = f * f * (0.5 - 0.3333333333333333 * f);
    return k === 0 ? f - r : k * LN2_HIGH - (r - k * LN2_LOW - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const odd = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const even = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const r = even + odd;
  if (((fraction - 0x6147a) | (0x6b851 - fraction)) > 0) {
    const half = 0.5 * f * f;
    return k === 0 ? f - (half - s * (half + r)) : k * LN2_HIGH - (half - (s * (half + r) + k * LN2_LOW) - f);
  }
  return k === 0 ? f - s * (f - r) : k * LN2_HIGH - (s * (f - r) - k * LN2_LOW - f);
}

/** The hyperbolic tangent. */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (!(size < 22)) return Number.isNaN(x) ? x : Math.sign(x);
  if (size < 2 ** -28) return x;
  const t = expMinusOne(-2 * size);
  return Math.sign(x) * (-t / (t + 2));
}

function expMinusOne(x: number): number {
  if (Math.abs(x) > 0.34) return exp(x) - 1;
  const c = expRemainder(x);
  return (x * c) / (2 - c) + x;
}

/** x^y for positive x; results outside the normal numbers are those of Math. */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (Math.abs(y) === 1) return y === 1 ? x : 1 / x;
  if (y === 2 || y === 0.5) return y === 2 ? x * x : Math.sqrt(x);
  const isNormal = x >= 2 ** -1022 && x < Number.POSITIVE_INFINITY && Math.abs(y * Math.log2(x)) < 1020;
  if (!isNormal || Math.abs(y) >= 2 ** 31) return x ** y;
  const [t1, t2] = log2InTwo(x);
  const y1 = upper(y);
  const low = (y - y1) * t1 + y * t2;
  return exp2OfTwo(y1 * t1, low);
}

/** log2 of a positive normal number, as a sum whose first part has 21 bits of fraction. */
function log2InTwo(x: number): readonly [number, number] {
  const top = high(x);
  const fraction = top & 0xfffff;
  let n = (top >> 20) - 1023;
  let bits = fraction | 0x3ff00000;
  let k = 0;
  if (fraction > 0x3988e) {
    if (fraction < 0xbb67a) k = 1;
    else {
      n++;
      bits -= 0x100000;
    }
  }
  const a = withHigh(x, bits);
  const base = k === 1 ? 1.5 : 1;
  const u = a - base;
  const v = 1 / (a + base);
  const s = u * v;
  const sHigh = upper(s);
  const sumHigh = withHigh(0, ((bits >> 1) | 0x20000000) + 0x80000 + (k << 18));
  const sLow = v * (u - sHigh * sumHigh - sHigh * (a - (sumHigh - base)));
  const s2 = s * s;
  const r =
    s2 *
      s2 *
      (0.5999999999999946 +
        s2 *
          (0.4285714285785502 +
            s2 *
              (0.33333332981837743 +
                s2 * (0.272728123808534 + s2 * (0.23066074577556175 + s2 * 0.20697501780033842))))) +
    sLow * (sHigh + s);
  const square = sHigh * sHigh;
  const tHigh = upper(3 + square + r);
  const tLow = r - (tHigh - 3 - square);
  const first = sHigh * tHigh;
  const second = sLow * tHigh + tLow * s;
  const pHigh = upper(first + second);
  const pLow = second - (pHigh - first);
  const zHigh = 0.9617967009544373 * pHigh;
  const zLow = -7.028461650952758e-9 * pHigh + pLow * 0.9617966939259756 + (k === 1 ? 1.350039202129749e-8 : 0);
  const offset = k === 1 ? 0.5849624872207642 : 0;
  const t1 = upper(zHigh + zLow + offset + n);
  return [t1, zLow - (t1 - n - offset - zHigh)];
}

/** 2^(big + low), where the result is a normal number. */
function exp2OfTwo(big: number, low: number): number {
  const z = big + low;
  const n = Math.abs(z) > 0.5 ? Math.sign(z) * Math.floor(Math.abs(z) + 0.5) : 0;
  const rest = big - n;
  const t = upper(low + rest);
  const u = t * 0.6931471824645996;
  const v = (low - (t - rest)) * Math.LN2 + t * -1.904654299957768e-9;
  const sum = u + v;
  const w = v - (sum - u);
  const c = expRemainder(sum);
  const r = (sum * c) / (c - 2 - (w + sum * w));
  return (1 - (r - sum)) * powerOfTwo(n);
}

const QUARTER_PI = Math.PI / 4;

/** The sine of an angle in radians. */
export function sin(x: number): number {
  const size = Math.abs(x);
  const value = size < QUARTER_PI ? sineNear(size, 0) : turned(size, 0);
  return x < 0 || Object.is(x, -0) ? -value : value;
}

/** The cosine of an angle in radians. */
export function cos(x: number): number {
  const size = Math.abs(x);
  return size < QUARTER_PI ? cosineNear(size, 0) : turned(size, 1);
}

/** sin(x + quarter·π/2) for x from π/4 on. */
function turned(x: number, quarter: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  const top = high(x);
  let n = top < 0x4002d97c ? 1 : Math.trunc(x * 0.6366197723675814 + 0.5);
  let [y0, y1] = [0, 0];
  if (x < 823_549 && (top < 0x4002d97c ? top !== 0x3ff921fb : n < 32 && top !== MULTIPLES[n - 1])) {
    const r = x - n * HALF_PI[0][0];
    const w = n * HALF_PI[0][1];
    y0 = r - w;
    y1 = r - y0 - w;
  } else if (x < 823_549) [y0, y1] = restClose(x, n);
  else [n, y0, y1] = quartersOf(x);
  const m = n + quarter;
  const value = m & 1 ? cosineNear(y0, y1) : sineNear(y0, y1);
  return m & 2 ? -value : value;
}

/** sin(x + y) for |x| up to π/4 and y its tail. */
function sineNear(x: number, y: number): number {
  if (Math.abs(x) < 2 ** -27) return x;
  const z = x * x;
  const v = z * x;
  const r =
    0.00833333333332249 +
    z *
      (-0.0001984126982985795 +
        z * (0.0000027557313707070068 + z * (-2.5050760253406863e-8 + z * 1.58969099521155e-10)));
  if (y === 0) return x + v * (-0.16666666666666632 + z * r);
  return x - (z * (0.5 * y - v * r) - y - v * -0.16666666666666632);
}

/** cos(x + y) for |x| up to π/4 and y its tail. */
function cosineNear(x: number, y: number): number {
  const size = Math.abs(x);
  if (size < 2 ** -27) return 1;
  const z = x * x;
  const r =
    z *
    (0.0416666666666666 +
      z *
        (-0.001388888888887411 +
          z *
            (0.00002480158728947673 +
              z * (-2.7557314351390663e-7 + z * (2.087572321298175e-9 + z * -1.1359647557788195e-11)))));
  const top = high(size);
  if (top < 0x3fd33333) return 1 - (0.5 * z - (z * r - x * y));
  const q = top > 0x3fe90000 ? 0.28125 : withHigh(0, top - 0x200000);
  return 1 - q - (0.5 * z - q - (z * r - x * y));
}

/** π/2 in three parts of 33 bits, each with what is left behind it. */
const HALF_PI = [
  [1.5707963267341256, 6.077100506506192e-11],
  [6.077100506303966e-11, 2.0222662487959506e-21],
  [2.0222662487111665e-21, 8.4784276603689e-32],
] as const;
/** Upper words of the first multiples of π/2: close to those a product loses more bits. */
const MULTIPLES = Array.from({ length: 31 }, (_, i) => high(((i + 1) * Math.PI) / 2));

/** x - n·π/2 as a sum, for x that may be close to that multiple. */
function restClose(x: number, n: number): readonly [number, number] {
  const top = high(x);
  const isFirst = top < 0x4002d97c;
  let r = x - n * HALF_PI[0][0];
  let w = n * HALF_PI[0][1];
  for (const [part, least] of [
    [1, 16],
    [2, 49],
  ]) {
    const numLost = (top >> 20) - ((high(r - w) >> 20) & 0x7ff);
    if (isFirst ? part === 2 : numLost <= least) break;
    const before = r;
    w = n * HALF_PI[part][0];
    r = before - w;
    w = n * HALF_PI[part][1] - (before - r - w);
  }
  return [r - w, r - (r - w) - w];
}

/** Bits behind the point of the integers below. */
const PLACES = 1200n;
let twoOverPi: bigint | undefined;

/** x = n·π/2 + y0 + y1 for large x, with integers of any size; n is right in its last two bits. */
function quartersOf(x: number): readonly [number, number, number] {
  twoOverPi ??= (2n << (2n * PLACES)) / piInPlaces();
  const shift = Math.max(0, (high(x) >> 20) - 1023 - 52);
  const whole = shift > 0 ? BigInt(x / powerOfTwo(shift)) << BigInt(shift) : BigInt(Math.round(x * 2 ** 40));
  const scaled = shift > 0 ? whole << 40n : whole; // x·2^40
  const turns = (scaled * twoOverPi) >> 40n;
  const n = (turns + (1n << (PLACES - 1n))) >> PLACES;
  const rest = ((turns - (n << PLACES)) * piInPlaces()) >> (PLACES + 1n);
  const y0 = Number(rest >> (PLACES - 200n)) / 2 ** 200;
  const left = rest - (BigInt(y0 * 2 ** 200) << (PLACES - 200n));
  return [Number(n & 3n), y0, Number(left >> (PLACES - 300n)) / 2 ** 300];
}

/** π by Machin's formula: 16·arctan(1/5) - 4·arctan(1/239). */
function piInPlaces(): bigint {
  const arctanOfOneOver = (n: bigint): bigint => {
    let sum = 0n;
    let power = (1n << (PLACES + 32n)) / n;
    for (let k = 1n; power !== 0n; k += 2n, power = -power / (n * n)) sum += power / k;
    return sum;
  };
  return (16n * arctanOfOneOver(5n) - 4n * arctanOfOneOver(239n)) >> 32n;
}
