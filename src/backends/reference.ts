// The reference backend: plain TypeScript, every kernel is the op's own specification. Slow, and right by definition.
import { BackendError } from "../errors.js";
import type { DeviceBuffer, Operand } from "../tensor/backend.js";
import { decodeBytes, encodeBytes } from "../tensor/dtype.js";
import type { HostView, IndexRule, OpSpec } from "../tensor/op.js";
import { type CompleteBackend, type KernelTable, ops } from "../tensor/ops/index.js";

interface HostBuffer extends DeviceBuffer {
  readonly bytes: Uint8Array;
}

const bytesOf = (t: Operand) =>
  (t.storage.buffer as HostBuffer).bytes.subarray(t.byteOffset, t.byteOffset + t.sizeBytes);

/** Parts of files need not lie where typed arrays may begin: those are copied, for nothing is ever written to them. */
function viewOf(t: Operand): HostView {
  const bytes = bytesOf(t);
  const isAligned = t.dtype === "u8" || bytes.byteOffset % 4 === 0;
  return { shape: t.shape, dtype: t.dtype, data: decodeBytes(isAligned ? bytes : bytes.slice(), t.dtype) };
}

/** 16-bit floats were converted on the way in: writes must be converted back. */
function writeBack(t: Operand, view: HostView): void {
  if (t.dtype === "bf16") bytesOf(t).set(encodeBytes(view.data, "bf16"));
}

/** The checks of the native kernels' indexes.cpp. */
function checkIndexes(op: string, operand: HostView | null, rule: IndexRule): void {
  if (!operand || "unchecked" in rule) return;
  const { data } = operand;
  if ("below" in rule) {
    const { from = 0, below } = rule;
    const wrong = data.findIndex((index) => index < from || index >= below);
    if (wrong >= 0)
      throw new BackendError(`${op}: expected indexes in [${from}, ${below}), got ${data[wrong]} at position ${wrong}`);
    return;
  }
  const { risesTo, within = false } = rule;
  const [first = -1, last = -1] = [data[0], data[data.length - 1]];
  const ends = within ? first >= 0 && last <= risesTo : first === 0 && last === risesTo;
  if (!ends || data.some((offset, i) => i > 0 && offset < data[i - 1]))
    throw new BackendError(
      `${op}: expected offsets that never fall, ${within ? "within" : "from"} 0 to ${risesTo}, got ${first} to ${last}`,
    );
}

function runReference(
  op: OpSpec<unknown>,
  inputs: readonly (Operand | null)[],
  outputs: readonly Operand[],
  params: unknown,
): void {
  const inputViews = inputs.map((t) => t && viewOf(t));
  const outputViews = outputs.map(viewOf);
  for (const rule of op.indexes?.(inputs, params) ?? []) checkIndexes(op.name, inputViews[rule.input], rule);
  op.reference(inputViews, outputViews, params);
  outputs.forEach((t, i) => {
    writeBack(t, outputViews[i]);
  });
  for (const i of op.mutates ?? []) {
    const [t, view] = [inputs[i], inputViews[i]];
    if (t && view) writeBack(t, view);
  }
}

function kernelTable(): KernelTable {
  const entries = Object.entries(ops).map(([name, op]) => {
    const kernel = (inputs: readonly (Operand | null)[], outputs: readonly Operand[], params: unknown) =>
      runReference(op as OpSpec<unknown>, inputs, outputs, params);
    return [name, kernel] as const;
  });
  return Object.fromEntries(entries) as unknown as KernelTable;
}

/** A backend that runs every op's reference on host memory. */
export function createReferenceBackend(): CompleteBackend {
  return {
    name: "reference",
    description: "plain TypeScript, one thread",
    kernels: kernelTable(),
    allocate: (sizeBytes): HostBuffer => ({ sizeBytes, bytes: new Uint8Array(sizeBytes) }),
    release: () => {},
    write: (buffer, offset, bytes) => (buffer as HostBuffer).bytes.set(bytes, offset),
    copy: (from, fromOffset, to, toOffset, size) =>
      (to as HostBuffer).bytes.set((from as HostBuffer).bytes.subarray(fromOffset, fromOffset + size), toOffset),
    read: async (buffer, offset, size) => (buffer as HostBuffer).bytes.slice(offset, offset + size),
  };
}
