// The header of a safetensors file: building it, and checking one that may be damaged or hostile.
// Knows the format only (huggingface/safetensors, README "Format"); it opens no files.
import { CheckpointError } from "../errors.js";
import { jsonProblem } from "../foreign-file.js";
import {
  blockLayout,
  dtypeFromSafetensors,
  safetensorsDtype,
  type TensorInfo,
  tensorSizeBytes,
  type WritableTensor,
} from "./host-tensor.js";

/** The format's own limit on the JSON header. */
export const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = "__metadata__";

/** Where a tensor lies, counted from the end of the header. */
export interface TensorPlacement extends TensorInfo {
  startByte: number;
}

/** A checked header: placements by name in file order, the free-form metadata, and the bytes of data behind it. */
export interface SafetensorsHeader {
  tensors: Map<string, TensorPlacement>;
  metadata: Record<string, string>;
  dataBytes: number;
}

/**
 * Lays tensors out and encodes the 8-byte length plus the JSON header, padded with spaces to a multiple of 8.
 * Wider types come first and names ascend within one width, so equal content gives equal files and every tensor is
 * aligned.
 */
export function buildHeader(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: Record<string, string>,
): { bytes: Uint8Array; order: string[]; dataBytes: number } {
  const order = [...tensors.keys()].sort((a, b) => widthOf(b) - widthOf(a) || (a < b ? -1 : 1));
  const sortedMetadata = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  const parts: string[] = [`${JSON.stringify(METADATA_KEY)}:${JSON.stringify(sortedMetadata)}`];
  let offset = 0;
  for (const name of order) {
    const { dtype, shape } = tensors.get(name)!;
    const sizeBytes = tensorSizeBytes(dtype, shape);
    if (name === METADATA_KEY)
      throw new CheckpointError(`a tensor cannot be named ${METADATA_KEY}: the format reserves that name`);
    if (sizeBytes === undefined)
      throw new CheckpointError(`tensor ${name}: expected a shape of whole numbers, got [${shape}]`);
    if (safetensorsDtype(dtype) === undefined)
      throw new CheckpointError(`tensor ${name}: safetensors files cannot hold ${dtype}; write a GGUF file instead`);
    const entry = { dtype: safetensorsDtype(dtype), shape, data_offsets: [offset, offset + sizeBytes] };
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset += sizeBytes;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, 8);
  return { bytes, order, dataBytes: offset };

  function widthOf(name: string): number {
    return blockLayout(tensors.get(name)!.dtype).blockBytes;
  }
}

/** The header's length from the first 8 bytes of a file, checked against the file's size and the format's limit. */
export function headerLength(prefix: Uint8Array, fileBytes: number, path: string): number {
  if (fileBytes < 10 || prefix.length < 8)
    fail(path, `expected at least 10 bytes, got ${fileBytes}: the file is truncated or not a safetensors file`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    fail(
      path,
      `the header claims ${length} bytes, the format allows ${MAX_HEADER_BYTES}: this is not a safetensors file`,
    );
  if (length > BigInt(fileBytes - 8))
    fail(path, `the header claims ${length} bytes but only ${fileBytes - 8} follow: the file is truncated`);
  return Number(length);
}

/**
 * Parses and checks a header: UTF-8 JSON, no name twice, known dtypes, shape × element size = length, and data that
 * covers the rest of the file without gap or overlap. Throws CheckpointError naming the tensor at fault.
 */
export function parseHeader(json: Uint8Array, dataBytes: number, path: string): SafetensorsHeader {
  const { root, text } = parseJson(json, path);
  const repeated = repeatedKey(text);
  if (repeated !== undefined) fail(path, `the header names ${JSON.stringify(repeated)} twice`);
  const placements: [string, TensorPlacement][] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(root)) {
    if (name === METADATA_KEY) metadata = parseMetadata(entry, path);
    else placements.push([name, parsePlacement(name, entry, path)]);
  }
  placements.sort(([, a], [, b]) => a.startByte - b.startByte || a.sizeBytes - b.sizeBytes);
  checkCoverage(placements, dataBytes, path);
  return { tensors: new Map(placements), metadata, dataBytes };
}

function parseJson(json: Uint8Array, path: string): { root: object; text: string } {
  const problem = jsonProblem(json);
  if (problem) fail(path, `the header cannot be read: ${problem}`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    const root: unknown = JSON.parse(text);
    if (text.startsWith("{") && isRecord(root)) return { root, text };
  } catch {
    // The message below says all there is to say about bytes that are not JSON.
  }
  return fail(path, "the header is not a JSON object in UTF-8: the file is damaged or not a safetensors file");
}

function parseMetadata(entry: unknown, path: string): Record<string, string> {
  if (entry === null) return {};
  if (isRecord(entry) && Object.values(entry).every((value) => typeof value === "string"))
    return { ...(entry as Record<string, string>) };
  return fail(path, `${METADATA_KEY} must map names to strings`);
}

function parsePlacement(name: string, entry: unknown, path: string): TensorPlacement {
  const label = `tensor ${JSON.stringify(name)}`;
  if (!isRecord(entry)) return fail(path, `${label} does not have dtype, shape and data_offsets`);
  const { dtype: dtypeName, shape, data_offsets: offsets } = entry;
  const dtype = typeof dtypeName === "string" ? dtypeFromSafetensors(dtypeName) : undefined;
  if (!dtype) return fail(path, `${label} has dtype ${JSON.stringify(dtypeName)}, which is not supported`);
  const sizeBytes = Array.isArray(shape) ? tensorSizeBytes(dtype, shape) : undefined;
  if (sizeBytes === undefined)
    return fail(path, `${label} has shape ${JSON.stringify(shape)}, expected whole numbers of a possible size`);
  if (
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0)
  ) {
    return fail(path, `${label} has data_offsets ${JSON.stringify(offsets)}, expected [start, end]`);
  }
  const [startByte, endByte] = offsets as [number, number];
  if (endByte - startByte !== sizeBytes)
    fail(path, `${label}: ${dtypeName} [${shape}] takes ${sizeBytes} bytes, data_offsets give ${endByte - startByte}`);
  return { dtype, shape: shape as number[], sizeBytes, startByte };
}

function checkCoverage(placements: readonly [string, TensorPlacement][], dataBytes: number, path: string): void {
  let end = 0;
  for (const [name, { startByte, sizeBytes }] of placements) {
    if (startByte < end) fail(path, `tensor ${JSON.stringify(name)} overlaps the one before it at byte ${startByte}`);
    if (startByte > end)
      fail(path, `${startByte - end} bytes before tensor ${JSON.stringify(name)} belong to no tensor`);
    end = startByte + sizeBytes;
  }
  if (end > dataBytes) fail(path, `expected ${end} bytes of data, got ${dataBytes}: the file is truncated`);
  if (end < dataBytes) fail(path, `${dataBytes - end} bytes at the end belong to no tensor`);
}

/**
 * The first key that an object of this JSON text holds twice. `JSON.parse` would silently keep the last. The text must
 * be valid JSON.
 */
function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [symbol, colon] = match;
    if (symbol === "{") open.push(new Set());
    else if (symbol === "[") open.push(undefined);
    else if (symbol === "}" || symbol === "]") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(symbol.slice(0, symbol.length - colon.length)) as string;
      const keys = open.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fail(path: string, problem: string): never {
  throw new CheckpointError(`${path}: ${problem}; download or save it again`);
}
