// The error classes of the project. Each message is one line: what was expected, what came, how to mend it.
import { oneLine } from "./plain-text.js";

/**
 * Base of every error Luciole raises on purpose. The command line prints its message alone; the stack only with
 * `--debug`.
 */
export class LucioleError extends Error {
  /** What a message quotes of others' files and texts steers no terminal and breaks no line. */
  constructor(message?: string, options?: ErrorOptions) {
    super(message && oneLine(message), options);
  }
  override get name(): string {
    return this.constructor.name;
  }
}
/** A flag, key or value that cannot be used. */
export class ConfigError extends LucioleError {}
/** Tensor shapes or dtypes that do not fit together. */
export class ShapeError extends LucioleError {}
/** Malformed training or task data; names the file and line. */
export class DataError extends LucioleError {}
/** A missing, truncated, tampered or unsupported checkpoint. */
export class CheckpointError extends LucioleError {}
/** A model hub that cannot be reached, refuses, or sends what does not match its checksum. */
export class HubError extends LucioleError {}
/** A backend that is not available, lacks an op, or has run out of memory. */
export class BackendError extends LucioleError {}
/** Training that cannot go on: a loss that is not finite, tasks without reward spread. */
export class TrainingError extends LucioleError {}

/**
 * Throws a plain `Error` when an internal invariant does not hold: a defect of Luciole, not of its input. A message
 * that takes work is a function.
 */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new Error(`internal: ${typeof message === "string" ? message : message()}`);
}

/**
 * `, did you mean "x"?` for the known name nearest to `name`, or nothing when none is near: at most a third of its
 * letters differ.
 */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = known
    .map((each) => ({ each, distance: editDistance(name.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const isNear = nearest && nearest.distance <= Math.max(1, Math.floor(Math.max(name.length, nearest.each.length) / 3));
  return isNear ? `, did you mean "${nearest.each}"?` : "";
}

/** Levenshtein distance, by rows. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}
