// How much memory this process may still take, and sizes of memory in words.
import { freemem } from "node:os";

/** Bytes that this process may still take: what the system calls available, within the limits of its container. */
export function availableBytes(): number {
  return process.availableMemory?.() ?? freemem();
}

/** A size for people, in powers of 1024. */
export function formatMemory(bytes: number): string {
  const mib = bytes / 2 ** 20;
  if (mib < 1024) return `${mib < 10 ? mib.toFixed(1) : Math.ceil(mib)} MiB`;
  return mib < 2 ** 20 ? `${(mib / 1024).toFixed(1)} GiB` : `${(mib / 2 ** 20).toFixed(1)} TiB`;
}
