// The autograd tape: records ops whose inputs need gradients, replays their rules backwards, frees activations as it
// goes. Knows nothing of particular ops but addition; gradients of parameters land in `Parameter.grad`.
import { assert, ShapeError, TrainingError } from "../errors.js";
import type { DType } from "./dtype.js";
import { alias, dispatch, scope, setRecorder, tensor } from "./engine.js";
import type { OpSpec, VjpContext } from "./op.js";
import { addScaledOp, cast } from "./ops/elementwise.js";
import { Parameter } from "./parameter.js";
import { type GradientSink, Tensor, type TensorSpec } from "./tensor.js";

/**
 * An input of a recorded step: the value's name, whether its gradient is wanted, where it goes and in which element
 * type.
 */
interface TapeInput {
  readonly id: number;
  readonly wants: boolean;
  readonly sink: GradientSink | null;
  readonly dtype: DType;
}

/**
 * One recorded step: `backward` gives the inputs' gradients from the outputs'; `target` finds a gradient to add into.
 */
interface TapeNode {
  readonly inputs: readonly TapeInput[];
  readonly outputIds: readonly number[];
  backward(grads: readonly (Tensor | null)[], target: (index: number) => Tensor | undefined): (Tensor | null)[];
  free(): void;
}

type Gradients = Map<number, Tensor>;
interface Root {
  readonly value: Tensor;
  readonly grad: Tensor;
}

let tape: TapeNode[] | null = null;

function activate(next: TapeNode[] | null): TapeNode[] | null {
  const before = tape;
  tape = next;
  setRecorder(next ? recordOp : null);
  return before;
}

/** Runs `body`, which must not wait, with recording on; the tape lives until `backward` or the end of `body`. */
export function withTape<R>(body: () => R): R {
  assert(!tape, "withTape inside withTape");
  const own: TapeNode[] = [];
  activate(own);
  try {
    const result = body();
    assert(!(result instanceof Promise), "withTape: the body waits");
    return result;
  } finally {
    for (const node of own) node.free();
    activate(null);
  }
}

/** Runs `body` without recording. */
export function noGrad<R>(body: () => R): R {
  const outer = activate(null);
  try {
    return body();
  } finally {
    activate(outer);
  }
}

function recordOp<P>(op: OpSpec<P>, inputs: readonly (Tensor | null)[], outputs: readonly Tensor[], params: P): void {
  const { vjp } = op;
  if (!inputs.some((t) => t?.requiresGrad)) return;
  const differentiable = outputs.filter((t) => t.dtype !== "i32");
  if (differentiable.length === 0) return;
  const nodeInputs = describe(inputs);
  if (!vjp)
    throw new TrainingError(`${op.name} has no gradient, and ${firstWanted(nodeInputs)} lies below it: ${HOW_TO_CUT}`);
  const saved = new Map<string, Tensor>();
  for (const i of op.saves?.inputs ?? []) {
    const t = inputs[i];
    if (t) saved.set(`input ${i}`, t.retain());
  }
  for (const i of op.saves?.outputs ?? []) saved.set(`output ${i}`, outputs[i].retain());
  const specs = inputs.map((t) => (t ? { shape: t.shape, dtype: t.dtype } : null));
  recordCustom(
    nodeInputs,
    differentiable,
    outputs,
    (grads, target) => {
      const results = vjp(makeContext(op.name, params, saved, specs, nodeInputs, target), grads);
      if (outputs.every((t, i) => t.dtype === "i32" || grads[i])) refuseMissing(op.name, nodeInputs, results);
      return results;
    },
    () => {
      for (const t of saved.values()) t.dispose();
      saved.clear();
    },
  );
}

const HOW_TO_CUT =
  "run it under noGrad if that is intended, otherwise freeze the parameters below (requiresGrad = false)";

/**
 * A rule that knows no gradient for an input that needs one would leave what lies below it untrained without a word.
 */
