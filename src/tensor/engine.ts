// The eager engine: dispatches ops to their operands' device, owns the scopes. Knows nothing of particular ops, models
// or files. Scope and tape cover what one synchronous call makes, so that nothing that runs between two awaits can fall
// into another's.

import { assert, BackendError, ShapeError, TrainingError } from "../errors.js";
import type { FileMapper, Kernel, Unsupported } from "./backend.js";
import { type Device, defaultDevice } from "./device.js";
import { type DType, dtypeBytes, encodeBytes, isBlockType, type ScalarType, storageBytes } from "./dtype.js";
import type { OpSpec } from "./op.js";
import { numElements, Storage, Tensor, type TensorSpec } from "./tensor.js";

let currentScope: Set<Tensor> | null = null;

/** Sees every op after its kernel was enqueued. */
export interface Recorder {
  see<P>(op: OpSpec<P>, inputs: readonly (Tensor | null)[], outputs: readonly Tensor[], params: P): void;
}
let recorder: Recorder | null = null;

/** Runs `body` while `next` (the tape) sees the ops, or nobody. */
export function recordingTo<R>(next: Recorder | null, body: () => R): R {
  const outer = recorder;
  recorder = next;
  try {
    return body();
  } finally {
    recorder = outer;
  }
}

/** Who sees the ops now. */
export const currentRecorder = (): Recorder | null => recorder;

/** Whether a tape sees the ops. */
export function isRecording(): boolean {
  return recorder !== null;
}

function adopt(tensor: Tensor): Tensor {
  if (currentScope) {
    currentScope.add(tensor);
    tensor.owner = currentScope;
  }
  return tensor;
}

/** An uninitialised tensor owned by the current scope. */
export function empty(shape: readonly number[], dtype: DType, device = defaultDevice()): Tensor {
  return adopt(new Tensor(allocate(storageBytes(dtype, numElements(shape)), device), 0, shape, dtype));
}

/** As `empty`, for numbers in the backend's own order (packing.ts), which takes `sizeBytes`. */
export function emptyPacked(
  shape: readonly number[],
  dtype: DType,
  sizeBytes: number,
  device = defaultDevice(),
): Tensor {
  return adopt(new Tensor(allocate(sizeBytes, device), 0, shape, dtype, undefined, true));
}

const allocate = (sizeBytes: number, device: Device): Storage =>
  new Storage(device, device.pool.acquire(sizeBytes), device.pool);

/** A tensor holding the given numbers, rounded to `dtype`. */
export function tensor(
  values: ArrayLike<number>,
  shape: readonly number[],
  dtype: ScalarType = "f32",
  device = defaultDevice(),
): Tensor {
  if (values.length !== numElements(shape))
    throw new ShapeError(`tensor: ${values.length} values do not fill shape [${shape}]`);
  return fromBytes(encodeBytes(values, dtype), shape, dtype, device);
}

/** A tensor holding the given device bytes. */
export function fromBytes(bytes: Uint8Array, shape: readonly number[], dtype: DType, device = defaultDevice()): Tensor {
  const out = empty(shape, dtype, device);
  if (bytes.byteLength !== out.sizeBytes)
    throw new ShapeError(`fromBytes: ${bytes.byteLength} bytes do not fill ${dtype}[${shape}]`);
  writeTensor(out, bytes);
  return out;
}

/** Overwrites a tensor's bytes. */
export function writeTensor(target: Tensor, bytes: Uint8Array): void {
  assert(bytes.byteLength === target.sizeBytes, "writeTensor: size differs");
  target.device.backend.write(target.storage.buffer, target.byteOffset, bytes);
}

/**
 * A second handle with its own id on (a contiguous part of) the same memory, owned by the current scope. The tape does
 * not see it: what is being differentiated is refused (`reshape` is the view with a gradient). Numbers stored in blocks
 * are cut between rows only.
 */
export function alias(source: Tensor, shape: readonly number[], elementOffset = 0): Tensor {
  refuseCut("alias", source);
  return unrecordedAlias(source, shape, elementOffset);
}

function refuseCut(what: string, source: Tensor): void {
  if (recorder && source.requiresGrad)
    throw new TrainingError(
      `${what}: the gradient of [${source.shape}] would end here; run it under noGrad if that is intended`,
    );
}

/** As `alias`, for who records it. */
export function unrecordedAlias(source: Tensor, shape: readonly number[], elementOffset = 0): Tensor {
  assert(!source.isPacked, () => `alias of packed tensor [${source.shape}]`);
  const byteOffset = source.byteOffset + elementOffset * dtypeBytes[source.dtype];
  assert(
    elementOffset + numElements(shape) <= source.size,
    () => `alias [${shape}] at ${elementOffset} leaves tensor [${source.shape}]`,
  );
  assert(
    !isBlockType(source.dtype) || cutsBetweenRows(source, shape, elementOffset),
    () => `alias [${shape}] at ${elementOffset} cuts rows of ${source.dtype}`,
  );
  return adopt(new Tensor(source.storage.retain(), byteOffset, shape, source.dtype));
}

