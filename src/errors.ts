// The error classes of the project. Each message is one line: what was expected, what came, how to mend it.

/** Base of every error Luciole raises on purpose. The command line prints its message alone; the stack only with `--debug`. */
export class LucioleError extends Error {
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
/** A backend that is not available, lacks an op, or has run out of memory. */
export class BackendError extends LucioleError {}
/** Training that cannot go on: a loss that is not finite, tasks without reward spread. */
export class TrainingError extends LucioleError {}

/** Throws a plain `Error` when an internal invariant does not hold: a defect of Luciole, not of its input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`internal: ${message}`);
}
