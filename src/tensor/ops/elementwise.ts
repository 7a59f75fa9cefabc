// Elementwise ops: casts, sums, activations, copies between widths. Gradients are ops of their own.
import { exp, log, tanh } from "../../elementary.js";
import type { Device } from "../device.js";
import { type DType, dtypeBytes } from "../dtype.js";
import { dispatch } from "../engine.js";
import { type Cost, checkShape, type OpSpec } from "../op.js";
import { numElements, type Tensor, type TensorSpec } from "../tensor.js";

const f32 = (shape: readonly number[]): TensorSpec => ({ shape, dtype: "f32" });
const sameSize = (a: TensorSpec, b: TensorSpec) => numElements(a.shape) === numElements(b.shape);

/** Cost of a memory-bound op: `flopsPerElement` per output element, every operand moved once. */
export function streamCost(
  flopsPerElement: number,
  inputs: readonly (TensorSpec | null)[],
  outputs: readonly TensorSpec[],
): Cost {
  return { flops: flopsPerElement * numElements(outputs[0].shape), bytes: bytesOf(inputs) + bytesOf(outputs) };
}

function bytesOf(specs: readonly (TensorSpec | null)[]): number {
  let bytes = 0;
  for (const s of specs) if (s) bytes += numElements(s.shape) * dtypeBytes[s.dtype];
  return bytes;
}

/** y = x in another element type. */
export const castOp: OpSpec<{ dtype: DType }> = {
  name: "cast",
  indexes: () => [{ input: 0, unchecked: "numbers" }],
  infer: ([x], { dtype }) => [{ shape: (x as TensorSpec).shape, dtype }],
  reference: ([x], [y]) => y.data.set(x!.data),
  cost: (i, o) => streamCost(0, i, o),
  vjp: (c, [dy]) => [dy && cast(dy, c.inputSpec(0).dtype)],
};
/** x in element type `dtype`. */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : dispatch(castOp, [x], { dtype })[0]);

/** Parameters of `addScaled`: y = alpha*a + beta*b in element type `dtype`. */
export interface AddScaledParams {
  alpha: number;
  beta: number;
  dtype: DType;
}
/** y = alpha*a + beta*b. */
export const addScaledOp: OpSpec<AddScaledParams> = {
  name: "addScaled",
  infer: ([a, b], { dtype }) => {
    checkShape(!!a && !!b && sameSize(a, b), "addScaled", "two operands of one shape", a, b);
    return [{ shape: a.shape, dtype }];
  },
  reference: ([a, b], [y], { alpha, beta }) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = alpha * a!.data[i] + beta * b!.data[i];
  },
  cost: (i, o) => streamCost(3, i, o),
  vjp: (c, [dy]) => [
    dy && c.wants(0) ? scaled(dy, c.params.alpha, c.inputSpec(0).dtype) : null,
    dy && c.wants(1) ? scaled(dy, c.params.beta, c.inputSpec(1).dtype) : null,
  ],
};
/** alpha*a + beta*b, in the type of `a` unless told otherwise. */
export const addScaled = (a: Tensor, b: Tensor, alpha: number, beta: number, dtype: DType = a.dtype): Tensor =>
  dispatch(addScaledOp, [a, b], { alpha, beta, dtype })[0];
/** a + b, in the type of `a`. */
export const add = (a: Tensor, b: Tensor): Tensor => addScaled(a, b, 1, 1);

/** y = factor*x for a host number. */
export const scaleOp: OpSpec<{ factor: number; dtype: DType }> = {
  name: "scale",
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  reference: ([x], [y], { factor }) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = factor * x!.data[i];
  },
  cost: (i, o) => streamCost(1, i, o),
  vjp: (c, [dy]) => [dy && scaled(dy, c.params.factor, c.inputSpec(0).dtype)],
};
/** factor*x, in the type of x. */
export const scale = (x: Tensor, factor: number): Tensor => scaled(x, factor, x.dtype);
function scaled(x: Tensor, factor: number, dtype: DType): Tensor {
  return factor === 1 ? cast(x, dtype) : dispatch(scaleOp, [x], { factor, dtype })[0];
}

/** y = x * factor[0] with the factor on the device: no read is needed. The factor gets no gradient. */
export const scaleByOp: OpSpec<{ dtype: DType }> = {
  name: "scaleBy",
  infer: ([x, factor], { dtype }) => {
    checkShape(
      numElements(factor!.shape) === 1 && factor!.dtype === "f32",
      "scaleBy",
      "x and a one-element f32 factor",
      x,
      factor,
    );
    return [{ shape: x!.shape, dtype }];
  },
  reference: ([x, factor], [y]) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = x!.data[i] * factor!.data[0];
  },
  cost: (i, o) => streamCost(1, i, o),
  saves: { inputs: [1] },
  vjp: (c, [dy]) => [dy && dispatch(scaleByOp, [dy, c.input(1)], { dtype: c.inputSpec(0).dtype })[0], null],
};
/** x * factor[0], in the type of x. */
export const scaleBy = (x: Tensor, factor: Tensor): Tensor => dispatch(scaleByOp, [x, factor], { dtype: x.dtype })[0];

