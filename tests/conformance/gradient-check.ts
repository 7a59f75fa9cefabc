// The gradient check: one op through the real tape, its gradients against central differences of the f64 reference.
import { expect } from "vitest";
import type { Backend } from "../../src/tensor/backend.js";
import { Device, defaultDevice, setDefaultDevice } from "../../src/tensor/device.js";
import { isBlockType } from "../../src/tensor/dtype.js";
import { dispatch, empty, keep, scope } from "../../src/tensor/engine.js";
import type { OpName } from "../../src/tensor/ops/index.js";
import { withTape } from "../../src/tensor/tape.js";
import { numElements, type Tensor } from "../../src/tensor/tensor.js";
import { reshape } from "../../src/tensor/view.js";
import { allFinite, type Case, declaredCases, initialOutput, referenceOf, specOf } from "./cases.js";
import { relativeError } from "./compare.js";
import { upload } from "./upload.js";
import { copyOf, type HostOperand, normals, randomOperand } from "./values.js";

/** Float inputs that are constants by the op's contract. */
const constants: Partial<Record<OpName, readonly number[]>> = {
  scaleBy: [1], // the factor is data of the optimiser, not of a model
  dot: [1], // documented: w gets none
  router: [1], // the bias serves the choice only (DeepSeek-V3 §2.1.2)
  rope: [2], // frequencies are configuration
  mlaAssemble: [4],
  headLogProb: [3], // scales, as of storedLinear
  headCrossEntropy: [3, 4], // loss weights, scales
  headDivergence: [3, 4, 5], // what a teacher says, weights, scales
  storedLinear: [2], // scales are part of a frozen weight
  storedGroupedLinear: [2],
};
/** The outputs through which a gradient flows, where that is not all of them. */
const carriers: Partial<Record<OpName, readonly number[]>> = {
  rmsNorm: [0],
  attention: [0],
  headLogProb: [0],
  headCrossEntropy: [0],
  headDivergence: [0],
  balanceLoss: [0],
};

const isFloat = (x: { dtype: string } | null) => x !== null && (x.dtype === "f32" || x.dtype === "bf16");
const wanted = (c: Case) => c.inputs.map((x, i) => isFloat(x) && !constants[c.op]?.includes(i));

/** Random gradients of the outputs that carry one. */
function upstreamOf(c: Case): (HostOperand | null)[] {
  return referenceOf(c).outputs.map((o, i) =>
    isFloat(o) && (carriers[c.op]?.includes(i) ?? true) ? randomOperand(o, `${c.op} ${c.id} upstream ${i}`) : null,
  );
}

/** How the op is used in the recorded pass. */
interface Use {
  /** Calls of the op on the same operands; the gradients add up. */
  readonly times: number;
  /**
   * The operands are parameters, whose gradients are f32, or values computed from them, whose gradients have their
   * type.
   */
  readonly on: "parameters" | "activations";
}

/** The gradients that the tape gives, on the current backend; null where none arrived. */
async function tapeGradients(
  c: Case,
  upstream: readonly (HostOperand | null)[],
  { times, on }: Use,
): Promise<(ArrayLike<number> | null)[]> {
  const spec = specOf(c.op);
  const wants = wanted(c);
  const sinks = c.inputs.map(() => ({ grad: null as Tensor | null }));
  withTape((tape) =>
    scope(() => {
      const inputs = c.inputs.map((x, i) => {
        const t = x && upload(x);
        if (t && wants[i]) Object.assign(t, { requiresGrad: true, sink: sinks[i] });
        return t && on === "activations" ? reshape(t, t.shape) : t;
      });
      const call = () => {
        const into = spec
          .infer(c.inputs, c.params)
          .map((o, i) =>
            c.params.accumulate ? upload({ ...initialOutput(c, i, o.shape), dtype: o.dtype }) : empty(o.shape, o.dtype),
          );
        return dispatch(spec, inputs, c.params, into).flatMap((value, i) =>
          upstream[i] ? [{ value, grad: upload(upstream[i]) }] : [],
        );
      };
      tape.backward(Array.from({ length: times }, call).flat());
    }),
  );
  return Promise.all(
    sinks.map(async ({ grad }) => {
      const data = grad ? await keep(grad).data() : null;
      grad?.dispose();
      return data;
    }),
  );
}

/** Whether the weight, input 1, is of a type that trains. */
const hasGradient = ({ inputs }: Case): boolean => isFloat(inputs[1]);

/** Which input of an op over stored weights (input 1) holds their scales. */
const placeOfScales: Partial<Record<OpName, number>> = {
  storedLinear: 2,
  storedGroupedLinear: 2,
  headLogProb: 3,
  headCrossEntropy: 4,
  headDivergence: 5,
};

/**
 * The call whose slope is the gradient. Products with stored weights round their activations, which has no slope: the
 * gradient is that of the product with the decoded weights.
 */
function smooth(c: Case): Case {
  const scalesAt = placeOfScales[c.op];
  const w = c.inputs[1];
  if (scalesAt === undefined || !w || !isBlockType(w.dtype)) return c;
  const scales = c.inputs[scalesAt] ?? null;
  const width = w.shape.at(-1) as number;
  const data = new Float64Array(numElements(w.shape));
  const ids = Float64Array.from({ length: data.length / width }, (_, i) => i);
  const rows = { shape: [ids.length, width], dtype: "f32" as const, data };
  specOf("storedRows").reference([w, scales, { shape: [ids.length], dtype: "i32", data: ids }], [rows], {});
  return { ...c, inputs: c.inputs.map((x, i) => (i === 1 ? { ...rows, shape: w.shape } : i === scalesAt ? null : x)) };
}

