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

const specOf = (t: Tensor | null): TensorSpec | null => t && { shape: t.shape, dtype: t.dtype };

/**
 * The step of an op with a gradient rule, which is also what that rule may look at. It holds the operands that the rule
 * reads, until it is freed.
 */
export class OpNode<P> implements TapeNode, VjpContext<P> {
  readonly outputIds: readonly number[];
  private readonly specs: readonly (TensorSpec | null)[];
  private readonly savedInputs: (Tensor | null)[] = [];
  private readonly savedOutputs: Tensor[] = [];
  /** Which outputs carry a gradient. */
  private readonly carries: readonly boolean[];
  private demand: Demand | null = null;

  constructor(
    private readonly op: OpSpec<P>,
    operands: readonly (Tensor | null)[],
    outputs: readonly Tensor[],
    readonly params: P,
    readonly inputs: readonly TapeInput[],
  ) {
    this.outputIds = outputs.map((t) => t.id);
    this.specs = operands.map(specOf);
    this.carries = outputs.map((t) => t.dtype !== "i32");
    for (const i of op.saves?.inputs ?? []) this.savedInputs[i] = operands[i]?.retain() ?? null;
    for (const i of op.saves?.outputs ?? []) if (outputs[i]) this.savedOutputs[i] = outputs[i].retain();
  }

  backward(grads: readonly (Tensor | null)[], demand: Demand): (Tensor | null)[] {
    this.demand = demand;
    const results = this.op.vjp!(this, grads);
    if (this.carries.every((carries, i) => !carries || grads[i])) this.refuseMissing(results);
    return results;
  }

  free(): void {
    for (const t of this.savedInputs.splice(0)) t?.dispose();
    for (const t of this.savedOutputs.splice(0)) t?.dispose();
  }

  input(index: number): Tensor {
    return this.saved(this.savedInputs[index], "input", index);
  }
  maybeInput(index: number): Tensor | null {
    return this.savedInputs[index] ?? null;
  }
  output(index: number): Tensor {
    return this.saved(this.savedOutputs[index], "output", index);
  }
  inputSpec(index: number): TensorSpec {
    return this.specs[index] as TensorSpec;
  }
  wants(index: number): boolean {
    return this.demand?.wants(index) ?? false;
  }
  gradDtype(index: number): DType {
    return this.inputs[index].dtype;
  }
  gradTarget(index: number, dtype = this.inputs[index].dtype): Tensor | undefined {
    return this.inputs[index].dtype === dtype ? this.demand?.target(index) : undefined;
  }

  private saved(t: Tensor | null | undefined, kind: string, index: number): Tensor {
    assert(t, () => `${this.op.name}: the gradient rule asks for ${kind} ${index}, which the op does not save`);
    return t;
  }

  /**
   * A rule that knows no gradient for an input that needs one would leave what lies below it untrained without a word.
   */
  private refuseMissing(results: readonly (Tensor | null)[]): void {
    const missing = this.inputs.findIndex((_, i) => this.wants(i) && !results[i]);
    if (missing < 0) return;
    const below = firstWanted([this.inputs[missing]], []);
    throw new TrainingError(
      `${this.op.name} has no gradient for all its inputs, and ${below} lies below it: ${HOW_TO_CUT}`,
    );
  }
}

const HOW_TO_CUT =
  "run it under noGrad if that is intended, otherwise freeze the parameters below (requiresGrad = false)";

/** The refusal of an op without a gradient rule above something that needs a gradient; `nodes` made its inputs. */
export const withoutRule = (op: string, inputs: readonly TapeInput[], nodes: readonly TapeNode[]): TrainingError =>
  new TrainingError(`${op} has no gradient, and ${firstWanted(inputs, nodes)} lies below it: ${HOW_TO_CUT}`);

/** The parameter that is, or was first used to make, the first input that needs a gradient. */
function firstWanted(inputs: readonly TapeInput[], nodes: readonly TapeNode[]): string {
  const input = inputs.find(({ wants }) => wants);
  if (!input) return "a value that needs one";
  if (input.sink) return input.sink instanceof Parameter ? `parameter ${input.sink.name}` : "a parameter";
  const maker = nodes.findLast(({ outputIds }) => outputIds.includes(input.id));
  return maker ? firstWanted(maker.inputs, nodes) : "a value that needs one";
}
