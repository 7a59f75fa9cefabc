// Files that lie in memory, for tests that open a hundred thousand of them. Read only; counts the bytes asked for.
import type { FileSystem } from "./file-system.js";

/** A file system of these files. `bytesRead` adds up what was read since it was last set to 0. */
export function memoryFiles(files: Readonly<Record<string, Uint8Array>>): { fs: FileSystem; bytesRead: number } {
  const counter = { fs: undefined as unknown as FileSystem, bytesRead: 0 };
  const contents = (path: string): Uint8Array => {
    if (!Object.hasOwn(files, path)) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
    return files[path];
  };
  const handle = (bytes: Uint8Array) => ({
    stat: async () => ({ size: bytes.length }),
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
    stat: async (path: string) => ({ size: contents(path).length }),
    readFile: async (path: string) => {
      counter.bytesRead += contents(path).length;
      return Buffer.from(contents(path)).toString("utf8");
    },
  } as unknown as FileSystem;
  return counter;
}
