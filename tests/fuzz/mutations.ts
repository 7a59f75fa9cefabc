// Damages bytes and texts as transmission, careless tools and attackers do, from a seed. Knows where numbers lie no
// more than they do.
import { Random } from "../../src/random.js";

/** Integers that break size and offset arithmetic. */
const NASTY = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  9n,
  12n,
  13n,
  31n,
  32n,
  33n,
  127n,
  128n,
  255n,
  256n,
  1023n,
  4096n,
  65535n,
  65536n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  1n << 40n,
  (1n << 53n) - 1n,
  1n << 53n,
  1n << 61n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
  (1n << 64n) - 32n,
];

/** Draws from a seed: whole numbers below a bound, and members of a list. */
export class Draw {
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  below(bound: number): number {
    return this.random.below(bound);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/**
 * One to four damages within the first `reach` bytes: bits, bytes and numbers changed, pieces cut out, repeated, moved,
 * the end cut off.
 */
export function mutateBytes(original: Uint8Array, reach: number, draw: Draw): Uint8Array {
  let bytes: Buffer = Buffer.from(original);
  for (let n = 1 + draw.below(4); n > 0 && bytes.length > 0; n--)
    bytes = mutateOnce(bytes, Math.max(1, Math.min(reach, bytes.length)), draw);
  return bytes;
}

function mutateOnce(bytes: Buffer, reach: number, draw: Draw): Buffer {
  const at = draw.below(reach);
  const kind = draw.below(9);
  const piece = bytes.subarray(at, at + 1 + draw.below(16));
  if (kind === 0) bytes[at] ^= 1 << draw.below(8);
  else if (kind === 1) bytes[at] = draw.below(256);
  else if (kind === 2 && at + 4 <= bytes.length) bytes.writeUInt32LE(Number(draw.of(NASTY) & 0xffffffffn), at);
  else if (kind <= 4 && at + 8 <= bytes.length) bytes.writeBigUInt64LE(draw.of(NASTY), at);
  else if (kind === 5) return bytes.subarray(0, at);
  else if (kind === 6) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + piece.length)]);
  else if (kind === 7) return Buffer.concat([bytes.subarray(0, at), piece, piece, bytes.subarray(at + piece.length)]);
  else piece.copy(bytes, draw.below(reach));
  return bytes;
}

/** Values no schema expects where they come. */
const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  2,
  3,
  0.5,
  1e-300,
  1e300,
  2 ** 31,
  2 ** 53,
  4294967296,
  "",
  "x",
  "1",
  "yarn",
  "llama3",
  "__proto__",
  "\u0000",
  "\ud800",
  [],
  [[]],
  [0],
  [1e9],
  {},
  { length: 1e9 },
  { 0: 1 },
  { Regex: "(a+)+$" },
  1e9,
  { __proto__: null, rope_type: "yarn" },
  "a".repeat(300),
];

/** A value with one to four of its parts replaced, removed, renamed or moved. */
export function mutateJson(original: unknown, draw: Draw): unknown {
  let value = structuredClone(original);
  for (let n = 1 + draw.below(4); n > 0; n--) value = mutateValue(value, draw);
  return value;
}

function mutateValue(value: unknown, draw: Draw): unknown {
  if (typeof value !== "object" || value === null || draw.below(40) === 0) return scalar(value, draw);
  const keys = Object.keys(value);
  if (keys.length === 0) return structuredClone(draw.of(ODD));
  const record = value as Record<string, unknown>;
  const key = draw.of(keys);
  const kind = draw.below(8);
  if (kind === 0) delete record[key];
  else if (kind === 1) record[draw.of(keys)] = structuredClone(record[key]);
  else if (kind === 2)
    Object.defineProperty(record, draw.of(["__proto__", "constructor", "toString", "type", `${key}x`]), {
      value: structuredClone(record[key]),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  else record[key] = mutateValue(record[key], draw);
  return value;
}

function scalar(value: unknown, draw: Draw): unknown {
  if (typeof value !== "number" || draw.below(3) === 0) return structuredClone(draw.of(ODD));
  return draw.of([
    value + 1,
    value - 1,
    -value,
    value * 2,
    value / 2,
    value * 1000,
    Number(draw.of(NASTY)),
    value + 0.5,
  ]);
}

/** A text as it is, or damaged as bytes: JSON that is none any more. */
export const mutateText = (text: string, draw: Draw): string =>
  draw.below(4) > 0 ? text : Buffer.from(mutateBytes(Buffer.from(text), text.length, draw)).toString("utf8");
