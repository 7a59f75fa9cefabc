// The autograd tape: an object that records ops whose inputs need gradients and runs their rules backward, at once or
// later. Knows nothing of particular ops; gradients of parameters land in `Parameter.grad`.
import { assert, ShapeError, TrainingError } from "../errors.js";
import { alias, currentRecorder, type Recorder, recordingTo, scope, tensor } from "./engine.js";
import type { OpSpec } from "./op.js";
import { finishPending, freePending, Gradients, type OutputGradient, type PendingNode, replay } from "./replay.js";
import { describeInputs, OpNode, type TapeNode, withoutRule } from "./tape-node.js";
import { Tensor } from "./tensor.js";

/** How a backward pass runs. */
export interface BackwardOptions {
  /**
   * Leave gradients of parameters for `backwardWeights` (zero-bubble schedules, Qi et al. 2023), but for those that a
   * rule gives along with its input's and those inside `recompute`. With several tapes under way, a parameter with two
   * uses, such as a tied head, then adds up its gradients in another order.
   */
  readonly weightsLater?: boolean;
}

/**
 * What one forward pass recorded. Tapes are independent of each other: several can wait at once and run backward in
 * any order. A tape holds the activations that its gradients need until it has run backward or is disposed.
 */
export class Tape implements Recorder {
  private readonly nodes: TapeNode[] = [];
  private readonly pending: PendingNode[] = [];

  /** Runs `body`, which must not wait, with recording on this tape. After an error nothing is recorded. */
  record<R>(body: () => R): R {
    assert(!currentRecorder(), "recording inside of recording: one tape at a time");
    try {
      const result = recordingTo(this, body);
      assert(!(result instanceof Promise), "recording: the body waits");
      return result;
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /**
   * Back-propagates from a scalar loss, or from values with given gradients, and consumes the tape. Gradients of
   * parameters are added to `Parameter.grad`; activations are freed as soon as their rule has run. Returns the
   * gradients of `inputs` (see `leaf`), owned by the current scope: null where none arrived. Throws TrainingError for a
   * value that this tape did not make from anything that needs a gradient, ShapeError for a gradient of another size.
   */
  backward(
    outputs: Tensor | readonly OutputGradient[],
    inputs: readonly Tensor[] = [],
    { weightsLater = false }: BackwardOptions = {},
  ): (Tensor | null)[] {
    return noGrad(() =>
      scope(() => {
        const roots = outputs instanceof Tensor ? [{ value: outputs, grad: onesLike(outputs) }] : outputs;
        for (const root of roots) this.refuseUnfit(root, inputs);
        const grads = new Gradients();
        try {
          replay(this.nodes, roots, grads, weightsLater ? this.pending : null);
          return inputs.map(({ id }) => grads.of(id)).map((g) => g && alias(g, g.shape));
        } finally {
          grads.dispose();
        }
      }),
    );
  }

  /** The second half of `backward` with `weightsLater`: computes the gradients of parameters that it left. */
  backwardWeights(): void {
    noGrad(() => finishPending(this.pending));
  }

  /** Frees what the tape holds. */
  dispose(): void {
    for (const node of this.nodes.splice(0)) node.free();
    for (const rest of this.pending.splice(0)) freePending(rest);
  }

  /** Called by the engine for every op while this tape records. */
  see<P>(op: OpSpec<P>, operands: readonly (Tensor | null)[], outputs: readonly Tensor[], params: P): void {
    if (!operands.some((t) => t?.requiresGrad)) return;
    const differentiable = outputs.filter((t) => t.dtype !== "i32");
    if (differentiable.length === 0) return;
    const inputs = describeInputs(operands);
    if (!op.vjp) throw withoutRule(op.name, inputs, this.nodes);
    for (const t of differentiable) t.requiresGrad = true;
    this.add(new OpNode(op, operands, outputs, params, inputs));
  }

  /** Adds a step that is no op. Its outputs need gradients from now on. */
  add(node: TapeNode): void {
    this.nodes.push(node);
  }

  private refuseUnfit({ value, grad }: OutputGradient, inputs: readonly Tensor[]): void {
    if (grad.size !== value.size)
      throw new ShapeError(`backward: a gradient [${grad.shape}] for a value [${value.shape}]`);
    const isMadeHere = this.nodes.some(({ outputIds }) => outputIds.includes(value.id));
    if (isMadeHere || value.sink || inputs.some(({ id }) => id === value.id)) return;
    throw new TrainingError(
      `backward: nothing on this tape leads to the value [${value.shape}]: it depends on nothing that is trained, was ` +
        "recorded on another tape, or this one has run backward before",
    );
  }
}

function onesLike(loss: Tensor): Tensor {
  assert(loss.size === 1, `backward needs a scalar loss, got shape [${loss.shape}]`);
  return tensor([1], loss.shape, "f32", loss.device);
}

/** The tape that records now, if any. Only tapes record. */
export const currentTape = (): Tape | null => currentRecorder() as Tape | null;

/** Runs `body`, which must not wait, with recording on a tape of its own, which is freed at its end. */
export function withTape<R>(body: (tape: Tape) => R): R {
  const tape = new Tape();
  try {
    return tape.record(() => body(tape));
  } finally {
    tape.dispose();
  }
}

/** Runs `body` without recording. */
export const noGrad = <R>(body: () => R): R => recordingTo(null, body);

/** A second handle on the same numbers, owned by the current scope, whose gradient `Tape.backward` can be asked for. */
export function leaf(x: Tensor): Tensor {
  const handle = alias(x, x.shape);
  handle.requiresGrad = true;
  return handle;
}

/** Records a one-to-one view (reshape, row slice): `back` maps the output's gradient to the input's. */
export function recordView(input: Tensor, output: Tensor, back: (grad: Tensor) => Tensor): void {
  const tape = currentTape();
  if (!tape || !input.requiresGrad) return;
  output.requiresGrad = true;
  tape.add({
    inputs: describeInputs([input]),
    outputIds: [output.id],
    backward: ([grad]) => [grad && back(grad)],
    free: () => {},
  });
}
