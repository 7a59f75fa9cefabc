// Safetensors files, single or sharded: written as a stream, read tensor by tensor so that a file larger than memory
// works. Knows nothing of models: names and shapes pass through as they are.
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "../errors.js";
import { exists, openRegular, readExactly, readFailure } from "./file-reader.js";
import { type FileSystem, machineFileSystem, writeFailure } from "./file-system.js";
import { type FileDigest, type FileWriter, writeFileWith } from "./file-writer.js";
import {
  type FilePlacement,
  type HostTensor,
  type TensorInfo,
  type TensorSource,
  tensorSizeBytes,
  type WritableTensor,
} from "./host-tensor.js";
import { readJsonObject } from "./json-file.js";
import { buildHeader, headerLength, parseHeader, type SafetensorsHeader } from "./safetensors-header.js";

/**
 * Options of `writeSafetensors`. `metadata` defaults to `{ format: "pt" }`, without which `transformers` refuses the
 * file.
 */
export interface WriteSafetensorsOptions {
  metadata?: Record<string, string>;
  fs?: FileSystem;
}

/**
 * Writes a new file, synced to disk; equal tensors give equal bytes whatever order they came in.
 * Lazy tensors are fetched one at a time. Returns SHA-256 and size. Throws CheckpointError on a full disk or a wrong
 * size.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, WritableTensor>,
  options: WriteSafetensorsOptions = {},
): Promise<FileDigest> {
  const { metadata = { format: "pt" }, fs = machineFileSystem } = options;
  const header = buildHeader(tensors, metadata);
  try {
    return await writeFileWith(
      path,
      async (writer) => {
        await writer.write(header.bytes);
        for (const name of header.order) await writeTensor(writer, name, tensors.get(name)!);
      },
      fs,
    );
  } catch (error) {
    throw await writeFailure(error, path, header.bytes.length + header.dataBytes, fs);
  }
}

async function writeTensor(writer: FileWriter, name: string, { dtype, shape, data }: WritableTensor): Promise<void> {
  const expected = tensorSizeBytes(dtype, shape);
  const fetched = typeof data === "function" ? await data() : data;
  let written = 0;
  for await (const part of fetched instanceof Uint8Array ? [fetched] : fetched) {
    await writer.write(part);
    written += part.length;
  }
  if (written !== expected)
    throw new CheckpointError(`tensor ${name}: ${dtype} [${shape}] takes ${expected} bytes, got ${written}`);
}

/**
 * Opens one file and checks its header. Throws CheckpointError when it is missing, truncated or malformed. Close it
 * after use.
 */
export async function openSafetensors(path: string, fs: FileSystem = machineFileSystem): Promise<TensorSource> {
  let handle: FileHandle | undefined;
  try {
    handle = await openRegular(path, fs);
    const { size } = await handle.stat();
    const length = headerLength(await readExactly(handle, 0, Math.min(8, size), path), size, path);
    const header = parseHeader(await readExactly(handle, 8, length, path), size - 8 - length, path);
    return new SafetensorsFile(path, handle, header, 8 + length);
  } catch (error) {
    await handle?.close();
    throw readFailure(error, path, "safetensors");
  }
}

/**
 * Opens the weights of a Hugging Face model directory: `model.safetensors`, or the shards of
 * `model.safetensors.index.json`.
 */
export async function openModelTensors(directory: string, fs: FileSystem = machineFileSystem): Promise<TensorSource> {
  const single = join(directory, "model.safetensors");
  const index = join(directory, "model.safetensors.index.json");
  if (await exists(single, fs)) return openSafetensors(single, fs);
  if (await exists(index, fs)) return openShardedSafetensors(index, fs);
  throw new CheckpointError(
    `${directory}: expected model.safetensors or model.safetensors.index.json, found neither; is this a ` +
      "model directory?",
  );
}

/**
 * Opens a sharded model through its index file. What the index names and is not there is `absent`: a model may not need
 * it (layers of multi-token prediction that were left out); `fitToWeights` refuses what it needs.
 */
