// checksums.json: the SHA-256 and size of every file of a directory, and of the list itself.
// Knows nothing of what the files mean.
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { parseForeignJson } from "../foreign-file.js";
import { readText } from "./file-reader.js";
import { errorCode, type FileSystem, machineFileSystem } from "./file-system.js";
import { digestFile, type FileDigest, writeFileWith } from "./file-writer.js";

/** Name of the list within its directory. */
export const CHECKSUMS_FILE = "checksums.json";

/** Writes `checksums.json` into `directory`, synced. */
export async function writeChecksums(
  directory: string,
  digests: ReadonlyMap<string, FileDigest>,
  fs: FileSystem = machineFileSystem,
): Promise<void> {
  const files = Object.fromEntries([...digests].sort(([a], [b]) => (a < b ? -1 : 1)));
  const json = `${JSON.stringify({ files, sha256: sealOf(files) }, null, 2)}\n`;
  await writeFileWith(join(directory, CHECKSUMS_FILE), (writer) => writer.write(new TextEncoder().encode(json)), fs);
}

/**
 * Compares a directory with its `checksums.json`. Gives the first thing found wrong, in words, or `undefined` when all
 * is well.
 */
export async function verifyChecksums(
  directory: string,
  fs: FileSystem = machineFileSystem,
): Promise<string | undefined> {
  const files = await readList(directory, fs);
  if (typeof files === "string") return files;
  for (const [name, expected] of Object.entries(files)) {
    const problem = await compareFile(join(directory, name), expected, fs);
    if (problem) return `${name} ${problem}`;
  }
  return undefined;
}

async function readList(directory: string, fs: FileSystem): Promise<Record<string, FileDigest> | string> {
  let text: Uint8Array;
  try {
    text = await readText(join(directory, CHECKSUMS_FILE), fs);
  } catch (error) {
    return errorCode(error) === "ENOENT"
      ? `${CHECKSUMS_FILE} is missing`
      : `${CHECKSUMS_FILE} cannot be read (${errorCode(error) ?? (error as Error).message})`;
  }
  const parsed = parseForeignJson(text);
  if ("problem" in parsed) return `${CHECKSUMS_FILE} is not valid JSON`;
  try {
    const { files, sha256 } = parsed.value as { files: Record<string, FileDigest>; sha256: string };
    if (sealOf(files) !== sha256) return `${CHECKSUMS_FILE} was changed: its own checksum does not match`;
    // The seal proves only that the list is as some writer left it; a path out of the directory is refused all the
    // same.
    if (!Object.keys(files).every((name) => basename(name) === name))
      return `${CHECKSUMS_FILE} names files outside its directory`;
    return files;
  } catch {
    return `${CHECKSUMS_FILE} is not valid JSON`;
  }
}

async function compareFile(path: string, expected: FileDigest, fs: FileSystem): Promise<string | undefined> {
  try {
    const { size } = await fs.stat(path);
    if (size !== expected.sizeBytes)
      return (
        `${size < expected.sizeBytes ? "is truncated" : "has grown"}: expected ${expected.sizeBytes} bytes, ` +
        `found ${size}`
      );
    const { sha256 } = await digestFile(path, fs);
    return sha256 === expected.sha256 ? undefined : "was changed: its SHA-256 does not match";
  } catch (error) {
    return errorCode(error) === "ENOENT"
      ? "is missing"
      : `cannot be read (${errorCode(error) ?? (error as Error).message})`;
  }
}

function sealOf(files: unknown): string {
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}
