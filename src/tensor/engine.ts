// The eager engine: dispatches ops to the current backend, owns scopes, the tape and the meters.
// Knows nothing of particular ops, models or files.

import { assert, BackendError, ShapeError } from "../errors.js";
import type { Backend } from "./backend.js";
import { type DType, dtypeBytes, encodeBytes, isBlockType, type ScalarType, storageBytes } from "./dtype.js";
import type { OpSpec } from "./op.js";
import { BufferPool } from "./pool.js";
import { numElements, Storage, Tensor, type TensorSpec } from "./tensor.js";

/** Time and work of one op since the profile was started. */
export interface OpProfile {
  calls: number;
  seconds: number;
  flops: number;
  bytes: number;
}

let backend: Backend | null = null;
let pool: BufferPool | null = null;
let currentScope: Set<Tensor> | null = null;
let profile: Map<string, OpProfile> | null = null;

/** Sees every op after its kernel was enqueued. */
export type Recorder = <P>(op: OpSpec<P>, inputs: readonly (Tensor | null)[], outputs: readonly Tensor[], params: P) => void;
let recorder: Recorder | null = null;

/** Sets who sees the ops (the tape), or nobody. Returns who did before. */
export function setRecorder(next: Recorder | null): Recorder | null {
  const before = recorder;
  recorder = next;
  return before;
}

/** Whether a tape sees the ops. */
export function isRecording(): boolean {
  return recorder !== null;
}

/** Work dispatched so far: floating-point operations and bytes, from the ops' own costs. */
export const meter = { flops: 0, bytes: 0, calls: 0 };

/** Makes `next` the device of all tensors created from now on. Earlier tensors stay with theirs; memory cached for reuse is given back. */
export function useBackend(next: Backend): void {
  pool?.trim();
  backend = next;
  pool = new BufferPool(next);
}

/** The device in use; throws when none was chosen. */
export function currentBackend(): Backend {
  if (!backend) throw new BackendError("no backend chosen: call useBackend(await openBackend()) first");
  return backend;
}

/** Live and held device memory of the current backend. */
export function memoryStats(): { liveBuffers: number; liveBytes: number; heldBytes: number; peakLiveBytes: number } {
  const { liveBuffers, liveBytes, heldBytes, peakLiveBytes } = currentPool();
  return { liveBuffers, liveBytes, heldBytes, peakLiveBytes };
}

/** Gives cached device memory back to the system. */
export function trimMemory(): void {
  currentPool().trim();
}

function currentPool(): BufferPool {
  currentBackend();
  return pool as BufferPool;
}

function adopt(tensor: Tensor): Tensor {
  if (currentScope) {
    currentScope.add(tensor);
    tensor.owner = currentScope;
  }
  return tensor;
}

/** An uninitialised tensor owned by the current scope. */
export function empty(shape: readonly number[], dtype: DType): Tensor {
  return adopt(new Tensor(allocate(storageBytes(dtype, numElements(shape))), 0, shape, dtype));
}

/** As `empty`, for numbers in the backend's own order (packing.ts), which takes `sizeBytes`. */
export function emptyPacked(shape: readonly number[], dtype: DType, sizeBytes: number): Tensor {
  return adopt(new Tensor(allocate(sizeBytes), 0, shape, dtype, undefined, true));
}

function allocate(sizeBytes: number): Storage {
  const owner = currentPool();
  return new Storage(currentBackend(), owner.acquire(sizeBytes), owner);
}

/** A tensor holding the given numbers, rounded to `dtype`. */
export function tensor(values: ArrayLike<number>, shape: readonly number[], dtype: ScalarType = "f32"): Tensor {
  if (values.length !== numElements(shape)) throw new ShapeError(`tensor: ${values.length} values do not fill shape [${shape}]`);
  return fromBytes(encodeBytes(values, dtype), shape, dtype);
}

/** A tensor holding the given device bytes. */
export function fromBytes(bytes: Uint8Array, shape: readonly number[], dtype: DType): Tensor {
  const out = empty(shape, dtype);
  if (bytes.byteLength !== out.sizeBytes) throw new ShapeError(`fromBytes: ${bytes.byteLength} bytes do not fill ${dtype}[${shape}]`);
  writeTensor(out, bytes);
  return out;
}

/** Overwrites a tensor's bytes. */
export function writeTensor(target: Tensor, bytes: Uint8Array): void {
  assert(bytes.byteLength === target.sizeBytes, "writeTensor: size differs");
  target.storage.backend.write(target.storage.buffer, target.byteOffset, bytes);
}

/**
 * A second handle with its own id on (a contiguous part of) the same memory, owned by the current scope. Not recorded in the tape.
 * Numbers stored in blocks are cut between rows only.
 */