/** As `scaleBy`, overwriting x; returns it. */
export const scaledInPlace = (x: Tensor, factor: Tensor): Tensor =>
  dispatch(scaleByOp, [x, factor], { dtype: x.dtype }, [x])[0];

/** Functions of one number, in the native code's order. */
export const unaryKinds = ["neg", "exp", "log", "square", "sqrt", "reciprocal", "sigmoid", "tanh", "abs"] as const;
/** Functions of one number that `unary` computes. */
export type UnaryKind = (typeof unaryKinds)[number];
const unaryValue: Record<UnaryKind, (x: number) => number> = {
  neg: (x) => -x,
  exp,
  log,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  sigmoid: (x) => 1 / (1 + exp(-x)),
  tanh,
  abs: Math.abs,
};
/** dy/dx from x and y. */
const unarySlope: Record<UnaryKind, (x: number, y: number) => number> = {
  neg: () => -1,
  exp: (_, y) => y,
  log: (x) => 1 / x,
  square: (x) => 2 * x,
  sqrt: (_, y) => 0.5 / y,
  reciprocal: (_, y) => -y * y,
  sigmoid: (_, y) => y * (1 - y),
  tanh: (_, y) => 1 - y * y,
  abs: (x) => Math.sign(x),
};
/** y = f(x) on f32. */
export const unaryOp: OpSpec<{ kind: UnaryKind }> = {
  name: "unary",
  infer: ([x]) => {
    checkShape(x!.dtype === "f32", "unary", "an f32 operand", x);
    return [f32(x!.shape)];
  },
  reference: ([x], [y], { kind }) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = unaryValue[kind](x!.data[i]);
  },
  cost: (i, o) => streamCost(4, i, o),
  saves: { inputs: [0], outputs: [0] },
  vjp: (c, [dy]) => [dy && dispatch(unaryBackwardOp, [c.input(0), c.output(0), dy], { kind: c.params.kind })[0]],
};
/** dx = f'(x)*dy from (x, y, dy). */
export const unaryBackwardOp: OpSpec<{ kind: UnaryKind }> = {
  name: "unaryBackward",
  infer: ([x]) => [f32(x!.shape)],
  reference: ([x, y, dy], [dx], { kind }) => {
    for (let i = 0; i < dx.data.length; i++) dx.data[i] = unarySlope[kind](x!.data[i], y!.data[i]) * dy!.data[i];
  },
  cost: (i, o) => streamCost(4, i, o),
};
/** f(x), elementwise. */
export const unary = (kind: UnaryKind, x: Tensor): Tensor => dispatch(unaryOp, [x], { kind })[0];

/** Functions of two numbers, in the native code's order. */
export const binaryKinds = ["add", "sub", "mul", "div", "min", "max"] as const;
/** Functions of two numbers that `binary` computes. */
export type BinaryKind = (typeof binaryKinds)[number];
const binaryValue: Record<BinaryKind, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
};
const binarySlope: Record<BinaryKind, (a: number, b: number) => [number, number]> = {
  add: () => [1, 1],
  sub: () => [1, -1],
  mul: (a, b) => [b, a],
  div: (a, b) => [1 / b, -a / (b * b)],
  min: (a, b) => (a <= b ? [1, 0] : [0, 1]),
  max: (a, b) => (a >= b ? [1, 0] : [0, 1]),
};
/** y = f(a, b) on f32 of one shape. */
export const binaryOp: OpSpec<{ kind: BinaryKind }> = {
  name: "binary",
  infer: ([a, b]) => {
    checkShape(
      sameSize(a!, b!) && a!.dtype === "f32" && b!.dtype === "f32",
      "binary",
      "two f32 operands of one shape",
      a,
      b,
    );
    return [f32(a!.shape)];
  },
  reference: ([a, b], [y], { kind }) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = binaryValue[kind](a!.data[i], b!.data[i]);
  },
  cost: (i, o) => streamCost(1, i, o),
  saves: { inputs: [0, 1] },
  vjp: (c, [dy]) =>
    dy ? dispatch(binaryBackwardOp, [c.input(0), c.input(1), dy], { kind: c.params.kind }) : [null, null],
};
/** (da, db) from (a, b, dy). */
export const binaryBackwardOp: OpSpec<{ kind: BinaryKind }> = {
  name: "binaryBackward",
  infer: ([a]) => [f32(a!.shape), f32(a!.shape)],
  reference: ([a, b, dy], [da, db], { kind }) => {
    for (let i = 0; i < da.data.length; i++) {
      const [sa, sb] = binarySlope[kind](a!.data[i], b!.data[i]);
      da.data[i] = sa * dy!.data[i];
      db.data[i] = sb * dy!.data[i];
    }
  },
  cost: (i, o) => streamCost(2, i, o),
};
/** f(a, b), elementwise. */
export const binary = (kind: BinaryKind, a: Tensor, b: Tensor): Tensor => dispatch(binaryOp, [a, b], { kind })[0];