export async function openShardedSafetensors(
  indexPath: string,
  fs: FileSystem = machineFileSystem,
): Promise<TensorSource> {
  const weightMap = await readWeightMap(indexPath, fs);
  const shards = new Map<string, TensorSource>();
  try {
    for (const file of [...new Set(weightMap.values())].sort()) {
      const path = join(dirname(indexPath), file);
      if (await exists(path, fs)) shards.set(file, await openSafetensors(path, fs));
    }
    return new ShardedTensors(indexPath, weightMap, shards);
  } catch (error) {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
    throw error;
  }
}

class SafetensorsFile implements TensorSource {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
    private readonly header: SafetensorsHeader,
    private readonly dataStart: number,
  ) {
    this.names = [...header.tensors.keys()];
    this.metadata = header.metadata;
  }

  has(name: string): boolean {
    return this.header.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { dtype, shape, sizeBytes } = this.entry(name);
    return { dtype, shape, sizeBytes };
  }

  placement(name: string): FilePlacement {
    return { ...this.info(name), path: this.path, byteOffset: this.dataStart + this.entry(name).startByte };
  }

  async read(name: string): Promise<HostTensor> {
    const { dtype, shape, byteOffset, sizeBytes } = this.placement(name);
    return { dtype, shape, data: await readExactly(this.handle, byteOffset, sizeBytes, this.path) };
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private entry(name: string) {
    const entry = this.header.tensors.get(name);
    if (!entry) throw new CheckpointError(`${this.path}: has no tensor ${name}`);
    return entry;
  }
}

class ShardedTensors implements TensorSource {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>> = { format: "pt" };
  readonly absent: ReadonlyMap<string, string>;

  constructor(
    private readonly path: string,
    private readonly weightMap: ReadonlyMap<string, string>,
    private readonly shards: ReadonlyMap<string, TensorSource>,
  ) {
    const isThere = (name: string, file: string) => shards.get(file)?.has(name) ?? false;
    const problem = (name: string, file: string) =>
      `${path}: tensor ${name} should be in ${file} but is not there; download both again`;
    this.names = [...weightMap].flatMap(([name, file]) => (isThere(name, file) ? [name] : []));
    this.absent = new Map(
      [...weightMap].flatMap(([name, file]) => (isThere(name, file) ? [] : [[name, problem(name, file)] as const])),
    );
  }

  has(name: string): boolean {
    return this.weightMap.has(name) && !this.absent.has(name);
  }

  info(name: string): TensorInfo {
    return this.shardOf(name).info(name);
  }

  placement(name: string): FilePlacement | null {
    return this.shardOf(name).placement(name);
  }

  read(name: string): Promise<HostTensor> {
    return this.shardOf(name).read(name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.shards.values()].map((shard) => shard.close()));
  }

  private shardOf(name: string): TensorSource {
    const shard = this.shards.get(this.weightMap.get(name) ?? "");
    if (!shard) throw new CheckpointError(`${this.path}: has no tensor ${name}`);
    return shard;
  }
}

async function readWeightMap(indexPath: string, fs: FileSystem): Promise<Map<string, string>> {
  const { weight_map: weightMap } = await readJsonObject(indexPath, fs);
  if (typeof weightMap !== "object" || weightMap === null || Array.isArray(weightMap))
    throw new CheckpointError(`${indexPath}: expected an object weight_map`);
  const entries = Object.entries(weightMap as Record<string, unknown>);
  for (const [name, file] of entries) {
    // A shard outside the model's own directory is never what a writer meant.
    if (typeof file !== "string" || basename(file) !== file || !file.endsWith(".safetensors")) {
      throw new CheckpointError(
        `${indexPath}: tensor ${name}: expected the name of a .safetensors file next to the index, got ` +
          `${JSON.stringify(file)}`,
      );
    }
  }
  return new Map(entries as [string, string][]);
}
