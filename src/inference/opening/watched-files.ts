// Files that weights are read from in place: whoever writes into one meanwhile changes the weights. A file that another
// takes the place of under its name does no harm, for a mapping stays with the old one. Knows no format.
import { type BigIntStats, statSync } from "node:fs";
import { CheckpointError } from "../../errors.js";

/** How often the system is asked at most. */
const INTERVAL_MS = 100;

/** Notices when files in use are written to. */
export class WatchedFiles {
  private readonly opened = new Map<string, BigIntStats>();
  private askedMs = Number.NEGATIVE_INFINITY;

  /** Notes the file as it is now; call it before reading. Returns its size in bytes. */
  add(path: string): number {
    const stats = statSync(path, { bigint: true });
    this.opened.set(path, stats);
    return Number(stats.size);
  }

  /** The file is not read from any more. */
  remove(path: string): void {
    this.opened.delete(path);
  }

  /** Throws CheckpointError, naming the file, when one has been written to. Cheap enough for every step of a model. */
  refuseChanged(): void {
    const now = performance.now();
    if (now - this.askedMs < INTERVAL_MS) return;
    this.askedMs = now;
    this.refuseChangedNow();
  }

  /** As `refuseChanged`, but asks in any case. */
  refuseChangedNow(): void {
    for (const [path, before] of this.opened) {
      const after = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (!after || after.ino !== before.ino || after.dev !== before.dev) continue;
      if (after.size === before.size && after.mtimeNs === before.mtimeNs) continue;
      throw new CheckpointError(
        `${path} was changed while the model was in use (${before.size} bytes from ` +
          `${before.mtime.toISOString()}, now ${after.size} from ${after.mtime.toISOString()}): open the model ` +
          "again",
      );
    }
  }
}
