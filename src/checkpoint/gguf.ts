// GGUF files, whole or split over several, as a set of named tensors with their metadata. Knows no model: names and
// shapes pass through.
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "../errors.js";
import { openRegular, readExactly, readFailure } from "./file-reader.js";
import { type FileSystem, machineFileSystem } from "./file-system.js";
import { type GgufTensor, readGgufHeader } from "./gguf-header.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import { ggufNames, MATRIX_TYPES } from "./gguf-types.js";
import type { FilePlacement, HostTensor, TensorInfo, TensorSource } from "./host-tensor.js";

/** An opened GGUF file. Names are the file's own; shapes have the outermost dimension first. Close it after use. */
export interface GgufFile extends TensorSource {
  readonly path: string;
  readonly version: number;
  readonly facts: GgufMetadata;
  /** Type by GGUF's own name, place and size of every tensor, those of types that cannot be run too. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  placement(name: string): FilePlacement;
  /** Bytes of one of its files, as `placement` tells them. */
  readBytes(path: string, byteOffset: number, sizeBytes: number): Promise<Uint8Array>;
}

const SPLIT_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/**
 * Opens a file, and with it the other parts when it is the first of a split model. Throws CheckpointError when it is
 * missing or malformed.
 */
export async function openGguf(path: string, fs: FileSystem = machineFileSystem): Promise<GgufFile> {
  const parts = [await openPart(path, fs)];
  try {
    const { metadata } = parts[0].header;
    const count = metadata.count("split.count") ?? 1;
    if (count > 1) for (const other of otherParts(path, metadata, count)) parts.push(await openPart(other, fs));
    return new OpenGguf(parts);
  } catch (error) {
    await Promise.all(parts.map((part) => part.handle.close()));
    throw error;
  }
}

interface Part {
  readonly path: string;
  readonly handle: FileHandle;
  readonly header: Awaited<ReturnType<typeof readGgufHeader>>;
}

async function openPart(path: string, fs: FileSystem): Promise<Part> {
  let handle: FileHandle | undefined;
  try {
    handle = await openRegular(path, fs);
    const { size } = await handle.stat();
    return { path, handle, header: await readGgufHeader(handle, size, path) };
  } catch (error) {
    await handle?.close();
    throw readFailure(error, path, "GGUF");
  }
}

function otherParts(path: string, metadata: GgufMetadata, count: number): string[] {
  const [, stem, , total] = SPLIT_NAME.exec(basename(path)) ?? [];
  if (stem === undefined || Number(total) !== count) {
    throw new CheckpointError(
      `${path}: is one of ${count} parts, so its name should end in ` +
        `-00001-of-${String(count).padStart(5, "0")}.gguf; rename it`,
    );
  }
  if ((metadata.count("split.no") ?? 0) !== 0)
    throw new CheckpointError(`${path}: is not the first of its ${count} parts; open ${stem}-00001-of-${total}.gguf`);
  return Array.from({ length: count - 1 }, (_, i) =>
    join(dirname(path), `${stem}-${String(i + 2).padStart(5, "0")}-of-${total}.gguf`),
  );
}

class OpenGguf implements GgufFile {
  readonly path: string;
  readonly version: number;
  readonly facts: GgufMetadata;
  readonly metadata = { format: "gguf" };
  readonly tensors = new Map<string, GgufTensor>();
  private readonly partOf = new Map<string, Part>();

  constructor(private readonly parts: readonly Part[]) {
    this.path = parts[0].path;
    this.version = parts[0].header.version;
    this.facts = parts[0].header.metadata;
    for (const part of parts) {
      for (const [name, tensor] of part.header.tensors) {
        if (this.tensors.has(name))
          throw new CheckpointError(
            `${part.path}: the tensor ${JSON.stringify(name)} is also in an earlier part; download all parts again`,
          );
        this.tensors.set(name, tensor);
        this.partOf.set(name, part);
      }
    }
    const expected = parts.length > 1 ? this.facts.count("split.tensors.count") : undefined;
    if (expected !== undefined && expected !== this.tensors.size) {
      throw new CheckpointError(
        `${this.path}: its ${parts.length} parts should hold ${expected} tensors, found ${this.tensors.size}; ` +
          "download all parts again",
      );
    }
  }

  get names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { type, shape, sizeBytes } = this.entry(name);
    if (!type.dtype)
      throw new CheckpointError(
        `${this.path}: tensor ${name} is stored as ${type.name}; expected one of ${ggufNames(MATRIX_TYPES)}: ` +
          "choose another file of this model",
      );
    return { dtype: type.dtype, shape, sizeBytes };
  }

  placement(name: string): FilePlacement {
    return { ...this.info(name), path: this.partOf.get(name)!.path, byteOffset: this.entry(name).byteOffset };
  }

  async read(name: string): Promise<HostTensor> {
    const { dtype, shape, byteOffset, sizeBytes, path } = this.placement(name);
    return { dtype, shape, data: await this.readBytes(path, byteOffset, sizeBytes) };
  }

  readBytes(path: string, byteOffset: number, sizeBytes: number): Promise<Uint8Array> {
    const part = this.parts.find((each) => each.path === path);
    if (!part) throw new CheckpointError(`${path}: is not a part of ${this.path}`);
    return readExactly(part.handle, byteOffset, sizeBytes, path);
  }

  async close(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.handle.close()));
  }

  private entry(name: string): GgufTensor {
    return this.tensors.get(name) ?? missing(this.path, name);
  }
}

function missing(path: string, name: string): never {
  throw new CheckpointError(`${path}: has no tensor ${name}`);
}