function cutsBetweenRows(source: TensorSpec, shape: readonly number[], elementOffset: number): boolean {
  const width = source.shape.at(-1) ?? 1;
  return shape.at(-1) === width && elementOffset % width === 0;
}

/**
 * A file's first `sizeBytes` as a tensor u8 [sizeBytes] that lies in the file itself; owned by the current scope. The
 * mapping ends with the last tensor on it. The file must have that size and keep it meanwhile. Throws BackendError
 * where the device maps no files (`backend.files`).
 */
export function mapFile(path: string, sizeBytes: number, device = defaultDevice()): Tensor {
  const files = mapperOf(device);
  const storage = new Storage(device, files.map(path, sizeBytes), { giveBack: (mapping) => files.unmap(mapping) });
  return adopt(new Tensor(storage, 0, [sizeBytes], "u8"));
}

function mapperOf({ backend }: Device): FileMapper {
  if (!backend.files)
    throw new BackendError(`the ${backend.name} backend maps no files: read the file and call fromBytes`);
  return backend.files;
}

/** A part of a tensor of bytes (a mapped file) read as another type; owned by the current scope. */
export function bytesAs(source: Tensor, byteOffset: number, shape: readonly number[], dtype: DType): Tensor {
  const sizeBytes = storageBytes(dtype, numElements(shape));
  assert(source.dtype === "u8", "bytesAs: expected a tensor of bytes");
  assert(
    byteOffset >= 0 && byteOffset + sizeBytes <= source.size,
    () => `bytesAs: ${dtype}[${shape}] at ${byteOffset} leaves [${source.shape}]`,
  );
  return adopt(new Tensor(source.storage.retain(), source.byteOffset + byteOffset, shape, dtype));
}

/** A part of a packed tensor that is packed alike, from byte `byteOffset` on; owned by the current scope. */
export function packedSlice(source: Tensor, shape: readonly number[], byteOffset: number): Tensor {
  assert(source.isPacked, "packedSlice: expected a packed tensor");
  return adopt(
    new Tensor(source.storage.retain(), source.byteOffset + byteOffset, shape, source.dtype, undefined, true),
  );
}

/** Copies a tensor's bytes into `target` from byte `byteOffset` on: how stored parts are stacked into one weight. */
export function copyBytes(source: Tensor, target: Tensor, byteOffset: number): void {
  assert(
    byteOffset + source.sizeBytes <= target.sizeBytes,
    () => `copyBytes: [${source.shape}] at byte ${byteOffset} leaves [${target.shape}]`,
  );
  refuseMixed("copyBytes", source.device, target.device);
  refuseCut("copyBytes", source);
  source.device.backend.copy(
    source.storage.buffer,
    source.byteOffset,
    target.storage.buffer,
    target.byteOffset + byteOffset,
    source.sizeBytes,
  );
}

/**
 * A handle with a shape and no numbers, which no op reads: stands where numbers kept elsewhere belong. Owned by the
 * current scope.
 */
export function placeholder(shape: readonly number[], dtype: DType, device = defaultDevice()): Tensor {
  return adopt(new Tensor(allocate(0, device), 0, shape, dtype, undefined, true));
}

/** Says that a tensor in a mapped file will be read soon (`prefetch`) or not for a while (`drop`). */
export function adviseMapped(t: Tensor, advice: "prefetch" | "drop"): void {
  mapperOf(t.device)[advice](t.storage.buffer, t.byteOffset, t.sizeBytes);
}

/**
 * Runs `body`, which must not wait, and disposes every tensor made inside but those it returns (found in arrays and
 * plain objects).
 */
export function scope<R>(body: () => R): R {
  const outer = currentScope;
  const own = new Set<Tensor>();
  try {
    const result = inside(own, body);
    assert(!(result instanceof Promise), "scope: the body waits: use scopeAsync");
    hand(result, own, outer);
    return result;
  } finally {
    for (const t of [...own]) t.dispose();
  }
}

/**
 * `scope` for a body that makes tensors and then waits, for their values say: what it makes before it first waits lives
 * until it has ended. What it makes later, when others run too, it disposes itself. Tensors returned are the caller's
 * to dispose.
 */
export async function scopeAsync<R>(body: () => Promise<R>): Promise<R> {
  const own = new Set<Tensor>();
  try {
    const result = await inside(own, body);
    hand(result, own, null);
    return result;
  } finally {
    for (const t of [...own]) t.dispose();
  }
}

