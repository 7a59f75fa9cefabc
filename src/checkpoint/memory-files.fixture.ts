// Files that lie in memory, for tests that open a hundred thousand of them. Read only; counts the bytes asked for.
import type { FileSystem } from "./file-system.js";

const statsOf = (bytes: Uint8Array) => ({ size: bytes.length, isFile: () => true, isDirectory: () => false });

/** A file system of these files. `bytesRead` adds up what was read since it was last set to 0. */
export function memoryFiles(files: Readonly<Record<string, Uint8Array>>): { fs: FileSystem; bytesRead: number } {
  const counter = { fs: undefined as unknown as FileSystem, bytesRead: 0 };
  const contents = (path: string): Uint8Array => {
    if (!Object.hasOwn(files, path)) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
    return files[path];
  };
  const handle = (bytes: Uint8Array) => ({
    stat: async () => statsOf(bytes),
    read: async (into: Uint8Array, at: number, length: number, position: number) => {
      const part = bytes.subarray(position, position + length);
      into.set(part, at);
      counter.bytesRead += part.length;
      return { bytesRead: part.length };
    },
    close: async () => {},
  });
  counter.fs = {
    open: async (path: string) => handle(contents(path)),
    stat: async (path: string) => statsOf(contents(path)),
    readFile: async (path: string, encoding?: BufferEncoding) => {
      counter.bytesRead += contents(path).length;
      const bytes = Buffer.from(contents(path));
      return encoding ? bytes.toString(encoding) : bytes;
    },
  } as unknown as FileSystem;
  return counter;
}
