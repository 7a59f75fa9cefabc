// A file that says which process is at work somewhere, so that a second one keeps away. Knows processes and one file,
// not what it guards. No lock of the file system: those are not told across every mount, and a lease by time would run
// out while a kernel computes.
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { processStart } from "./process-start.js";

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /**
   * When the process began, as the system counts it: a later process of the same number is another one. Empty where the
   * system does not say.
   */
  readonly started: string;
}

/** This process. */
export const thisProcess = (): LockHolder => ({
  pid: process.pid,
  host: hostname(),
  started: processStart(process.pid) ?? "",
});

/** A lock that this process holds until it is released. */
export class ProcessLock {
  private constructor(private readonly path: string) {}

  /**
   * Takes the lock at `path`, whose folder must exist. A lock whose process has ended is taken over; for any other, the
   * error that `refusal` makes of its holder is thrown.
   */
  static take(path: string, refusal: (holder: string) => Error): ProcessLock {
    for (let tries = 0; tries < 2; tries++) {
      if (created(path)) return new ProcessLock(path);
      const text = readText(path);
      if (text === undefined) continue; // released this moment
      if (isHeld(text)) throw refusal(describe(text));
      removeStale(path, text);
    }
    throw refusal(describe(readText(path) ?? ""));
  }

  /** Gives the lock back. */
  release(): void {
    rmSync(this.path, { force: true });
  }
}

/** Whether a process that is at work holds the lock at `path`. */
export const isHeldLock = (path: string): boolean => isHeld(readText(path) ?? "");

/** Whether the process is still at work. Of another machine's processes nothing is known: they count as at work. */
export function isAtWork({ pid, host, started }: LockHolder): boolean {
  if (host !== hostname()) return true;
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  const now = processStart(pid);
  return now !== undefined && (started === "" || now === "" || now === started);
}

/** Written beside its place and linked into it: nobody reads half a lock. */
function created(path: string): boolean {
  const whole = besides(path);
  const text = JSON.stringify(thisProcess());
  try {
    writeFileSync(whole, text, { flag: "wx" });
    linkSync(whole, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "EEXIST") return false;
    if (!WITHOUT_LINKS.includes(code)) throw error;
    return writtenInPlace(path, text);
  } finally {
    rmSync(whole, { force: true });
  }
}

/** What file systems that know no links answer. */
const WITHOUT_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

function writtenInPlace(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

const besides = (path: string): string => `${path}.${randomBytes(4).toString("hex")}`;

function isHeld(text: string): boolean {
  const holder = parse(text);
  return holder !== undefined && isAtWork(holder);
}

/**
 * Moves a stale lock away. What two processes take for stale at once, one of them moves; the other finds the first
 * one's lock and puts it back.
 */
function removeStale(path: string, stale: string): void {
  const aside = besides(path);
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    if (readText(aside) !== stale) linkSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): LockHolder | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<LockHolder>;
    return typeof pid === "number" && typeof host === "string"
      ? { pid, host, started: String(started ?? "") }
      : undefined;
  } catch {
    return undefined;
  }
}

function describe(text: string): string {
  const holder = parse(text);
  return holder ? `process ${holder.pid} on ${holder.host}` : "another process";
}
