// Runs recorded steps backward: gathers the gradients of values, adds those of parameters to `Parameter.grad`, and
// frees activations as it goes. Knows nothing of recording.
import { alias, dispatch, scope } from "./engine.js";
import { addScaledOp, cast } from "./ops/elementwise.js";
import { describeInputs, type TapeInput, type TapeNode } from "./tape-node.js";
import type { Tensor } from "./tensor.js";

/** A value, and the gradient of the loss with respect to it. */
export interface OutputGradient {
  /** Only its name, shape and type matter: it may have been disposed. */
  readonly value: Tensor;
  /** Of the value's size; it is read, never written. */
  readonly grad: Tensor;
}

/** A step of which only the gradients of parameters `left` are still to be computed, from its outputs' gradients. */
export interface PendingNode {
  readonly node: TapeNode;
  readonly grads: readonly (Tensor | null)[];
  readonly left: ReadonlySet<number>;
}

/** Gradients on their way through the tape, by the name of their value. */
export class Gradients {
  private readonly byId = new Map<number, Tensor>();

  /** Adds to the gradient of an input: of a parameter to its own, of a value to that on its way. */
  add(input: TapeInput, grad: Tensor): void {
    const existing = this.soFar(input);
    if (existing === grad) return;
    const sum = { alpha: 1, beta: 1, dtype: input.dtype };
    if (existing && exclusive(existing)) {
      dispatch(addScaledOp, [existing, grad], sum, [existing]);
      return;
    }
    const held = (existing ? dispatch(addScaledOp, [existing, grad], sum)[0] : cast(grad, input.dtype)).retain();
    existing?.dispose();
    if (input.sink) input.sink.grad = held;
    else this.byId.set(input.id, held);
  }

  /** The gradient of an input so far, if it may be added into. */
  target(input: TapeInput): Tensor | undefined {
    return exclusive(this.soFar(input));
  }

  of(id: number): Tensor | null {
    return this.byId.get(id) ?? null;
  }

  drop(id: number): void {
    this.byId.get(id)?.dispose();
    this.byId.delete(id);
  }

  dispose(): void {
    for (const id of [...this.byId.keys()]) this.drop(id);
  }

  private soFar(input: TapeInput): Tensor | undefined {
    return (input.sink ? input.sink.grad : this.byId.get(input.id)) ?? undefined;
  }
}

/** Only memory that no other gradient shares may be added into. */
function exclusive(grad: Tensor | undefined): Tensor | undefined {
  return grad && !grad.storage.isShared ? grad : undefined;
}

/**
 * Consumes steps from the end. A step leaves the list only once its rule has run, so whoever made the list frees the
 * rest after an error. With `pending`, gradients that only parameters need are left for `finishPending`, and the steps
 * that owe them go there.
 */
export function replay(
  nodes: TapeNode[],
  roots: readonly OutputGradient[],
  grads: Gradients,
  pending: PendingNode[] | null,
): void {
  scope(() => {
    const ends = describeInputs(roots.map((r) => r.value));
    for (const [i, { grad }] of roots.entries()) grads.add(ends[i], grad);
  });
  for (let node = nodes.at(-1); node; node = nodes.at(-1)) {
    const rest = stepBack(node, grads, pending !== null);
    nodes.pop();
    if (rest) pending?.push(rest);
    else node.free();
  }
}

/** Computes and adds the gradients of a step's inputs; gives what it leaves for later. */
function stepBack(node: TapeNode, grads: Gradients, isLater: boolean): PendingNode | null {
  const { inputs, outputIds } = node;
  const incoming = outputIds.map((id) => grads.of(id));
  if (incoming.every((g) => g === null)) return null;
  return scope(() => {
    const wants = (i: number) => inputs[i].wants && !(isLater && inputs[i].sink);
    const isAsked = node.hasParameters || inputs.some((_, i) => wants(i));
    const results = isAsked ? runRule(node, incoming, wants, grads) : [];
    const rest = isLater ? owed(node, incoming, results) : null;
    for (const id of outputIds) grads.drop(id);
    results.forEach((g, i) => {
      if (g && inputs[i].wants) grads.add(inputs[i], g);
    });
    return rest;
  });
}

/** What a step still owes after its rule gave `results`; it then keeps the gradients of its outputs. */
function owed(
  node: TapeNode,
  incoming: readonly (Tensor | null)[],
  results: readonly (Tensor | null)[],
): PendingNode | null {
  const left = new Set([...node.inputs.keys()].filter((i) => node.inputs[i].wants && !results[i]));
  return left.size > 0 ? { node, grads: incoming.map((g) => g?.retain() ?? null), left } : null;
}

function runRule(
  node: TapeNode,
  incoming: readonly (Tensor | null)[],
  wants: (index: number) => boolean,
  grads: Gradients,
): (Tensor | null)[] {
  const results = node.backward(incoming, { wants, target: (i) => grads.target(node.inputs[i]) });
  // A rule may pass a gradient on as it is: a handle of its own keeps it when the incoming one is dropped.
  return results.map((g) => (g && incoming.includes(g) ? alias(g, g.shape) : g));
}

/** Computes what `replay` left: the gradients of parameters, in the order in which their steps were left. */
export function finishPending(pending: PendingNode[]): void {
  const grads = new Gradients();
  for (let rest = pending[0]; rest; rest = pending[0]) {
    const { node, left } = rest;
    scope(() => {
      const results = runRule(node, rest.grads, (i) => left.has(i), grads);
      for (const i of left) if (results[i]) grads.add(node.inputs[i], results[i]);
    });
    pending.shift();
    freePending(rest);
  }
}

/** Frees a step that owed gradients. */
export function freePending({ node, grads }: PendingNode): void {
  for (const g of grads) g?.dispose();
  node.free();
}
