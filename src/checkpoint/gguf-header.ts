// The header of a GGUF file, read from an open file as far as needed and checked: metadata, tensor names, types, shapes
// and places. Layout: ggml-org/ggml docs/gguf.md (v3); ggml-org/llama.cpp@0024aa7, gguf-py/gguf/gguf_reader.py. Knows
// no model.
import type { FileHandle } from "node:fs/promises";
import { GgufCursor } from "./gguf-cursor.js";
import { GgufMetadata, type GgufValue } from "./gguf-metadata.js";
import { GGUF_VALUE_TYPES, type GgufTensorType, type GgufValueType, ggufTensorType } from "./gguf-types.js";
import { TextListBuilder } from "./text-list.js";

/**
 * A tensor of a GGUF file: outermost dimension first, and where its bytes lie in the file. One of an unknown type takes
 * all up to the next.
 */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufTensorType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  readonly byteOffset: number;
}

/** A checked header; tensors are in the file's order. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly alignment: number;
}

const MAGIC = 0x46554747;
const DEFAULT_ALIGNMENT = 32;
// Far above any real file (DeepSeek-V3 has 1,147 tensors and some 60 keys), so that a hostile one cannot fill memory
// with small objects.
const MAX_ENTRIES = 1 << 16;
const MAX_KEY_BYTES = 1024;
const MAX_NAME_BYTES = 256;
const MAX_DIMENSIONS = 4;

/**
 * Reads a header of GGUF version 2 or 3 (they differ in byte order support alone). Every count, length, dimension,
 * type, offset, name and the alignment is checked before use. Throws CheckpointError saying what is wrong.
 */
export async function readGgufHeader(handle: FileHandle, fileBytes: number, path: string): Promise<GgufHeader> {
  const cursor = new GgufCursor(handle, path, fileBytes);
  const version = await readVersion(cursor);
  const numTensors = await boundedCount(cursor, "the number of tensors", 24);
  const numKeys = await boundedCount(cursor, "the number of metadata keys", 13);
  const metadata = new GgufMetadata(path, await readValues(cursor, numKeys));
  const alignment = readAlignment(metadata, cursor);
  const tensors = await readTensors(cursor, numTensors);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  if (tensors.length > 0 && dataStart > fileBytes)
    cursor.fail(`the data should start at byte ${dataStart}, the file has ${fileBytes}: it is truncated`);
  const placed = checkPlaces(tensors, dataStart, alignment, cursor);
  return { version, metadata, alignment, tensors: new Map(placed.map((tensor) => [tensor.name, tensor])) };
}

async function readVersion(cursor: GgufCursor): Promise<number> {
  const magic = await cursor.u32("the magic number");
  if (magic !== MAGIC) cursor.fail("does not begin with GGUF: this is not a GGUF file");
  const version = await cursor.u32("the version");
  // A small number written high byte first looks like a multiple of 65,536 when read low byte first.
  if (version % 65536 === 0 && version > 0)
    cursor.fail("is a big-endian GGUF file; only little-endian files are supported");
  if (version !== 2 && version !== 3) cursor.fail(`has GGUF version ${version}, expected 3 (or 2)`);
  return version;
}

async function boundedCount(cursor: GgufCursor, what: string, minBytes: number): Promise<number> {
  const count = await cursor.count(what);
  if (count > MAX_ENTRIES) cursor.fail(`${what} is ${count}, the maximum is ${MAX_ENTRIES}`);
  if (count * minBytes > cursor.remaining)
    cursor.fail(`${what} is ${count}, but only ${cursor.remaining} bytes follow: it is truncated`);
  return count;
}

async function readValues(cursor: GgufCursor, count: number): Promise<Map<string, GgufValue>> {
  const values = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = await readName(cursor, `metadata key ${i}`, MAX_KEY_BYTES);
    if (values.has(key)) cursor.fail(`the metadata key ${JSON.stringify(key)} appears twice`);
    values.set(key, await readValue(cursor, JSON.stringify(key)));
  }
  return values;
}

async function readValue(cursor: GgufCursor, label: string): Promise<GgufValue> {
  const type = await readValueType(cursor, label);
  if (type === "string") {
    const list = new TextListBuilder(1);
    list.add(await cursor.bytes(label, cursor.remaining));
    return { type, value: list.finish() };
  }
  if (type !== "array") return { type, value: await cursor.number(type, label) };
  const of = await readValueType(cursor, label);
  if (of === "array") cursor.fail(`${label} is a list of lists, which is not supported`);
  const count = await cursor.count(`the length of ${label}`);
  return of === "string"
    ? { type, of, value: await cursor.texts(count, label) }
    : { type, of, value: await cursor.numbers(of, count, label) };
}

