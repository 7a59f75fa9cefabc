// From tensors to what kernels take: addresses and type codes, after checking that the kernel knows the element type.
// Knows nothing of any kernel's formula.
import { BackendError } from "../../errors.js";
import type { DeviceBuffer, Operand } from "../../tensor/backend.js";
import type { DType } from "../../tensor/dtype.js";
import type { Address, TypeCode } from "./signatures.js";

/** Memory of the native backend. */
export interface NativeBuffer extends DeviceBuffer {
  readonly address: Address;
}

type MaybeOperand = Operand | null | undefined;

const codes: Readonly<Record<DType, TypeCode>> = {
  f32: 0,
  bf16: 1,
  f16: 2,
  i32: 3,
  u8: 4,
  q8_0: 5,
  q4_0: 6,
  q4_k: 7,
  q5_k: 8,
  q6_k: 9,
  e4m3: 10,
  q4_1: 11,
  q5_0: 12,
  q5_1: 13,
  iq4_nl: 14,
  mxfp4: 15,
  q2_k: 16,
  q3_k: 17,
  iq4_xs: 18,
};

/** The kernels' number for an element type. */
export const codeOf = (dtype: DType): TypeCode => codes[dtype];

/** The kernels' number for the element type; 0 for an absent operand. */
export const typeCode = (t: MaybeOperand): TypeCode => (t ? codes[t.dtype] : 0);

/** Where the numbers lie; 0 for an absent operand. */
export const addressOf = (t: MaybeOperand): Address =>
  t ? (t.storage.buffer as NativeBuffer).address + t.byteOffset : 0;

function checked(op: string, t: MaybeOperand, allowed: readonly DType[]): Address {
  if (t && !allowed.includes(t.dtype))
    throw new BackendError(
      `${op}: the native kernel expects ${allowed.join(" or ")} here, got ${t.dtype}[${t.shape}]: cast it first`,
    );
  return addressOf(t);
}

/** Checked addresses for the operands of one op; an absent operand gives 0. */
export interface Operands {
  f32(t: MaybeOperand): Address;
  bf16(t: MaybeOperand): Address;
  i32(t: MaybeOperand): Address;
  /** f32 or bf16: goes with its type code. */
  float(t: MaybeOperand): Address;
  /** The one type code, f32 or bf16, of operands that must agree. */
  common(...tensors: readonly MaybeOperand[]): TypeCode;
}

const f32: readonly DType[] = ["f32"];
const bf16: readonly DType[] = ["bf16"];
const i32: readonly DType[] = ["i32"];
const float: readonly DType[] = ["f32", "bf16"];

/** Access to the operands of the op named `op`, whose name its errors carry. */
export function operandsOf(op: string): Operands {
  return {
    f32: (t) => checked(op, t, f32),
    bf16: (t) => checked(op, t, bf16),
    i32: (t) => checked(op, t, i32),
    float: (t) => checked(op, t, float),
    common(...tensors) {
      const present = tensors.filter((t) => t != null);
      for (const t of present) checked(op, t, float);
      const [first] = present;
      if (present.some((t) => t.dtype !== first.dtype)) {
        throw new BackendError(
          `${op}: the native kernel expects operands of one type, got ` +
            `${present.map((t) => `${t.dtype}[${t.shape}]`).join(", ")}: cast to one`,
        );
      }
      return typeCode(first);
    },
  };
}
