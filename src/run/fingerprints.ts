// What the files that decide a run held when it began, so that a run that goes on notices when one has changed. Knows
// paths, not their meaning.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

/** SHA-256 of files by absolute path. */
export type Fingerprints = Readonly<Record<string, string>>;

const CHUNK_BYTES = 1 << 20;
/** Stands for a file that is not there: it may have been there before. */
const MISSING = "missing";

/** The fingerprints of files, each named once. */
export const fingerprintsOf = (paths: Iterable<string>): Fingerprints =>
  Object.fromEntries([...new Set(paths)].sort().map((path) => [path, fingerprint(path)]));

/** What has changed since, in words for each file; empty when nothing has. */
export function changesSince(recorded: Fingerprints): string[] {
  return Object.entries(recorded).flatMap(([path, before]) => {
    const now = fingerprint(path);
    if (now === before) return [];
    return [now === MISSING ? `${path} is gone` : `${path} has changed`];
  });
}

function fingerprint(path: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return MISSING;
  }
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let size = readSync(descriptor, buffer); size > 0; size = readSync(descriptor, buffer))
      hash.update(buffer.subarray(0, size));
    return hash.digest("hex");
  } finally {
    closeSync(descriptor);
  }
}
