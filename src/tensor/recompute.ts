// Activation checkpointing: a block keeps only its inputs and runs again during backward.
import { scope } from "./engine.js";
import { currentTape, leaf, noGrad, Tape } from "./tape.js";
import { describeInputs } from "./tape-node.js";
import type { Tensor } from "./tensor.js";

/** What is computed twice: a pure function of its inputs and of parameters. */
export type RecomputedBlock = (...inputs: Tensor[]) => Tensor[];

/**
 * Runs `block` without recording its inside, and runs it again during backward, which then gives the gradients of the
 * parameters inside as well. Trades one more forward for its activations' memory.
 */
export function recompute(block: RecomputedBlock, inputs: readonly Tensor[]): Tensor[] {
  const tape = currentTape();
  if (!tape) return block(...inputs);
  const outputs = noGrad(() => scope(() => block(...inputs)));
  for (const t of outputs) if (t.dtype !== "i32") t.requiresGrad = true;
  const saved = inputs.map((t) => t.retain());
  tape.add({
    inputs: describeInputs(inputs),
    outputIds: outputs.map((t) => t.id),
    hasParameters: true,
    backward: (grads) => backwardThrough(block, saved, grads),
    free: () => {
      for (const t of saved.splice(0)) t.dispose();
    },
  });
  return outputs;
}

function backwardThrough(
  block: RecomputedBlock,
  saved: readonly Tensor[],
  grads: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const inside = new Tape();
  try {
    const inputs = saved.map((t) => (t.requiresGrad ? leaf(t) : t));
    const outputs = inside.record(() => block(...inputs));
    const roots = outputs.flatMap((value, i) => {
      const grad = grads[i];
      return grad && value.requiresGrad ? [{ value, grad }] : [];
    });
    return inside.backward(roots, inputs);
  } finally {
    inside.dispose();
  }
}
