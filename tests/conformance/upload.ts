// Operands on a device: what is uploaded there, read back, and how a backend that keeps paged caches in an order of its
// own lays them out. Knows no op.
import type { CacheRole } from "../../src/tensor/backend.js";
import { type Device, defaultDevice } from "../../src/tensor/device.js";
import { dtypeBytes, encodeBytes } from "../../src/tensor/dtype.js";
import { emptyPacked, fromBytes } from "../../src/tensor/engine.js";
import { numElements, type Tensor, type TensorSpec } from "../../src/tensor/tensor.js";
import type { HostOperand } from "./values.js";

type Placed = TensorSpec & { readonly role?: CacheRole };

/** Whether a device keeps the operand in an order of its own. */
export const isArranged = ({ role }: Placed, device: Device): boolean =>
  role !== undefined && device.backend.caches !== undefined;

/**
 * Where the numbers of a cache [blocks,H,64,D] lie in the native kernels' order, by their place row by row: keys are
 * turned, and in bf16 two neighbours of the summed dimension lie side by side.
 */
function* nativeOrder({ shape, dtype, role }: Placed): Generator<number> {
  const [blocks, heads, tokens, width] = shape;
  const pair = dtype === "bf16" ? 2 : 1;
  for (let head = 0; head < blocks * heads; head++)
    for (let t = 0; t < tokens; t++)
      for (let d = 0; d < width; d++) {
        const [summed, other, others] = role === "keys" ? [d, t, tokens] : [t, d, width];
        const at = (Math.floor(summed / pair) * others + other) * pair + (summed % pair);
        yield head * tokens * width + at;
      }
}

/** An operand's bytes as the device holds them. */
export function deviceBytes(x: HostOperand, device: Device = defaultDevice()): Uint8Array {
  if (!isArranged(x, device)) return encodeBytes(x.data, x.dtype);
  const data = new Float64Array(x.data.length);
  let from = 0;
  for (const to of nativeOrder(x)) data[to] = x.data[from++];
  return encodeBytes(data, x.dtype);
}

/** An operand's bytes row by row, from those that the device holds. */
export function rowBytes(x: Placed, bytes: Uint8Array, device: Device = defaultDevice()): Uint8Array {
  if (!isArranged(x, device)) return bytes;
  const size = dtypeBytes[x.dtype];
  const rows = new Uint8Array(numElements(x.shape) * size);
  let to = 0;
  for (const from of nativeOrder(x)) rows.set(bytes.subarray(from * size, (from + 1) * size), size * to++);
  return rows;
}

/** The operand on a device; owned by the current scope. */
export function upload(x: HostOperand, device: Device = defaultDevice()): Tensor {
  const bytes = deviceBytes(x, device);
  if (!isArranged(x, device)) return fromBytes(bytes, x.shape, x.dtype, device);
  const t = emptyPacked(x.shape, x.dtype, bytes.byteLength, device);
  device.backend.write(t.storage.buffer, t.byteOffset, bytes);
  return t;
}

/** The bytes of a tensor in whatever order they lie. */
export const bytesOnDevice = (t: Tensor): Promise<Uint8Array> =>
  t.device.backend.read(t.storage.buffer, t.byteOffset, t.sizeBytes);