/** Σ upstream·output of the f64 reference, with input `index` replaced. */
function objective(given: Case, upstream: readonly (HostOperand | null)[], index: number, data: Float64Array): number {
  const c = smooth(given);
  const inputs = c.inputs.map((x, i) => (x && i === index ? { ...x, data } : x));
  let sum = 0;
  referenceOf({ ...c, inputs }).outputs.forEach((o, i) => {
    const weights = upstream[i];
    if (weights) for (let j = 0; j < o.data.length; j++) sum += o.data[j] * weights.data[j];
  });
  return sum;
}

const step = 1e-5;
/** The derivative of the objective along `direction`. */
function slope(
  c: Case,
  upstream: readonly (HostOperand | null)[],
  index: number,
  direction: ArrayLike<number>,
): number {
  const x = c.inputs[index] as HostOperand;
  const at = (sign: number) =>
    objective(
      c,
      upstream,
      index,
      x.data.map((v, i) => v + sign * step * direction[i]),
    );
  return (at(1) - at(-1)) / (2 * step);
}

/** Single coordinates (all of them in a small operand) and dense random directions, which no wrong entry escapes. */
function directions(size: number, label: string): Float64Array[] {
  const numCoordinates = Math.min(size, 12);
  const coordinates = Array.from({ length: numCoordinates }, (_, i) => {
    const d = new Float64Array(size);
    d[Math.floor((i * size) / numCoordinates)] = 1;
    return d;
  });
  return [...coordinates, ...[0, 1, 2].map((i) => normals(size, `${label} direction ${i}`))];
}

/** Gradients pass through bf16 where an operand, the output or the multiplication does. */
function toleranceOf(c: Case): number {
  const coarse =
    c.params.compute === "bf16" || [...c.inputs, ...referenceOf(c).outputs].some((x) => x?.dtype === "bf16");
  return coarse ? 1.6e-2 : 1e-4;
}

/**
 * Fails unless every gradient that `backend` gives for the case is the slope of its reference, and no device memory
 * stays behind.
 */
export async function checkGradient(backend: Backend, c: Case): Promise<void> {
  setDefaultDevice(new Device(backend));
  const upstream = upstreamOf(c);
  const gradients = await tapeGradients(c, upstream, { times: 1, on: "parameters" });
  expect(defaultDevice().memory().liveBuffers, `${c.op} (${c.label}) leaves device memory behind`).toBe(0);
  for (const [index, wants] of wanted(c).entries()) {
    if (!wants) continue;
    const { data } = c.inputs[index] as HostOperand;
    const gradient = gradients[index] ?? new Float64Array(data.length);
    const norm = Math.sqrt(Array.from(gradient, (g) => g * g).reduce((a, b) => a + b, 0));
    for (const direction of directions(data.length, `${c.op} ${c.id} ${index}`)) {
      const expected = expectedSlope(c, upstream, index, direction);
      const got = direction.reduce((sum, d, i) => sum + d * gradient[i], 0);
      // The norm is what a random direction sees on average, and a bound for a coordinate.
      const scale = Math.max(norm, Math.abs(expected), 1e-3);
      expect(
        Math.abs(got - expected) / scale,
        `gradient of input ${index} of ${c.op} (${c.label}): ${got}, expected ${expected}`,
      ).toBeLessThan(toleranceOf(c));
    }
  }
}

/**
 * Fails unless three uses of the operands give three times the gradient of one, in parameters and in activations,
 * whatever is added in place.
 */
export async function checkAccumulation(backend: Backend, c: Case): Promise<void> {
  setDefaultDevice(new Device(backend));
  const upstream = upstreamOf(c);
  const once = await tapeGradients(c, upstream, { times: 1, on: "parameters" });
  const tolerance = toleranceOf(c) > 1e-3 ? 1.6e-2 : 1e-5;
  for (const on of ["parameters", "activations"] as const) {
    const thrice = await tapeGradients(c, upstream, { times: 3, on });
    for (const [i, gradient] of thrice.entries()) {
      expect(gradient === null, `whether input ${i} of ${c.op} gets a gradient`).toBe(once[i] === null);
      if (gradient)
        expect(
          relativeError(
            gradient,
            Array.from(once[i] as ArrayLike<number>, (g) => 3 * g),
          ),
          `${on}, input ${i} of ${c.op} (${c.label})`,
        ).toBeLessThan(tolerance);
    }
  }
  expect(defaultDevice().memory().liveBuffers, `${c.op} (${c.label}) leaves device memory behind`).toBe(0);
}

const slopes = new Map<string, number>();
/** `slope`, computed once for all backends. */
function expectedSlope(
  c: Case,
  upstream: readonly (HostOperand | null)[],
  index: number,
  direction: Float64Array,
): number {
  const key = `${c.op} ${c.id} ${index} ${direction.findIndex((d) => d !== 0)} ${direction[0]} ${direction.at(-1)}`;
  const value = slopes.get(key) ?? slope(c, upstream, index, direction);
  slopes.set(key, value);
  return value;
}

/**
 * The cases with a gradient: the fused loss has one only when asked for it, and a finite difference needs numbers to
 * move.
 */
export function gradientCases(op: OpName): Case[] {
  return declaredCases(op)
    .map((c) =>
      "withGrad" in c.params ? { ...c, params: { ...c.params, withGrad: true, ofWeight: hasGradient(c) } } : c,
    )
    .map((c) => ({ ...c, inputs: c.inputs.map(copyOf) }))
    .filter((c) => wanted(c).some(Boolean) && allFinite(c));
}