async function readValueType(cursor: GgufCursor, label: string): Promise<GgufValueType> {
  const id = await cursor.u32(`the type of ${label}`);
  return (
    GGUF_VALUE_TYPES[id] ??
    cursor.fail(`${label} has the value type ${id}, expected 0 to ${GGUF_VALUE_TYPES.length - 1}`)
  );
}

async function readName(cursor: GgufCursor, what: string, maxBytes: number): Promise<string> {
  const bytes = await cursor.bytes(what, maxBytes);
  if (bytes.length === 0) cursor.fail(`${what} is empty`);
  if (bytes.some((byte) => byte < 32 || byte === 127)) cursor.fail(`${what} contains control characters`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return cursor.fail(`${what} is not UTF-8`);
  }
}

function readAlignment(metadata: GgufMetadata, cursor: GgufCursor): number {
  const alignment = metadata.count("general.alignment") ?? DEFAULT_ALIGNMENT;
  const isPowerOfTwo = alignment > 0 && alignment <= 2 ** 31 && Number.isInteger(Math.log2(alignment));
  return isPowerOfTwo ? alignment : cursor.fail(`general.alignment is ${alignment}, expected a power of two`);
}

/** A tensor as the header has it: its place is counted from where the data begin, its size known where its type is. */
type ListedTensor = Omit<GgufTensor, "sizeBytes"> & { readonly sizeBytes: number | undefined };

async function readTensors(cursor: GgufCursor, count: number): Promise<ListedTensor[]> {
  const tensors: ListedTensor[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const name = await readName(cursor, `the name of tensor ${i}`, MAX_NAME_BYTES);
    if (names.has(name)) cursor.fail(`the tensor ${JSON.stringify(name)} appears twice`);
    names.add(name);
    tensors.push(await readTensor(cursor, name));
  }
  return tensors;
}

async function readTensor(cursor: GgufCursor, name: string): Promise<ListedTensor> {
  const label = `tensor ${JSON.stringify(name)}`;
  const numDimensions = await cursor.u32(`the number of dimensions of ${label}`);
  if (numDimensions < 1 || numDimensions > MAX_DIMENSIONS)
    cursor.fail(`${label} has ${numDimensions} dimensions, expected 1 to ${MAX_DIMENSIONS}`);
  // The format names the innermost dimension first.
  const shape: number[] = [];
  for (let d = 0; d < numDimensions; d++) shape.unshift(await cursor.count(`dimension ${d} of ${label}`));
  const type = ggufTensorType(await cursor.u32(`the type of ${label}`));
  const byteOffset = await cursor.count(`the offset of ${label}`);
  const sizeBytes = sizeOf(type, shape);
  if (shape.includes(0) || (type.blockSize !== undefined && sizeBytes === undefined)) {
    cursor.fail(
      `${label} has shape [${shape}], expected whole numbers from 1, of a possible size, and rows of whole ` +
        `${type.blockSize}-number blocks`,
    );
  }
  return { name, type, shape, sizeBytes, byteOffset };
}

function sizeOf({ blockSize, blockBytes }: GgufTensorType, shape: readonly number[]): number | undefined {
  const rowNumbers = shape[shape.length - 1];
  if (blockSize === undefined || blockBytes === undefined || rowNumbers % blockSize !== 0) return undefined;
  const size = shape.slice(0, -1).reduce((product, dim) => product * dim, (rowNumbers / blockSize) * blockBytes);
  return Number.isSafeInteger(size) ? size : undefined;
}

/**
 * The tensors with their places in the file, in the header's order. Places must be aligned, apart, and within the file.
 */
function checkPlaces(
  tensors: readonly ListedTensor[],
  dataStart: number,
  alignment: number,
  cursor: GgufCursor,
): GgufTensor[] {
  const byPlace = tensors
    .map((tensor) => ({ ...tensor, byteOffset: dataStart + tensor.byteOffset }))
    .sort((a, b) => a.byteOffset - b.byteOffset);
  const sized = new Map<string, GgufTensor>();
  let end = 0;
  for (const [i, tensor] of byPlace.entries()) {
    const { name, byteOffset } = tensor;
    const label = `tensor ${JSON.stringify(name)}`;
    if (byteOffset % alignment !== 0)
      cursor.fail(`${label} starts at byte ${byteOffset}, which is not a multiple of the alignment ${alignment}`);
    if (byteOffset < end) cursor.fail(`${label} overlaps the one before it at byte ${byteOffset}`);
    const sizeBytes = tensor.sizeBytes ?? Math.max(0, (byPlace[i + 1]?.byteOffset ?? cursor.fileBytes) - byteOffset);
    end = byteOffset + sizeBytes;
    if (end > cursor.fileBytes)
      cursor.fail(`${label} ends at byte ${end}, the file has ${cursor.fileBytes}: it is truncated`);
    sized.set(name, { ...tensor, sizeBytes });
  }
  return tensors.map(({ name }) => sized.get(name) as GgufTensor);
}
