// Writes a GGUF file as a stream: beside its place first, synced, then renamed, so that a reader sees the old file or
// the whole new one. Knows the format (version 3, little-endian), not what the metadata means.
import { dirname } from "node:path";
import { CheckpointError } from "../errors.js";
import {
  type FileSystem,
  formatBytes,
  freeBytes,
  machineFileSystem,
  syncDirectory,
  writeFailure,
} from "./file-system.js";
import { type FileDigest, type FileWriter, writeFileWith } from "./file-writer.js";
import { GGUF_VALUE_TYPES, type GgufValueType, ggufTypeOf } from "./gguf-types.js";
import { type HostDtype, tensorSizeBytes } from "./host-tensor.js";
import { removeAbandoned, temporaryFile } from "./temporary-names.js";

/** A metadata value to be written. */
export type GgufSetting =
  | readonly [key: string, type: "u32" | "i32" | "f32", value: number]
  | readonly [key: string, type: "bool", value: boolean]
  | readonly [key: string, type: "string", value: string]
  | readonly [key: string, type: "strings", value: readonly string[]]
  | readonly [key: string, type: "i32s", value: readonly number[]]
  | readonly [key: string, type: "f32s", value: readonly number[]]
  | readonly [key: string, type: "bools", value: readonly boolean[]];

/**
 * A tensor to be written, outermost dimension first; `chunks` are asked for when its turn comes and make up its bytes
 * in order.
 */
export interface GgufWritable {
  readonly name: string;
  readonly dtype: HostDtype;
  readonly shape: readonly number[];
  readonly chunks: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const ALIGNMENT = 32;
/** llama.cpp takes no longer name (GGML_MAX_NAME, its end mark included). */
const MAX_NAME_BYTES = 63;

/**
 * Writes `path`, replacing what stands there. Throws CheckpointError on a full disk, and for what the format cannot
 * hold; leaves no remains then.
 */
export async function writeGguf(
  path: string,
  settings: readonly GgufSetting[],
  tensors: readonly GgufWritable[],
  fs: FileSystem = machineFileSystem,
): Promise<FileDigest> {
  const header = encodeHeader(settings, tensors);
  const neededBytes = tensors.reduce((sum, tensor) => sum + padded(sizeOf(tensor)), header.length);
  const temporary = temporaryFile(path);
  try {
    await fs.mkdir(dirname(path), { recursive: true });
    await removeAbandoned(dirname(path), fs);
    await checkRoom(path, neededBytes, fs);
    const digest = await writeFileWith(temporary, (writer) => writeAll(writer, header, tensors), fs);
    await fs.rename(temporary, path);
    await syncDirectory(dirname(path), fs);
    return digest;
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw await writeFailure(error, path, neededBytes, fs);
  }
}

async function checkRoom(path: string, neededBytes: number, fs: FileSystem): Promise<void> {
  const free = await freeBytes(dirname(path), fs);
  if (free !== undefined && free < neededBytes)
    throw Object.assign(new Error(`${formatBytes(free)} free`), { code: "ENOSPC" });
}

async function writeAll(writer: FileWriter, header: Uint8Array, tensors: readonly GgufWritable[]): Promise<void> {
  await writer.write(header);
  for (const tensor of tensors) {
    let written = 0;
    for await (const chunk of tensor.chunks()) {
      await writer.write(chunk);
      written += chunk.length;
    }
    const expected = sizeOf(tensor);
    if (written !== expected)
      throw new CheckpointError(
        `tensor ${tensor.name}: ${tensor.dtype} [${tensor.shape}] takes ${expected} bytes, got ${written}`,
      );
    await writer.write(new Uint8Array(padded(written) - written));
  }
}

const padded = (sizeBytes: number): number => Math.ceil(sizeBytes / ALIGNMENT) * ALIGNMENT;

function sizeOf({ name, dtype, shape }: GgufWritable): number {
  const sizeBytes = tensorSizeBytes(dtype, shape);
  if (sizeBytes === undefined) throw new CheckpointError(`tensor ${name}: ${dtype} cannot hold the shape [${shape}]`);
  return sizeBytes;
}

function encodeHeader(settings: readonly GgufSetting[], tensors: readonly GgufWritable[]): Uint8Array {
  const out = new ByteBuilder();
  out.u32(0x46554747);
  out.u32(3);
  out.u64(tensors.length);
  out.u64(settings.length);
  for (const setting of settings) encodeSetting(out, setting);
  let offset = 0;
  for (const tensor of tensors) {
    encodeTensor(out, tensor, offset);
    offset += padded(sizeOf(tensor));
  }
  out.pad(ALIGNMENT);
  return out.bytes();
}

function encodeSetting(out: ByteBuilder, [key, type, value]: GgufSetting): void {
  const typeId = (name: GgufValueType) => GGUF_VALUE_TYPES.indexOf(name);
  out.text(key);
  if (type === "strings" || type === "i32s" || type === "f32s" || type === "bools") {
    out.u32(typeId("array"));
    out.u32(typeId(({ strings: "string", i32s: "i32", f32s: "f32", bools: "bool" } as const)[type]));
    out.u64(value.length);
    for (const each of value)
      if (typeof each === "string") out.text(each);
      else if (typeof each === "boolean") out.u8(each ? 1 : 0);
      else if (type === "f32s") out.f32(each);
      else out.i32(each);
    return;
  }
  out.u32(typeId(type));
  if (type === "string") out.text(value);
  else if (type === "bool") out.u8(value ? 1 : 0);
  else out[type](value);
}

function encodeTensor(out: ByteBuilder, { name, dtype, shape }: GgufWritable, offset: number): void {
  const type = ggufTypeOf(dtype);
  if (!type) throw new CheckpointError(`tensor ${name}: GGUF files cannot hold ${dtype}`);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw new CheckpointError(`tensor ${name}: the maximum length of a name in a GGUF file is ${MAX_NAME_BYTES} bytes`);
  out.text(name);
  out.u32(shape.length);
  for (const dim of [...shape].reverse()) out.u64(dim);
  out.u32(type.id);
  out.u64(offset);
}

/** Little-endian numbers and texts, one after the other, in a buffer that grows. */
class ByteBuilder {
  private buffer = new Uint8Array(1 << 16);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  u8(value: number): void {
    const at = this.grow(1);
    this.buffer[at] = value;
  }

  u32(value: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value < 2 ** 32))
      throw new CheckpointError(`${value} does not fit into the 32 bits of a GGUF file`);
    const at = this.grow(4);
    this.view.setUint32(at, value, true);
  }

  i32(value: number): void {
    const at = this.grow(4);
    this.view.setInt32(at, value, true);
  }

  f32(value: number): void {
    const at = this.grow(4);
    this.view.setFloat32(at, value, true);
  }

  u64(value: number): void {
    const at = this.grow(8);
    this.view.setBigUint64(at, BigInt(value), true);
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.u64(bytes.length);
    const at = this.grow(bytes.length);
    this.buffer.set(bytes, at);
  }

  pad(alignment: number): void {
    this.grow(Math.ceil(this.length / alignment) * alignment - this.length);
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** Makes room and gives where it starts. The buffer may be another one afterwards, so it is looked at only then. */
  private grow(length: number): number {
    const start = this.length;
    this.length += length;
    if (this.length > this.buffer.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.buffer.subarray(0, start));
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    return start;
  }
}