function refuseMissing(op: string, inputs: readonly TapeInput[], results: readonly (Tensor | null)[]): void {
  const missing = inputs.filter(({ wants }, i) => wants && !results[i]);
  if (missing.length > 0)
    throw new TrainingError(
      `${op} has no gradient for all its inputs, and ${firstWanted(missing)} lies below it: ${HOW_TO_CUT}`,
    );
}

/** The parameter that is, or was first used to make, the first input that needs a gradient. */
function firstWanted(inputs: readonly TapeInput[]): string {
  const input = inputs.find(({ wants }) => wants);
  if (!input) return "a value that needs one";
  if (input.sink) return input.sink instanceof Parameter ? `parameter ${input.sink.name}` : "a parameter";
  const maker = tape?.findLast(({ outputIds }) => outputIds.includes(input.id));
  return maker ? firstWanted(maker.inputs) : "a value that needs one";
}

/** A gradient has its value's element type; a parameter's is f32, whichever copy was used. */
function describe(inputs: readonly (Tensor | null)[]): TapeInput[] {
  return inputs.map((t) => ({
    id: t?.id ?? 0,
    wants: t?.requiresGrad ?? false,
    sink: t?.sink ?? null,
    dtype: t && !t.sink ? t.dtype : "f32",
  }));
}

function recordCustom(
  inputs: readonly TapeInput[],
  differentiable: readonly Tensor[],
  outputs: readonly Tensor[],
  backward: TapeNode["backward"],
  free: () => void,
): void {
  for (const t of differentiable) t.requiresGrad = true;
  tape?.push({ inputs, outputIds: outputs.map((t) => t.id), backward, free });
}

/** Records a one-to-one view (reshape, row slice): `back` maps the output's gradient to the input's. */
export function recordView(input: Tensor, output: Tensor, back: (grad: Tensor) => Tensor): void {
  if (!tape || !input.requiresGrad) return;
  recordCustom(
    describe([input]),
    [output],
    [output],
    ([grad]) => [grad && back(grad)],
    () => {},
  );
}

function makeContext<P>(
  name: string,
  params: P,
  saved: ReadonlyMap<string, Tensor>,
  specs: readonly (TensorSpec | null)[],
  inputs: readonly TapeInput[],
  gradTarget: (index: number) => Tensor | undefined,
): VjpContext<P> {
  const fetch = (key: string) => {
    const t = saved.get(key);
    assert(t, () => `${name}: the gradient rule asks for ${key}, which the op does not save`);
    return t;
  };
  return {
    params,
    input: (i) => fetch(`input ${i}`),
    maybeInput: (i) => saved.get(`input ${i}`) ?? null,
    output: (i) => fetch(`output ${i}`),
    inputSpec: (i) => specs[i] as TensorSpec,
    wants: (i) => inputs[i].wants,
    gradDtype: (i) => inputs[i].dtype,
    gradTarget: (i, dtype = inputs[i].dtype) => (inputs[i].dtype === dtype ? gradTarget(i) : undefined),
  };
}

/**
 * Back-propagates from a scalar loss, or from values with given gradients, through the tape, which is consumed.
 * Parameter gradients are added to `Parameter.grad`; activations are freed as soon as their rule has run.
 * A given gradient must have its value's size (ShapeError); it is read, never written.
 */
export function backward(outputs: Tensor | readonly Root[]): void {
  assert(tape, "backward outside withTape");
  const nodes = tape;
  noGrad(() =>
    scope(() => {
      const roots = outputs instanceof Tensor ? [{ value: outputs, grad: onesLike(outputs) }] : outputs;
      for (const { value, grad } of roots)
        if (grad.size !== value.size)
          throw new ShapeError(`backward: a gradient [${grad.shape}] for a value [${value.shape}]`);
      for (const t of replay(nodes, roots).values()) t.dispose();
    }),
  );
}

function onesLike(loss: Tensor): Tensor {
  assert(loss.size === 1, `backward needs a scalar loss, got shape [${loss.shape}]`);
  return tensor([1], loss.shape, "f32", loss.device);
}

/**
 * Consumes the tape from its end. A node leaves it only once its rule has run, so whoever made the tape frees the rest
 * after an error.
 */
