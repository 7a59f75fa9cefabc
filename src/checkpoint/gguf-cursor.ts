// Walks a GGUF file from the front, holding one window of it in memory: nothing is taken that the file cannot have.
// Knows the format's numbers and strings, not what they mean.
import type { FileHandle } from "node:fs/promises";
import { CheckpointError } from "../errors.js";
import { readExactly } from "./file-reader.js";
import { GGUF_NUMBER_BYTES, type GgufNumberType } from "./gguf-types.js";
import { type TextList, TextListBuilder } from "./text-list.js";

const WINDOW_BYTES = 1 << 20;
/** Far above any real header (a vocabulary takes some megabytes). */
const MAX_HEADER_BYTES = 1 << 28;

/** A typed array of metadata numbers. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** Reads forward; every length is held against what is left of the file before memory is taken for it. */
export class GgufCursor {
  private window = new Uint8Array(0);
  private view = new DataView(this.window.buffer);
  /** The next byte, within the window. */
  private at = 0;
  /** The window's first byte, within the file. */
  private windowStart = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly path: string,
    readonly fileBytes: number,
  ) {}

  /** Bytes walked over so far. */
  get position(): number {
    return this.windowStart + this.at;
  }

  /** Bytes left in the file. */
  get remaining(): number {
    return this.fileBytes - this.position;
  }

  /** A number; 64-bit ones that a double holds exactly come as number, others as bigint. */
  async number(type: GgufNumberType, what: string): Promise<number | bigint | boolean> {
    const start = await this.take(GGUF_NUMBER_BYTES[type], what);
    if (type === "bool") return this.boolean(this.view.getUint8(start), what);
    return read(this.view, start, type);
  }

  /** A count or length as a safe integer. */
  async count(what: string): Promise<number> {
    const value = await this.number("u64", what);
    return typeof value === "number" ? value : this.fail(`${what} is ${value}, which is larger than any file`);
  }

  /** A u32. */
  async u32(what: string): Promise<number> {
    return (await this.number("u32", what)) as number;
  }

  /** A string's bytes, at most `maxBytes`; shared with the window, so valid until the next call. */
  async bytes(what: string, maxBytes: number): Promise<Uint8Array> {
    const length = await this.count(`the length of ${what}`);
    if (length > maxBytes)
      this.fail(`${what} claims ${length} bytes, but the maximum here is ${Math.min(maxBytes, this.remaining)}`);
    const start = await this.take(length, what);
    return this.window.subarray(start, start + length);
  }

  /** So many numbers of a fixed size, in an array of their own. */
  async numbers(type: GgufNumberType, count: number, what: string): Promise<GgufNumbers> {
    const sizeBytes = count * GGUF_NUMBER_BYTES[type];
    if (sizeBytes > this.remaining)
      this.fail(`${what} claims ${count} values, but only ${this.remaining} bytes follow`);
    this.checkBudget(sizeBytes);
    const bytes = await readExactly(this.handle, this.position, sizeBytes, this.path);
    this.skip(sizeBytes);
    if (type === "bool") for (const byte of bytes) this.boolean(byte, what);
    return viewAs(type, bytes);
  }

  /** So many strings. */
  async texts(count: number, what: string): Promise<TextList> {
    if (count > Math.floor(this.remaining / 8))
      this.fail(`${what} claims ${count} strings, but only ${this.remaining} bytes follow`);
    this.checkBudget(8 * count);
    const list = new TextListBuilder(count);
    for (let i = 0; i < count; i++) {
      if (this.window.length - this.at < 8) await this.refill(8, what);
      const length = read(this.view, this.at, "u64");
      this.at += 8;
      if (typeof length !== "number" || length > this.remaining)
        this.fail(`string ${i} of ${what} claims ${length} bytes, but only ${this.remaining} follow`);
      if (this.window.length - this.at < length) await this.refill(length, what);
      list.add(this.window.subarray(this.at, this.at + length));
      this.at += length;
    }
    return list.finish();
  }

  /** Says what is wrong with the file. */
  fail(problem: string): never {
    throw new CheckpointError(`${this.path}: ${problem}; download or convert it again`);
  }

  /** Makes the next `length` bytes part of the window and steps over them; gives where they start in it. */
  private async take(length: number, what: string): Promise<number> {
    if (this.window.length - this.at < length) await this.refill(length, what);
    const start = this.at;
    this.at += length;
    return start;
  }

  private async refill(length: number, what: string): Promise<void> {
    const { position, remaining } = this;
    if (length <= remaining) this.checkBudget(length);
    else
      this.fail(
        `the file ends within ${what}: ${length} bytes expected at ${position}, ${remaining} left; it is truncated`,
      );
    this.window = await readExactly(
      this.handle,
      position,
      Math.min(remaining, Math.max(length, WINDOW_BYTES)),
      this.path,
    );
    this.view = new DataView(this.window.buffer);
    this.windowStart = position;
    this.at = 0;
  }

  private checkBudget(length: number): void {
    if (this.position + length > MAX_HEADER_BYTES) this.fail(`the header is longer than ${MAX_HEADER_BYTES} bytes`);
  }

  private skip(length: number): void {
    const position = this.position + length;
    if (this.at + length <= this.window.length) this.at += length;
    else {
      this.window = new Uint8Array(0);
      this.windowStart = position;
      this.at = 0;
    }
  }

  private boolean(byte: number, what: string): boolean {
    return byte <= 1 ? byte === 1 : this.fail(`${what} has the boolean value ${byte}, expected 0 or 1`);
  }
}

function read(view: DataView, at: number, type: Exclude<GgufNumberType, "bool">): number | bigint {
  switch (type) {
    case "u8":
      return view.getUint8(at);
    case "i8":
      return view.getInt8(at);
    case "u16":
      return view.getUint16(at, true);
    case "i16":
      return view.getInt16(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "f32":
      return view.getFloat32(at, true);
    case "f64":
      return view.getFloat64(at, true);
    case "u64":
      return exact(view.getBigUint64(at, true));
    case "i64":
      return exact(view.getBigInt64(at, true));
  }
}

const exact = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

function viewAs(type: GgufNumberType, { buffer, byteLength }: Uint8Array<ArrayBuffer>): GgufNumbers {
  const arrays = {
    u8: Uint8Array,
    bool: Uint8Array,
    i8: Int8Array,
    u16: Uint16Array,
    i16: Int16Array,
    u32: Uint32Array,
    i32: Int32Array,
    f32: Float32Array,
    f64: Float64Array,
    u64: BigUint64Array,
    i64: BigInt64Array,
  };
  return new arrays[type](buffer, 0, byteLength / GGUF_NUMBER_BYTES[type]);
}
