// Glue: elementwise ops to native kernels. Conversion only.

import { dropoutScale, dropoutThreshold } from "../../../tensor/ops/dropout.js";
import { binaryKinds, unaryKinds } from "../../../tensor/ops/elementwise.js";
import { type GluActivation, gluActivations } from "../../../tensor/ops/glu.js";
import type { KernelTable } from "../../../tensor/ops/index.js";
import { addressOf, operandsOf, typeCode } from "../operands.js";
import type { NativeAddon } from "../signatures.js";

type Names =
  | "cast"
  | "addScaled"
  | "scale"
  | "scaleBy"
  | "unary"
  | "unaryBackward"
  | "binary"
  | "binaryBackward"
  | "clamp"
  | "clampBackward"
  | "dropout"
  | "glu"
  | "gluBackward"
  | "fill";

const addScaled = operandsOf("addScaled");
const scale = operandsOf("scale");
const scaleBy = operandsOf("scaleBy");
const unary = operandsOf("unary");
const binary = operandsOf("binary");
const clamp = operandsOf("clamp");
const dropped = operandsOf("dropout");
const gated = operandsOf("glu");

const kindOf = (activation: GluActivation): number => gluActivations.indexOf(activation);

/** The kernels of elementwise maths, casts and fills, bound to a loaded addon. */
export function elementwiseKernels(addon: NativeAddon): Pick<KernelTable, Names> {
  return {
    // The kernel itself refuses the conversions it does not have.
    cast: ([x], [y]) => addon.cast(addressOf(x), typeCode(x), addressOf(y), typeCode(y), y.size),
    fill: (_, [y], { value }) => addon.fill(addressOf(y), typeCode(y), y.size, value),
    addScaled: ([a, b], [y], { alpha, beta }) =>
      addon.addScaled(
        addScaled.float(a),
        typeCode(a),
        addScaled.float(b),
        typeCode(b),
        addScaled.float(y),
        typeCode(y),
        y.size,
        alpha,
        beta,
      ),
    scale: ([x], [y], { factor }) =>
      addon.scale(scale.float(x), typeCode(x), scale.float(y), typeCode(y), y.size, factor),
    scaleBy: ([x, factor], [y]) =>
      addon.scaleBy(scaleBy.float(x), typeCode(x), scaleBy.f32(factor), scaleBy.float(y), typeCode(y), y.size),
    unary: ([x], [y], { kind }) => addon.unary(unaryKinds.indexOf(kind), unary.f32(x), unary.f32(y), y.size),
    unaryBackward: ([x, y, dy], [dx], { kind }) =>
      addon.unaryBackward(unaryKinds.indexOf(kind), unary.f32(x), unary.f32(y), unary.f32(dy), unary.f32(dx), dx.size),
    binary: ([a, b], [y], { kind }) =>
      addon.binary(binaryKinds.indexOf(kind), binary.f32(a), binary.f32(b), binary.f32(y), y.size),
    binaryBackward: ([a, b, dy], [da, db], { kind }) =>
      addon.binaryBackward(
        binaryKinds.indexOf(kind),
        binary.f32(a),
        binary.f32(b),
        binary.f32(dy),
        binary.f32(da),
        binary.f32(db),
        da.size,
      ),
    clamp: ([x], [y], { lo, hi }) => addon.clampForward(clamp.f32(x), clamp.f32(y), y.size, lo, hi),
    clampBackward: ([x, dy], [dx], { lo, hi }) =>
      addon.clampBackward(clamp.f32(x), clamp.f32(dy), clamp.f32(dx), dx.size, lo, hi),
    dropout: ([x], [y], { rate, key0, key1 }) =>
      addon.dropout(
        addressOf(x),
        addressOf(y),
        dropped.common(x, y),
        y.size,
        key0,
        key1,
        dropoutThreshold(rate),
        dropoutScale(rate),
      ),
    glu: ([x], [y], { activation }) =>
      addon.glu(kindOf(activation), addressOf(x), addressOf(y), gated.common(x, y), y.shape[0], y.shape[1]),
    gluBackward: ([x, dy], [dx], { activation }) =>
      addon.gluBackward(
        kindOf(activation),
        addressOf(x),
        addressOf(dy),
        addressOf(dx),
        gated.common(x, dy, dx),
        dy!.shape[0],
        dy!.shape[1],
      ),
  };
}
