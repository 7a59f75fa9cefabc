// One step of the tape: what an op needs to give its inputs' gradients, and how that is recorded.
// Knows neither when the steps run backward nor where gradients gather.
import { assert, TrainingError } from "../errors.js";
import type { DType } from "./dtype.js";
import type { OpSpec, VjpContext } from "./op.js";
import { Parameter } from "./parameter.js";
import type { GradientSink, Tensor, TensorSpec } from "./tensor.js";

/**
 * An input of a recorded step: the value's name, whether its gradient is wanted, where it goes (null: on through the
 * tape) and in which element type.
 */
export interface TapeInput {
  readonly id: number;
  readonly wants: boolean;
  readonly sink: GradientSink | null;
  readonly dtype: DType;
}

/** What a gradient rule is asked: which inputs' gradients, and into which gradient so far it may add. */
export interface Demand {
  wants(index: number): boolean;
  target(index: number): Tensor | undefined;
}

/** One recorded step: `backward` gives the inputs' gradients (null: none) from the outputs'. */
export interface TapeNode {
  readonly inputs: readonly TapeInput[];
  readonly outputIds: readonly number[];
  /** Gradients of parameters arise inside, so that it runs whether or not those of its inputs are wanted. */
  readonly hasParameters?: boolean;
  backward(grads: readonly (Tensor | null)[], demand: Demand): (Tensor | null)[];
  free(): void;
}

/** A gradient has its value's element type; a parameter's is f32, whichever copy was used. */
export function describeInputs(inputs: readonly (Tensor | null)[]): TapeInput[] {
  return inputs.map((t) => ({
    id: t?.id ?? 0,
    wants: t?.requiresGrad ?? false,
    sink: t?.sink ?? null,
    dtype: t && !t.sink ? t.dtype : "f32",
  }));
}

/** The step of an op with a gradient rule. It holds the operands that the rule reads, until it is freed. */
export function opNode<P>(
  op: OpSpec<P>,
  operands: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  params: P,
  inputs: readonly TapeInput[],
): TapeNode {
  const saved = new Map<string, Tensor>();
  for (const i of op.saves?.inputs ?? []) {
    const t = operands[i];
    if (t) saved.set(`input ${i}`, t.retain());
  }
  for (const i of op.saves?.outputs ?? []) saved.set(`output ${i}`, outputs[i].retain());
  const specs = operands.map((t) => (t ? { shape: t.shape, dtype: t.dtype } : null));
  const integers = outputs.map((t) => t.dtype === "i32");
  return {
    inputs,
    outputIds: outputs.map((t) => t.id),
    backward: (grads, demand) => {
      const context: VjpContext<P> = { params, ...savedOperands(op.name, saved, specs), ...demanded(inputs, demand) };
      const results = op.vjp!(context, grads);
      if (integers.every((isInteger, i) => isInteger || grads[i])) refuseMissing(op.name, inputs, demand, results);
      return results;
    },
    free: () => {
      for (const t of saved.values()) t.dispose();
      saved.clear();
    },
  };
}

function savedOperands(
  op: string,
  saved: ReadonlyMap<string, Tensor>,
  specs: readonly (TensorSpec | null)[],
): Pick<VjpContext<unknown>, "input" | "maybeInput" | "output" | "inputSpec"> {
  const fetch = (key: string) => {
    const t = saved.get(key);
    assert(t, () => `${op}: the gradient rule asks for ${key}, which the op does not save`);
    return t;
  };
  return {
    input: (i) => fetch(`input ${i}`),
    maybeInput: (i) => saved.get(`input ${i}`) ?? null,
    output: (i) => fetch(`output ${i}`),
    inputSpec: (i) => specs[i] as TensorSpec,
  };
}

const demanded = (
  inputs: readonly TapeInput[],
  demand: Demand,
): Pick<VjpContext<unknown>, "wants" | "gradDtype" | "gradTarget"> => ({
  wants: (i) => demand.wants(i),
  gradDtype: (i) => inputs[i].dtype,
  gradTarget: (i, dtype = inputs[i].dtype) => (inputs[i].dtype === dtype ? demand.target(i) : undefined),
});

const HOW_TO_CUT =
  "run it under noGrad if that is intended, otherwise freeze the parameters below (requiresGrad = false)";

/** The refusal of an op without a gradient rule above something that needs a gradient; `nodes` made its inputs. */
export const withoutRule = (op: string, inputs: readonly TapeInput[], nodes: readonly TapeNode[]): TrainingError =>
  new TrainingError(`${op} has no gradient, and ${firstWanted(inputs, nodes)} lies below it: ${HOW_TO_CUT}`);

/**
 * A rule that knows no gradient for an input that needs one would leave what lies below it untrained without a word.
 */
function refuseMissing(
  op: string,
  inputs: readonly TapeInput[],
  demand: Demand,
  results: readonly (Tensor | null)[],
): void {
  const missing = inputs.filter((_, i) => demand.wants(i) && !results[i]);
  if (missing.length > 0)
    throw new TrainingError(
      `${op} has no gradient for all its inputs, and ${firstWanted(missing, [])} lies below it: ${HOW_TO_CUT}`,
    );
}

/** The parameter that is, or was first used to make, the first input that needs a gradient. */
function firstWanted(inputs: readonly TapeInput[], nodes: readonly TapeNode[]): string {
  const input = inputs.find(({ wants }) => wants);
  if (!input) return "a value that needs one";
  if (input.sink) return input.sink instanceof Parameter ? `parameter ${input.sink.name}` : "a parameter";
  const maker = nodes.findLast(({ outputIds }) => outputIds.includes(input.id));
  return maker ? firstWanted(maker.inputs, nodes) : "a value that needs one";
}
