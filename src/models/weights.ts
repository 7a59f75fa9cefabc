// Moves a model's parameters to and from stored tensors under their Hugging Face names. Knows no file format.
import { CheckpointError } from "../errors.js";
import type { ParameterSet } from "../nn/parameters.js";
import { numElements } from "../tensor/tensor.js";

/** A stored tensor as f32 numbers. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Tensors that files may hold besides a model's own. Nothing is lost with them. */
const REDUNDANT: readonly RegExp[] = [
  // Copies of embedding and head in multi-token-prediction blocks, which share the main model's.
  /^model\.layers\.\d+\.(embed_tokens|shared_head\.head)\.weight$/,
  // The head of a model whose embedding is its head: equal to it, or the model would not be tied (see fitToWeights).
  /^lm_head\.weight$/,
  // Rotary frequencies, which are computed from the configuration.
  /^model\.(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/,
];

/** Names in a file that a model of these stored tensors has no place for. What repeats or follows from other tensors does not count. */
export function unexpectedNames(names: Iterable<string>, known: ReadonlySet<string>): string[] {
  return [...names].filter((name) => !known.has(name) && !REDUNDANT.some((pattern) => pattern.test(name)));
}

/** Throws CheckpointError for a list of problems, if there is one; the first twenty are named. */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const rest = problems.length > 20 ? `; and ${problems.length - 20} more` : "";
  throw new CheckpointError(`weights do not fit the model: ${problems.slice(0, 20).join("; ")}${rest}`);
}

/**
 * Fills every parameter from `fetch`; throws CheckpointError listing all missing and misshapen tensors, and, when `names` is
 * given, those in the file that the model has no place for. After an error the model is partly filled and of no use.
 */
export async function loadWeights(
  parameters: ParameterSet,
  fetch: (name: string) => Promise<StoredTensor | undefined>,
  names?: Iterable<string>,
): Promise<void> {
  const problems: string[] = [];
  const parts = parameters.storedParts();
  for (const { spec, part, elementOffset } of parts) {
    const stored = await fetch(part.name);
    if (!stored) problems.push(`missing ${part.name} [${part.shape}]`);
    else if (stored.shape.join() !== part.shape.join()) problems.push(`${part.name} is [${stored.shape}], expected [${part.shape}]`);
    else parameters.write(spec.name, elementOffset, part.shape, new Uint8Array(stored.values.buffer, stored.values.byteOffset, stored.values.byteLength));
  }
  const known = new Set(parts.map(({ part }) => part.name));
  problems.push(...unexpectedNames(names ?? [], known).map((name) => `unexpected ${name}`));
  refuseProblems(problems);
  parameters.refreshShadows();
}

/** Every stored tensor as f32 bytes, by its Hugging Face name. */
export async function storedWeights(parameters: ParameterSet): Promise<Map<string, { shape: readonly number[]; data: Uint8Array }>> {
  return parameters.read();
}

/** Number of stored numbers, buffers included. */
export function numStored(parameters: ParameterSet): number {
  return parameters.storedParts().reduce((n, { part }) => n + numElements(part.shape), 0);
}
