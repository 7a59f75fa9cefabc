// Names for what is being written and not whole yet. They say whose it is, so that what a killed process left behind is
// known and removed.
import { createHash, randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { processStart } from "../process-start.js";
import { type FileSystem, machineFileSystem } from "./file-system.js";

/** Unfinished directories carry this prefix; whoever owns the parent directory may remove them. */
export const TEMPORARY_PREFIX = ".tmp-";

const host = (): string => createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const owner = (): string => `${host()}-${process.pid}-${randomBytes(4).toString("hex")}`;
const OWNED = /(?:^\.tmp-.*-|\.tmp-)([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/;

/** The place beside a file in which it is written first. */
export const temporaryFile = (path: string): string => `${path}.tmp-${owner()}`;

/** The place beside a directory in which it is written first. */
export const temporaryDirectory = (path: string): string =>
  join(dirname(path), `${TEMPORARY_PREFIX}${basename(path)}-${owner()}`);

/**
 * Removes from a folder what processes of this machine that have ended were writing there. What cannot be removed
 * stays.
 */
export async function removeAbandoned(folder: string, fs: FileSystem = machineFileSystem): Promise<void> {
  for (const name of await fs.readdir(folder).catch(() => [] as string[])) {
    const [, madeOn, pid] = OWNED.exec(name) ?? [];
    if (madeOn !== host() || processStart(Number(pid)) !== undefined) continue;
    await fs.rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}
