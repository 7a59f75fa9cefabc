// Keeps two pulls from writing the same partial files. Knows one file, no models.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { HubError } from "../errors.js";
import { ProcessLock } from "../process-lock.js";

/**
 * Runs `body` while `path` names this process. A lock whose process has ended is taken over. Throws HubError when
 * another one holds it.
 */
export async function whileLocked<R>(path: string, body: () => Promise<R>): Promise<R> {
  await mkdir(dirname(path), { recursive: true });
  const lock = ProcessLock.take(
    path,
    (holder) =>
      new HubError(
        `${holder} is already pulling this repository; wait for it, or remove ${path} if that process is gone`,
      ),
  );
  try {
    return await body();
  } finally {
    lock.release();
  }
}