/** y = min(max(x, lo), hi). */
export const clampOp: OpSpec<{ lo: number; hi: number }> = {
  name: "clamp",
  infer: ([x]) => [f32(x!.shape)],
  reference: ([x], [y], { lo, hi }) => {
    for (let i = 0; i < y.data.length; i++) y.data[i] = Math.min(Math.max(x!.data[i], lo), hi);
  },
  cost: (i, o) => streamCost(2, i, o),
  saves: { inputs: [0] },
  vjp: (c, [dy]) => [dy && dispatch(clampBackwardOp, [c.input(0), dy], c.params)[0]],
};
/** dx = dy where lo <= x <= hi, else 0. */
export const clampBackwardOp: OpSpec<{ lo: number; hi: number }> = {
  name: "clampBackward",
  infer: ([x]) => [f32(x!.shape)],
  reference: ([x, dy], [dx], { lo, hi }) => {
    for (let i = 0; i < dx.data.length; i++) dx.data[i] = x!.data[i] >= lo && x!.data[i] <= hi ? dy!.data[i] : 0;
  },
  cost: (i, o) => streamCost(1, i, o),
};
/** x limited to [lo, hi]. */
export const clamp = (x: Tensor, lo: number, hi: number): Tensor => dispatch(clampOp, [x], { lo, hi })[0];

/** [a | b] along the last dimension of two matrices. */
export const concatLastOp: OpSpec<Record<string, never>> = {
  name: "concatLast",
  infer: ([a, b]) => {
    checkShape(
      a!.shape.length === 2 && b!.shape.length === 2 && a!.shape[0] === b!.shape[0] && a!.dtype === b!.dtype,
      "concatLast",
      "two matrices with equal rows and type",
      a,
      b,
    );
    return [{ shape: [a!.shape[0], a!.shape[1] + b!.shape[1]], dtype: a!.dtype }];
  },
  reference: ([a, b], [y]) => {
    const [rows, wa] = a!.shape;
    const wb = b!.shape[1];
    for (let r = 0; r < rows; r++) {
      for (let j = 0; j < wa; j++) y.data[r * (wa + wb) + j] = a!.data[r * wa + j];
      for (let j = 0; j < wb; j++) y.data[r * (wa + wb) + wa + j] = b!.data[r * wb + j];
    }
  },
  cost: (i, o) => streamCost(0, i, o),
  vjp: (c, [dy]) => (dy ? dispatch(splitLastOp, [dy], { width: c.inputSpec(0).shape[1] }) : [null, null]),
};
/** The inverse of `concatLast`: columns before and from `width`. */
export const splitLastOp: OpSpec<{ width: number }> = {
  name: "splitLast",
  infer: ([x], { width }) => {
    checkShape(
      x!.shape.length === 2 && width > 0 && width < x!.shape[1],
      "splitLast",
      () => `a matrix wider than ${width}`,
      x,
    );
    return [
      { shape: [x!.shape[0], width], dtype: x!.dtype },
      { shape: [x!.shape[0], x!.shape[1] - width], dtype: x!.dtype },
    ];
  },
  reference: ([x], [a, b], { width }) => {
    const [rows, total] = x!.shape;
    for (let r = 0; r < rows; r++)
      for (let j = 0; j < total; j++) {
        const value = x!.data[r * total + j];
        if (j < width) a.data[r * width + j] = value;
        else b.data[r * (total - width) + j - width] = value;
      }
  },
  cost: (i, o) => streamCost(0, i, o),
  vjp: (c, [da, db]) => {
    const [rows, total] = c.inputSpec(0).shape;
    const { width } = c.params;
    const device = (da ?? db)?.device;
    if (!device) return [null];
    const dtype = c.inputSpec(0).dtype;
    return [
      dispatch(
        concatLastOp,
        [da ?? zeros([rows, width], dtype, device), db ?? zeros([rows, total - width], dtype, device)],
        {},
      )[0],
    ];
  },
};
/** [a | b]. */
export const concatLast = (a: Tensor, b: Tensor): Tensor => dispatch(concatLastOp, [a, b], {})[0];
/** [columns before `width`, the rest]. */
export const splitLast = (x: Tensor, width: number): [Tensor, Tensor] =>
  dispatch(splitLastOp, [x], { width }) as [Tensor, Tensor];

/** Fills a new tensor with one value. */
export const fillOp: OpSpec<{ shape: readonly number[]; dtype: DType; value: number }> = {
  name: "fill",
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  reference: (_, [y], { value }) => y.data.fill(value),
  cost: (i, o) => streamCost(0, i, o),
};
/** A tensor of zeros. */
export const zeros = (shape: readonly number[], dtype: DType = "f32", device?: Device): Tensor =>
  dispatch(fillOp, [], { shape, dtype, value: 0 }, undefined, device)[0];
/** Overwrites a tensor with one value. */
export const fillInPlace = (x: Tensor, value: number): void => {
  dispatch(fillOp, [], { shape: x.shape, dtype: x.dtype, value }, [x]);
};
