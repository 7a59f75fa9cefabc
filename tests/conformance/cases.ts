// Every call the conformance runner makes: the samples of each op, and those derived from a forward pass for gradient
// ops whose operands (saved outputs) cannot be drawn at random. Knows nothing of backends.
import type { OpSpec } from "../../src/tensor/op.js";
import { type OpName, ops } from "../../src/tensor/ops/index.js";
import { numElements } from "../../src/tensor/tensor.js";
import { extremeSamples } from "./extreme-samples.js";
import { largerSamples } from "./larger-samples.js";
import { samples } from "./samples/index.js";
import type { Sample } from "./samples/sample.js";
import { copyOf, type HostOperand, operandOf, randomOperand, rounded } from "./values.js";

/** One call of one op. */
export interface Case {
  readonly op: OpName;
  /** Unique within the op; seeds the random numbers. */
  readonly id: string;
  /** For messages: the sample's name, or its id. */
  readonly label: string;
  readonly inputs: readonly (HostOperand | null)[];
  readonly params: Record<string, unknown>;
  readonly tolerance?: number;
}

/** The declaration of an op, its parameters untyped: the runner treats all ops alike. */
export const specOf = (op: OpName): OpSpec<Record<string, unknown>> =>
  ops[op] as unknown as OpSpec<Record<string, unknown>>;

/** Names of all ops. */
export const opNames = Object.keys(ops) as OpName[];

function caseOf(op: OpName, sample: Sample<Record<string, unknown>>, id: string): Case {
  const inputs = sample.inputs.map((input, i) => input && operandOf(input, `${op} ${id} ${i}`));
  return { op, id, label: sample.name ?? id, inputs, params: sample.params, tolerance: sample.tolerance };
}

type Samples = { readonly [N in OpName]?: readonly unknown[] };
const casesIn = (lists: Samples, kind: string, op: OpName): Case[] =>
  ((lists[op] ?? []) as readonly Sample<Record<string, unknown>>[]).map((sample, i) =>
    caseOf(op, sample, `${kind} ${i}`),
  );

/** The samples that every op has. */
export const declaredCases = (op: OpName): Case[] => casesIn(samples, "sample", op);

/** Shapes that reach the blocked and threaded paths of a kernel. */
export const largerCases = (op: OpName): Case[] => casesIn(largerSamples, "larger", op);

/** Values at the edges of the element types. */
export const extremeCases = (op: OpName): Case[] => casesIn(extremeSamples, "extreme", op);

/** What an accumulating output holds before the call. */
export const initialOutput = (c: Case, i: number, shape: readonly number[]): HostOperand =>
  randomOperand({ shape, dtype: "f32" }, `${c.op} ${c.id} output ${i}`);

/**
 * The reference's outputs and mutated inputs, in f64. Outputs start from `initialOutput` when the call accumulates,
 * else from zero.
 */
export function referenceOf(c: Case): { outputs: HostOperand[]; inputs: (HostOperand | null)[] } {
  const spec = specOf(c.op);
  const inputs = c.inputs.map(copyOf);
  const outputs = spec.infer(c.inputs, c.params).map(({ shape, dtype }, i) => ({
    shape,
    dtype,
    data: c.params.accumulate ? rounded(initialOutput(c, i, shape).data, dtype) : new Float64Array(numElements(shape)),
  }));
  spec.reference(inputs, outputs, c.params);
  return { outputs, inputs };
}

/**
 * Operands of a backward op from a case of its forward: saved inputs, saved outputs (as their type holds them), a
 * random upstream gradient.
 */
function afterForward(
  forward: Case,
  outputs: readonly number[],
  gradientOf: number,
): { saved: HostOperand[]; upstream: HostOperand } {
  const reference = referenceOf(forward).outputs;
  const saved = outputs.map((i) => ({ ...reference[i], data: rounded(reference[i].data, reference[i].dtype) }));
  return { saved, upstream: randomOperand(reference[gradientOf], `${forward.op} ${forward.id} upstream`) };
}

function attentionBackwardCase(forward: Case): Case {
  const [q, k, v, cuSeqlens] = forward.inputs;
  const { saved, upstream } = afterForward(forward, [0, 1], 0);
  return {
    ...forward,
    op: "attentionBackward",
    inputs: [q, k, v, ...saved, upstream, cuSeqlens],
    tolerance: q?.dtype === "bf16" ? 1.6e-2 : 1e-4,
  };
}

function headBackwardCase(forward: Case, i: number): Case {
  const [h, w, targets, scales = null] = forward.inputs;
  const ofWeight = i % 3 !== 2 && (w?.dtype === "f32" || w?.dtype === "bf16");
  const { saved, upstream } = afterForward(forward, [1], 0);
  const bf16 = forward.params.compute === "bf16";
  return {
    ...forward,
    op: "headLogProbBackward",
    inputs: [h, w, targets, ...saved, upstream, scales],
    params: { ...forward.params, ofWeight, accumulate: i % 2 === 1 && ofWeight },
    tolerance: Math.max(bf16 ? 1e-2 : 1e-4, forward.tolerance ?? 0),
  };
}

/**
 * Whether no operand holds a NaN or an infinity. Where one does, a gradient may spread it further than the reference:
 * training has stopped by then.
 */
export const allFinite = (c: Case): boolean => c.inputs.every((x) => !x || x.data.every(Number.isFinite));

const derived: Partial<Record<OpName, () => Case[]>> = {
  attentionBackward: () =>
    [...declaredCases("attention"), ...largerCases("attention")].filter(allFinite).map(attentionBackwardCase),
  headLogProbBackward: () =>
    [...declaredCases("headLogProb"), ...largerCases("headLogProb")].filter(allFinite).map(headBackwardCase),
};

const known = new Map<OpName, readonly Case[]>();
/** All cases of an op, drawn once for all backends: nobody writes to their operands. */
export function casesOf(op: OpName): readonly Case[] {
  const cases = known.get(op) ?? [
    ...declaredCases(op),
    ...largerCases(op),
    ...extremeCases(op),
    ...(derived[op]?.() ?? []),
  ];
  known.set(op, cases);
  return cases;
}
