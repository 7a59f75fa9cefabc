// Small files written whole or not at all, and folders made with the system's true reason when they cannot be. Knows
// nothing of runs.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CheckpointError } from "./errors.js";

/** Writes a text file so that a reader sees the old text or the new one: a temporary sibling, synced, renamed. */
export function writeFileAtomically(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`; // a report may be asked for while the run writes its own
  try {
    const descriptor = openSync(temporary, "w");
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const code = (error as NodeJS.ErrnoException).code;
    throw new CheckpointError(
      `cannot write ${path} (${code}: ${Buffer.byteLength(text)} bytes needed); free some space or choose ` +
        "another place with --out",
      {
        cause: error,
      },
    );
  }
}

/**
 * Makes a folder and those above it, one by one: Node's own recursive call says ENOENT where the system says EROFS or
 * EACCES.
 */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      mkdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // made by another process this moment
    }
  }
}
