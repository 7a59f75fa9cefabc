// What there is to know of a GGUF file without its weights: architecture, tensors by type, metadata. Reads the header
// alone.
import { type FileSystem, machineFileSystem } from "./file-system.js";
import { openGguf } from "./gguf.js";
import { describeValue } from "./gguf-metadata.js";

/** A GGUF file at a glance; a split one counts all its parts. */
export interface GgufFacts {
  readonly path: string;
  readonly version: number;
  /** `general.architecture`, whether or not it can be run here. */
  readonly architecture: string | null;
  readonly name: string | null;
  readonly numParameters: number;
  readonly sizeBytes: number;
  /** Tensors of each type by GGUF's own name: how many, and their bytes. */
  readonly types: Readonly<Record<string, { readonly tensors: number; readonly bytes: number }>>;
  readonly tensors: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly number[];
    readonly sizeBytes: number;
  }[];
  /** Every key with its value in words; long ones by their size. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads the facts of a file, of any architecture and tensor types. Throws CheckpointError when it is missing or
 * malformed.
 */
export async function readGgufFacts(path: string, fs: FileSystem = machineFileSystem): Promise<GgufFacts> {
  const file = await openGguf(path, fs);
  try {
    const tensors = [...file.tensors.values()].map(({ name, type, shape, sizeBytes }) => ({
      name,
      type: type.name,
      shape,
      sizeBytes,
    }));
    const types: Record<string, { tensors: number; bytes: number }> = {};
    for (const { type, sizeBytes } of tensors) {
      types[type] ??= { tensors: 0, bytes: 0 };
      types[type].tensors++;
      types[type].bytes += sizeBytes;
    }
    return {
      path,
      version: file.version,
      architecture: file.facts.text("general.architecture") ?? null,
      name: file.facts.text("general.name") ?? null,
      numParameters: tensors.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0),
      sizeBytes: tensors.reduce((sum, tensor) => sum + tensor.sizeBytes, 0),
      types,
      tensors,
      metadata: Object.fromEntries(file.facts.keys.map((key) => [key, describeValue(file.facts.get(key)!)])),
    };
  } finally {
    await file.close();
  }
}