function replay(nodes: TapeNode[], roots: readonly Root[]): Gradients {
  const grads: Gradients = new Map();
  try {
    scope(() => {
      const ends = describe(roots.map((r) => r.value));
      for (const [i, { grad }] of roots.entries()) deliver(ends[i], grad, grads);
    });
    for (let node = nodes.at(-1); node; node = nodes.at(-1)) {
      stepBack(node, grads);
      nodes.pop();
      node.free();
    }
    return grads;
  } catch (error) {
    for (const g of grads.values()) g.dispose();
    throw error;
  }
}

function stepBack(node: TapeNode, grads: Gradients): void {
  const incoming = node.outputIds.map((id) => grads.get(id) ?? null);
  if (incoming.every((g) => g === null)) return;
  scope(() => {
    const results = node.backward(incoming, (i) => exclusive(gathered(node.inputs[i], grads)));
    // A rule may pass a gradient on as it is: a handle of its own keeps it past the next lines.
    const own = results.map((g) => (g && incoming.includes(g) ? alias(g, g.shape) : g));
    for (const id of node.outputIds) {
      grads.get(id)?.dispose();
      grads.delete(id);
    }
    own.forEach((g, i) => {
      if (g && node.inputs[i].wants) deliver(node.inputs[i], g, grads);
    });
  });
}

function gathered(input: TapeInput, grads: Gradients): Tensor | undefined {
  return (input.sink ? input.sink.grad : grads.get(input.id)) ?? undefined;
}

/** Only memory that no other gradient shares may be added into. */
function exclusive(grad: Tensor | undefined): Tensor | undefined {
  return grad && !grad.storage.isShared ? grad : undefined;
}

function deliver(input: TapeInput, grad: Tensor, grads: Gradients): void {
  const existing = gathered(input, grads);
  if (existing === grad) return;
  const sum = { alpha: 1, beta: 1, dtype: input.dtype };
  if (existing && exclusive(existing)) {
    dispatch(addScaledOp, [existing, grad], sum, [existing]);
    return;
  }
  const held = (existing ? dispatch(addScaledOp, [existing, grad], sum)[0] : cast(grad, input.dtype)).retain();
  existing?.dispose();
  if (input.sink) input.sink.grad = held;
  else grads.set(input.id, held);
}

let replaying = false;

/** True while `recompute` runs a body for the second time: counters must not count again. */
export function isReplaying(): boolean {
  return replaying;
}

/**
 * Activation checkpointing: runs `body` without recording its inside, and runs it again during backward.
 * `body` must be a pure function of its inputs and of parameters. Trades one more forward for its activations' memory.
 */
export function recompute(body: (...inputs: Tensor[]) => Tensor[], inputs: readonly Tensor[]): Tensor[] {
  if (!tape) return body(...inputs);
  const outputs = noGrad(() => scope(() => body(...inputs)));
  const saved = inputs.map((t) => t.retain());
  recordCustom(
    describe(inputs),
    outputs.filter((t) => t.dtype !== "i32"),
    outputs,
    (grads) => replayInside(body, saved, grads),
    () => {
      for (const t of saved) t.dispose();
      saved.length = 0;
    },
  );
  return outputs;
}

function replayInside(
  body: (...inputs: Tensor[]) => Tensor[],
  saved: readonly Tensor[],
  grads: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const leaves = saved.map((t) => {
    const leaf = alias(t, t.shape);
    leaf.requiresGrad = t.requiresGrad;
    return leaf;
  });
  const inner: TapeNode[] = [];
  const outer = activate(inner);
  const outerReplaying = replaying;
  replaying = true;
  try {
    const outputs = body(...leaves);
    activate(null);
    const roots = outputs.flatMap((value, i) => {
      const grad = grads[i];
      return grad ? [{ value, grad }] : [];
    });
    const gathered = replay(inner, roots);
    const results = leaves.map((t) => gathered.get(t.id) ?? null).map((g) => g && alias(g, g.shape));
    for (const g of gathered.values()) g.dispose();
    return results;
  } finally {
    replaying = outerReplaying;
    for (const node of inner) node.free();
    activate(outer);
  }
}
