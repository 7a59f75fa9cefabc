// What a trainer needs to go on exactly where it stopped: named tensors and plain JSON.
// Knows nothing of optimisers or random generators; it only refuses what JSON would change on the way.
import { CheckpointError } from "../errors.js";
import type { WritableTensor } from "./host-tensor.js";

/** A value that JSON gives back unchanged. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * The state of a trainer after `step` completed steps. `tensors` holds optimiser moments, master weights and the like;
 * `state` holds generator states (64-bit words as strings), the position in the data and whatever else the trainer
 * keeps.
 */
export interface TrainerState {
  step: number;
  tensors: ReadonlyMap<string, WritableTensor>;
  state: JsonObject;
}

/**
 * JSON text of `value`. Throws CheckpointError where the text would not read back the same: NaN, −0, undefined, class
 * instances.
 */
export function exactJson(value: unknown, label: string): string {
  const problem = findInexact(value, label);
  if (problem) throw new CheckpointError(`${problem}, which JSON cannot represent; save it as a string or as a tensor`);
  return `${JSON.stringify(value, null, 2)}\n`;
}

function findInexact(value: unknown, path: string): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number")
    return Number.isFinite(value) && !Object.is(value, -0)
      ? undefined
      : `${path} is ${Object.is(value, -0) ? "-0" : value}`;
  if (Array.isArray(value)) return first(value.entries(), path);
  if (typeof value === "object" && isPlain(value)) return first(Object.entries(value), path);
  if (typeof value === "object") return `${path} is a ${value?.constructor?.name ?? "special object"}`;
  return `${path} is a value of type ${typeof value}`;
}

function first(entries: Iterable<[string | number, unknown]>, path: string): string | undefined {
  for (const [key, value] of entries) {
    const problem = findInexact(value, `${path}.${key}`);
    if (problem) return problem;
  }
  return undefined;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