function inside<R>(own: Set<Tensor>, body: () => R): R {
  const outer = currentScope;
  currentScope = own;
  try {
    return body();
  } finally {
    currentScope = outer;
  }
}

/** Takes tensors out of every scope: the caller disposes them. Returns its argument. */
export function keep<R>(value: R): R {
  visit(value, (t) => {
    t.owner?.delete(t);
    t.owner = null;
  });
  return value;
}

function hand(value: unknown, from: Set<Tensor>, to: Set<Tensor> | null): void {
  visit(value, (t) => {
    if (t.owner !== from) return;
    from.delete(t);
    t.owner = to;
    to?.add(t);
  });
}

function visit(value: unknown, each: (t: Tensor) => void): void {
  if (value instanceof Tensor) each(value);
  else if (Array.isArray(value)) for (const v of value) visit(v, each);
  else if (value instanceof Map) for (const v of value.values()) visit(v, each);
  else if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype)
    for (const v of Object.values(value)) visit(v, each);
}

/**
 * Runs an op on its operands' device (for one without operands: on `on`): infers shapes, allocates outputs (or uses
 * those given in `into`), enqueues the kernel, records the tape. Throws ShapeError for operands that do not fit,
 * BackendError for operands of several devices and where the backend lacks the op.
 */
export function dispatch<P>(
  op: OpSpec<P>,
  inputs: readonly (Tensor | null)[],
  params: P,
  into?: readonly (Tensor | undefined)[],
  on?: Device,
): Tensor[] {
  const specs = op.infer(inputs, params);
  const device = firstOf(inputs)?.device ?? into?.[0]?.device ?? on ?? defaultDevice();
  const kernel = device.backend.kernels[op.name] as Kernel<P> | Unsupported | undefined;
  if (typeof kernel !== "function") {
    const reason = kernel?.unsupported ?? "not implemented";
    throw new BackendError(`${op.name} is not supported by the ${device.name} backend: ${reason}`);
  }
  for (let i = 0; i < inputs.length; i++) checkOperand(op, inputs[i], i, device);
  const outputs: Tensor[] = [];
  for (let i = 0; i < specs.length; i++)
    outputs.push(reuse(op.name, specs[i], into?.[i], device) ?? empty(specs[i].shape, specs[i].dtype, device));
  const started = device.profile ? performance.now() : 0;
  kernel(inputs, outputs, params);
  measure(device, op, inputs, outputs, params, started);
  recorder?.see(op, inputs, outputs, params);
  return outputs;
}

function firstOf(inputs: readonly (Tensor | null)[]): Tensor | undefined {
  for (const t of inputs) if (t) return t;
  return undefined;
}

function checkOperand<P>({ name: op, takesPacked }: OpSpec<P>, t: Tensor | null, index: number, device: Device): void {
  if (!t) return;
  t.refuseDisposed(op);
  assert(
    !t.isPacked || takesPacked?.includes(index),
    () => `${op}: input ${index} is packed, which this op cannot read`,
  );
  if (t.device !== device) refuseMixed(op, device, t.device);
}

function refuseMixed(op: string, device: Device, other: Device): void {
  if (device === other) return;
  const names =
    device.name === other.name ? `two ${device.name} devices` : `two devices, ${device.name} and ${other.name}`;
  throw new BackendError(`${op}: operands live on ${names}: move one by data() and tensor()`);
}

function reuse(op: string, spec: TensorSpec, given: Tensor | undefined, device: Device): Tensor | undefined {
  if (!given) return undefined;
  if (given.dtype !== spec.dtype || given.size !== numElements(spec.shape))
    throw new ShapeError(`${op}: output ${spec.dtype}[${spec.shape}] cannot go into ${given.dtype}[${given.shape}]`);
  if (given.device !== device) refuseMixed(op, device, given.device);
  return given;
}

function measure<P>(
  device: Device,
  op: OpSpec<P>,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  params: P,
  started: number,
): void {
  const cost = op.cost?.(inputs, outputs, params);
  const { meter, profile } = device;
  meter.calls++;
  // Whole numbers: their sums are exact, and the same whatever was counted before.
  meter.flops += Math.round(cost?.flops ?? 0);
  meter.bytes += cost?.bytes ?? 0;
  if (!profile) return;
  let entry = profile.get(op.name);
  if (!entry) profile.set(op.name, (entry = { calls: 0, seconds: 0, flops: 0, bytes: 0 }));
  entry.calls++;
  entry.seconds += (performance.now() - started) / 1000;
  entry.flops += cost?.flops ?? 0;
  entry.bytes += cost?.bytes ?? 0;
}
