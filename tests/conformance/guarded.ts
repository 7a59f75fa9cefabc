// Tensors inside guard bytes: what a kernel writes outside its operand is seen, what it reads there is not a number.
// Knows nothing of ops.
import { type DType, storageBytes } from "../../src/tensor/dtype.js";
import { empty, writeTensor } from "../../src/tensor/engine.js";
import { numElements, Tensor } from "../../src/tensor/tensor.js";
import { bytesOnDevice, deviceBytes, isArranged, rowBytes } from "./upload.js";
import type { HostOperand } from "./values.js";

/** Guard bytes on each side; aligned to no more than an element, so a kernel that assumes more fails. */
const guardBytes: Partial<Readonly<Record<DType, number>>> = { f32: 68, bf16: 66, f16: 66, i32: 68 };
const guardBytesElse = 65;
/** Every 2- or 4-byte float of this byte is NaN. */
const pattern = 0xff;

/** A tensor with intact surroundings to watch over. Release it after use. */
export interface Guarded {
  readonly tensor: Tensor;
  /** Where guard bytes changed, as offsets from the operand's first byte; empty when all are intact. */
  damage(): Promise<number[]>;
  /** The operand's own bytes, row by row. */
  bytes(): Promise<Uint8Array>;
  release(): void;
}

/**
 * Places `operand` between guards on the current backend. Without data (an output) its bytes hold the guard pattern
 * too.
 */
export function guarded(operand: Pick<HostOperand, "shape" | "dtype" | "role"> & { data?: Float64Array }): Guarded {
  const { shape, dtype, data } = operand;
  const guard = guardBytes[dtype] ?? guardBytesElse;
  const content = data && deviceBytes({ ...operand, data });
  const sizeBytes = storageBytes(dtype, numElements(shape));
  const whole = empty([sizeBytes + 2 * guard], "u8");
  const image = new Uint8Array(sizeBytes + 2 * guard).fill(pattern);
  if (content) image.set(content, guard);
  writeTensor(whole, image);
  const tensor = new Tensor(
    whole.storage.retain(),
    whole.byteOffset + guard,
    shape,
    dtype,
    undefined,
    isArranged(operand, whole.device),
  );
  return {
    tensor,
    async damage() {
      const now = await whole.bytes();
      const before = Array.from({ length: guard }, (_, i) => i);
      const after = before.map((i) => guard + sizeBytes + i);
      return [...before, ...after].filter((i) => now[i] !== pattern).map((i) => i - guard);
    },
    bytes: async () => rowBytes(operand, await bytesOnDevice(tensor)),
    release() {
      tensor.dispose();
      whole.dispose();
    },
  };
}
