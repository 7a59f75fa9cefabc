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

/**
 * Tensors in a file that a model of these stored tensors has no place for. What repeats or follows from other tensors
 * does not count.
 */
export function unexpectedTensors(names: Iterable<string>, known: ReadonlySet<string>): TensorProblem[] {
  const unexpected = [...names].filter((name) => !known.has(name) && !REDUNDANT.some((pattern) => pattern.test(name)));
  return unexpected.map((name) => ({ kind: "unexpected", tensor: name.slice(0, 80) }));
}

/** What is wrong with a stored tensor. */
export interface TensorProblem {
  /**
   * "missing", "unexpected", or what the tensor is and should be ("[3,4], expected [3,5]"); alike for all tensors that
   * share the problem.
   */
  readonly kind: string;
  readonly tensor: string;
}

const SHOWN_TENSORS = 3;
const SHOWN_KINDS = 10;

/** Problems in one line: what many tensors share is told once, with the first of them and how many more there are. */
export function describeProblems(problems: readonly TensorProblem[]): string {
  const byKind = new Map<string, string[]>();
  for (const { kind, tensor } of problems) byKind.set(kind, [...(byKind.get(kind) ?? []), tensor]);
  const lines = [...byKind].map(([kind, tensors]) => {
    const rest = tensors.length - SHOWN_TENSORS;
    const list = `${tensors.slice(0, SHOWN_TENSORS).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
    return kind === "missing" || kind === "unexpected"
      ? `${kind} ${list}`
      : `${list} ${tensors.length > 1 ? "are" : "is"} ${kind}`;
  });
  const rest = lines.length - SHOWN_KINDS;
  return `${lines.slice(0, SHOWN_KINDS).join("; ")}${rest > 0 ? `; and ${rest} further problems` : ""}`;
}

/** What a stored tensor of another shape than the model's is. */
export const shapeProblem = (tensor: string, shape: readonly number[], expected: readonly number[]): TensorProblem => ({
  kind: `[${shape}], expected [${expected}]`,
  tensor,
});

/** Throws CheckpointError for a list of problems, if there is one. */
export function refuseProblems(problems: readonly TensorProblem[]): void {
  if (problems.length > 0) throw new CheckpointError(`weights do not fit the model: ${describeProblems(problems)}`);
}

/**
 * Fills every weight held in f32 from `fetch`; throws CheckpointError listing all missing and misshapen tensors, and,
 * when `names` is given, those in the file that the model has no place for. After an error the model is partly filled
 * and of no use.
 */
export async function loadWeights(
  parameters: ParameterSet,
  fetch: (name: string) => Promise<StoredTensor | undefined>,
  names?: Iterable<string>,
): Promise<void> {
  const problems: TensorProblem[] = [];
  const parts = parameters.writtenParts();
  for (const { spec, part, elementOffset } of parts) {
    const stored = await fetch(part.name);
    if (!stored) problems.push({ kind: "missing", tensor: `${part.name} [${part.shape}]` });
    else if (stored.shape.join() !== part.shape.join())
      problems.push(shapeProblem(part.name, stored.shape, part.shape));
    else
      parameters.write(
        spec.name,
        elementOffset,
        part.shape,
        new Uint8Array(stored.values.buffer, stored.values.byteOffset, stored.values.byteLength),
      );
  }
  const known = new Set(parts.map(({ part }) => part.name));
  const here = [...(names ?? [])].filter((name) => !parameters.isElsewhere(name));
  problems.push(...unexpectedTensors(here, known));
  refuseProblems(problems);
  parameters.refreshCopies();
}

/** Every stored tensor as f32 bytes, by its Hugging Face name. */
export async function storedWeights(
  parameters: ParameterSet,
): Promise<Map<string, { shape: readonly number[]; data: Uint8Array }>> {
  return parameters.read();
}

/** Number of numbers that files are written with, buffers included. */
export function numStored(parameters: ParameterSet): number {
  return parameters.writtenParts().reduce((n, { part }) => n + numElements(part.shape), 0);
}
