// How much memory this process may still take.
import { freemem } from "node:os";

/** Bytes that this process may still take: what the system calls available, within the limits of its container. */
export function availableBytes(): number {
  return process.availableMemory?.() ?? freemem();
}