export function alias(source: Tensor, shape: readonly number[], elementOffset = 0): Tensor {
  assert(!source.isPacked, () => `alias of packed tensor [${source.shape}]`);
  const byteOffset = source.byteOffset + elementOffset * dtypeBytes[source.dtype];
  assert(elementOffset + numElements(shape) <= source.size, () => `alias [${shape}] at ${elementOffset} leaves tensor [${source.shape}]`);
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

/** Runs `body` and disposes every tensor made inside but those it returns (found in arrays and plain objects). */
export function scope<R>(body: () => R): R {
  const outer = currentScope;
  const own = new Set<Tensor>();
  currentScope = own;
  try {
    const result = body();
    hand(result, own, outer);
    return result;
  } finally {
    currentScope = outer;
    for (const t of [...own]) t.dispose();
  }
}

/** `scope` for a body that waits. Scopes are a stack: do not run two asynchronous scopes at once. */
export async function scopeAsync<R>(body: () => Promise<R>): Promise<R> {
  const outer = currentScope;
  const own = new Set<Tensor>();
  currentScope = own;
  try {
    const result = await body();
    hand(result, own, outer);
    return result;
  } finally {
    currentScope = outer;
    for (const t of [...own]) t.dispose();
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
 * Runs an op: infers shapes, allocates outputs (or uses those given in `into`), enqueues the kernel, records the tape.
 * Throws ShapeError for operands that do not fit, BackendError where the backend lacks the op.
 */
export function dispatch<P>(op: OpSpec<P>, inputs: readonly (Tensor | null)[], params: P, into?: readonly (Tensor | undefined)[]): Tensor[] {
  const specs = op.infer(inputs, params);
  const outputs: Tensor[] = [];
  for (let i = 0; i < specs.length; i++) outputs.push(reuse(op.name, specs[i], into?.[i]) ?? empty(specs[i].shape, specs[i].dtype));
  const device = (firstOf(inputs) ?? outputs[0]).storage.backend;
  const kernel = (device.kernels as unknown as Record<string, unknown>)[op.name];
  if (typeof kernel !== "function") {
    const reason = (kernel as { unsupported?: string } | undefined)?.unsupported ?? "not implemented";
    throw new BackendError(`${op.name} is not supported by the ${device.name} backend: ${reason}`);
  }
  for (let i = 0; i < inputs.length; i++) checkOperand(op, inputs[i], i, device);
  const started = profile ? performance.now() : 0;
  kernel(inputs, outputs, params);
  measure(op, inputs, outputs, params, started);
  recorder?.(op, inputs, outputs, params);
  return outputs;
}

function firstOf(inputs: readonly (Tensor | null)[]): Tensor | undefined {
  for (const t of inputs) if (t) return t;
  return undefined;
}

function checkOperand<P>({ name: op, takesPacked }: OpSpec<P>, t: Tensor | null, index: number, device: Backend): void {
  if (!t) return;
  assert(!t.isDisposed, () => `${op}: an input tensor was already disposed`);
  assert(!t.isPacked || takesPacked?.includes(index), () => `${op}: input ${index} is packed, which this op cannot read`);
  const own = t.storage.backend;
  if (own !== device) throw new BackendError(`${op}: operands live on two backends, ${device.name} and ${own.name}: move one by data() and tensor()`);
}

function reuse(op: string, spec: TensorSpec, given: Tensor | undefined): Tensor | undefined {
  if (!given) return undefined;
  if (given.dtype !== spec.dtype || given.size !== numElements(spec.shape))
    throw new ShapeError(`${op}: output ${spec.dtype}[${spec.shape}] cannot go into ${given.dtype}[${given.shape}]`);
  return given;
}

function measure<P>(op: OpSpec<P>, inputs: readonly (Tensor | null)[], outputs: readonly Tensor[], params: P, started: number): void {
  const cost = op.cost?.(inputs, outputs, params);
  meter.calls++;
  meter.flops += cost?.flops ?? 0;
  meter.bytes += cost?.bytes ?? 0;
  if (!profile) return;
  let entry = profile.get(op.name);
  if (!entry) profile.set(op.name, (entry = { calls: 0, seconds: 0, flops: 0, bytes: 0 }));
  entry.calls++;
  entry.seconds += (performance.now() - started) / 1000;
  entry.flops += cost?.flops ?? 0;
  entry.bytes += cost?.bytes ?? 0;
}

/** Starts a per-op profile (kernels of a synchronous backend are timed whole). */
export function startProfile(): void {
  profile = new Map();
}

/** Ends the profile and returns it. */
export function stopProfile(): Map<string, OpProfile> {
  const result = profile ?? new Map();
  profile = null;
  return result;
}
