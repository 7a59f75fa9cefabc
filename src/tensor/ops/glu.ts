// Gated linear units: an activation of one half of the columns times the other half (Shazeer 2020, "GLU variants
// improve transformer").
import { exp, tanh } from "../../elementary.js";
import { dispatch } from "../engine.js";
import { checkShape, type OpSpec } from "../op.js";
import type { Tensor } from "../tensor.js";
import { streamCost } from "./elementwise.js";

/** What the gate goes through; the order is how native kernels number them. */
export const gluActivations = ["silu", "gelu_tanh"] as const;
/** An activation of a gate: x·sigmoid(x), or GELU by its tanh formula (Hendrycks & Gimpel 2016). */
export type GluActivation = (typeof gluActivations)[number];

const sigmoid = (x: number) => 1 / (1 + exp(-x));
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;
const geluTanh = (x: number) => tanh(GELU_SCALE * (x + GELU_CUBIC * x * x * x));

const activated: Readonly<Record<GluActivation, (x: number) => number>> = {
  silu: (x) => x * sigmoid(x),
  gelu_tanh: (x) => 0.5 * x * (1 + geluTanh(x)),
};
const activationSlope: Readonly<Record<GluActivation, (x: number) => number>> = {
  silu: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  gelu_tanh: (x) => {
    const t = geluTanh(x);
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x);
  },
};

/** y = activation(gate)·up for gateUp [rows, 2·width] = [gate | up]. */
export const gluOp: OpSpec<{ activation: GluActivation }> = {
  name: "glu",
  infer: ([x]) => {
    checkShape(x!.shape.length === 2 && x!.shape[1] % 2 === 0, "glu", "[rows, 2*width]", x);
    return [{ shape: [x!.shape[0], x!.shape[1] / 2], dtype: x!.dtype }];
  },
  reference: ([x], [y], { activation }) => {
    const [rows, width] = y.shape;
    for (let r = 0; r < rows; r++)
      for (let j = 0; j < width; j++) {
        const gate = x!.data[r * 2 * width + j];
        y.data[r * width + j] = activated[activation](gate) * x!.data[r * 2 * width + width + j];
      }
  },
  cost: (i, o) => streamCost(8, i, o),
  saves: { inputs: [0] },
  vjp: (c, [dy]) => [dy && dispatch(gluBackwardOp, [c.input(0), dy], c.params)[0]],
};
/** Gradient of `glu` with respect to [gate | up]. */
export const gluBackwardOp: OpSpec<{ activation: GluActivation }> = {
  name: "gluBackward",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  reference: ([x, dy], [dx], { activation }) => {
    const [rows, width] = dy!.shape;
    for (let r = 0; r < rows; r++)
      for (let j = 0; j < width; j++) {
        const gate = x!.data[r * 2 * width + j];
        const up = x!.data[r * 2 * width + width + j];
        const g = dy!.data[r * width + j];
        dx.data[r * 2 * width + j] = g * up * activationSlope[activation](gate);
        dx.data[r * 2 * width + width + j] = g * activated[activation](gate);
      }
  },
  cost: (i, o) => streamCost(12, i, o),
};
/** activation(gate)·up of [gate | up]; see `gluOp`. */
export const glu = (activation: GluActivation, gateUp: Tensor): Tensor => dispatch(gluOp, [gateUp], { activation })[0];
/** silu(gate)·up of [gate | up]. */
export const swiglu = (gateUp: Tensor): Tensor => glu("silu", gateUp);
