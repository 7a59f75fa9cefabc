// TensorBoard's event files: records with checksums, each a protocol buffer of scalars (tensorflow/core/lib/io/
// record_writer.cc, core/util/event.proto and framework/summary.proto). Knows no run.

/** One moment's scalars. `seconds`: wall time since 1970. */
export interface ScalarEvent {
  readonly seconds: number;
  readonly step: number;
  readonly scalars: readonly (readonly [tag: string, value: number])[];
}

/** The record that begins a file. */
export const fileHeader = (seconds: number): Buffer =>
  framed(Buffer.concat([field(1, double(seconds)), field(3, bytes(Buffer.from("brain.Event:2")))]));

/** The record of an event. */
export function eventRecord({ seconds, step, scalars }: ScalarEvent): Buffer {
  const values = scalars.map(([tag, value]) =>
    field(1, bytes(Buffer.concat([field(1, bytes(Buffer.from(tag))), field(2, float(value))]))),
  );
  const summary = field(5, bytes(Buffer.concat(values)));
  return framed(Buffer.concat([field(1, double(seconds)), field(2, varint(step)), summary]));
}

/** A value on the wire, with the number of its kind. */
interface Wire {
  readonly kind: 0 | 1 | 2 | 5;
  readonly data: Buffer;
}

const field = (number: number, { kind, data }: Wire): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | kind]), data]);

const bytes = (data: Buffer): Wire => ({ kind: 2, data: Buffer.concat([varint(data.length).data, data]) });

function double(value: number): Wire {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return { kind: 1, data };
}

function float(value: number): Wire {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return { kind: 5, data };
}

function varint(value: number): Wire {
  const data: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) data.push((rest % 128) | 128);
  return { kind: 0, data: Buffer.from([...data, rest]) };
}

/** A record: length and data, each behind its masked checksum. */
function framed(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedChecksum(length), data, maskedChecksum(data)]);
}

function maskedChecksum(data: Buffer): Buffer {
  const crc = crc32c(data);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  const out = Buffer.alloc(4);
  out.writeUInt32LE(masked);
  return out;
}

/** CRC-32C (Castagnoli, reflected 0x82f63b78) byte by byte. */
function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
