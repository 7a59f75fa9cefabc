// The native CPU backend: compiled kernels on host memory. Every call computes at once, on the addon's thread pool.
// Knows nothing of autograd or models.
import { closeSync, openSync } from "node:fs";
import { availableParallelism } from "node:os";
import { BackendError, ConfigError, LucioleError } from "../../errors.js";
import type {
  Backend,
  CacheArranger,
  DeviceBuffer,
  FileMapper,
  Kernel,
  Operand,
  WeightPacker,
} from "../../tensor/backend.js";
import { type DType, isBlockType, storageBytes } from "../../tensor/dtype.js";
import type { IndexRule, OpSpec } from "../../tensor/op.js";
import { type CompleteBackend, type KernelTable, type OpName, ops } from "../../tensor/ops/index.js";
import { numElements, type TensorSpec } from "../../tensor/spec.js";
import { loadAddon } from "./addon.js";
import type { Isa } from "./cpu.js";
import { attentionKernels } from "./kernels/attention.js";
import { elementwiseKernels } from "./kernels/elementwise.js";
import { encodeKernels } from "./kernels/encode.js";
import { headKernels } from "./kernels/head.js";
import { linearKernels } from "./kernels/linear.js";
import { moeKernels } from "./kernels/moe.js";
import { normKernels } from "./kernels/norm.js";
import { optimizerKernels } from "./kernels/optimizer.js";
import { pagedKernels } from "./kernels/paged.js";
import { reduceKernels } from "./kernels/reduce.js";
import { ropeKernels } from "./kernels/rope.js";
import { rowKernels } from "./kernels/rows.js";
import { samplingKernels } from "./kernels/sampling.js";
import { storedKernels } from "./kernels/stored.js";
import { addressOf, codeOf, type NativeBuffer } from "./operands.js";
import type { NativeAddon } from "./signatures.js";

/** Options of `createNativeBackend`. */
export interface NativeOptions {
  /**
   * Threads of the kernels, the caller's included; default LUCIOLE_THREADS, else one per core. One number for the
   * process and instruction set.
   */
  threads?: number;
  /** The build to load; default LUCIOLE_ISA, else the best that this CPU runs. */
  isa?: string;
}

/** The native backend; `addon` is for measurements that no op offers (machine ceilings). */
export interface NativeBackend extends CompleteBackend {
  readonly isa: Isa;
  readonly addon: NativeAddon;
  readonly threads: number;
  /** Changes the number of threads; results keep their bits. */
  setThreads(count: number): void;
}

function kernelTable(addon: NativeAddon): KernelTable {
  return {
    ...elementwiseKernels(addon),
    ...reduceKernels(addon),
    ...linearKernels(addon),
    ...normKernels(addon),
    ...ropeKernels(addon),
    ...attentionKernels(addon),
    ...pagedKernels(addon),
    ...rowKernels(addon),
    ...moeKernels(addon),
    ...headKernels(addon),
    ...optimizerKernels(addon),
    ...samplingKernels(addon),
    ...storedKernels(addon),
    ...encodeKernels(addon),
  };
}

type AnyKernel = Kernel<unknown>;

function checkIndexes(addon: NativeAddon, operand: Operand | null, rule: IndexRule): void {
  if (!operand) return;
  if ("below" in rule) addon.checkIndexes(addressOf(operand), operand.size, rule.from ?? 0, rule.below);
  else if ("risesTo" in rule) addon.checkOffsets(addressOf(operand), operand.size, rule.risesTo, rule.within ?? false);
}

/** Kernels behind the checks that their ops declare. What they throw becomes a BackendError with the op's name. */
function guarded(table: KernelTable, addon: NativeAddon): KernelTable {
  const entries = Object.entries(table).map(([name, kernel]) => [
    name,
    typeof kernel === "function" ? guard(name as OpName, kernel as AnyKernel, addon) : kernel,
  ]);
  return Object.fromEntries(entries) as unknown as KernelTable;
}

function guard(op: OpName, kernel: AnyKernel, addon: NativeAddon): AnyKernel {
  const { indexes } = ops[op] as OpSpec<unknown>;
  return (inputs, outputs, params) => {
    try {
      for (const rule of indexes?.(inputs, params) ?? []) checkIndexes(addon, inputs[rule.input], rule);
      kernel(inputs, outputs, params);
    } catch (error) {
      if (error instanceof LucioleError) throw error;
      throw new BackendError(`${op}: ${(error as Error).message}`);
    }
  };
}

/** Packed rows are laid out in panels of this many, or of a divisor of it. */
const PANEL_ROWS = 32;

function packerOf(addon: NativeAddon): WeightPacker {
  const sizes = ({ shape }: TensorSpec) => (shape.length === 3 ? shape : [1, ...shape]);
  const isStored = (dtype: DType) => dtype === "f16" || isBlockType(dtype);
  return {
    partRows: PANEL_ROWS,
    accepts(w) {
      const [, n, k] = sizes(w);
      if (w.shape.length !== 2 && w.shape.length !== 3) return false;
      return (
        isStored(w.dtype) || ((w.dtype === "f32" || w.dtype === "bf16") && addon.canPackWeights(n, k, codeOf(w.dtype)))
      );
    },
    packedBytes(w) {
      const [experts, n, k] = sizes(w);
      return isStored(w.dtype)
        ? addon.storedPackedBytes(codeOf(w.dtype), experts, n, k)
        : storageBytes(w.dtype, numElements(w.shape));
    },
    pack(w, scales, into) {
      const [experts, n, k] = sizes(w);
      if (isStored(w.dtype))
        addon.packStored(addressOf(w), codeOf(w.dtype), addressOf(scales), experts, n, k, addressOf(into));
      else addon.packWeights(addressOf(w), codeOf(w.dtype), experts, n, k, addressOf(into));
    },
  };
}

/**
 * Keys and values lie as the products read them: keys turned, so that one number of the 64 keys of a block is
 * contiguous, values row by row; in bf16 two neighbours of the summed dimension share a 32-bit word.
 *   keys [blocks, Hkv, Dk/P, 64, P], values [blocks, Hkv, 64/P, Dv, P]; P = 2 in bf16, 1 in f32
 */
const caches: CacheArranger = {
  cacheBytes({ shape, dtype }, role) {
    const width = shape[3];
    if (role === "keys" && dtype === "bf16" && width % 2 !== 0)
      throw new ConfigError(`a paged bf16 cache needs keys of an even width, got ${width}: use f32`);
    return storageBytes(dtype, numElements(shape));
  },
};

function filesOf(addon: NativeAddon): FileMapper {
  const at = (buffer: DeviceBuffer, byteOffset: number) => (buffer as NativeBuffer).address + byteOffset;
  return {
    map(path, sizeBytes): NativeBuffer {
      const descriptor = openSync(path, "r");
      try {
        return { sizeBytes, address: addon.mapFile(descriptor, sizeBytes) };
      } catch (error) {
        throw new BackendError(`${path}: ${(error as Error).message}`);
      } finally {
        closeSync(descriptor);
      }
    },
    unmap: (buffer) => addon.unmapFile(at(buffer, 0), buffer.sizeBytes),
    prefetch: (buffer, byteOffset, sizeBytes) => addon.willNeed(at(buffer, byteOffset), sizeBytes),
    drop: (buffer, byteOffset, sizeBytes) => addon.dropPages(at(buffer, byteOffset), sizeBytes),
  };
}

function threadsWanted(given: number | undefined): number {
  const asked = given ?? (process.env.LUCIOLE_THREADS ? Number(process.env.LUCIOLE_THREADS) : availableParallelism());
  if (!Number.isInteger(asked) || asked < 1 || asked > 256) {
    throw new ConfigError(
      `threads must be a whole number from 1 to 256, got ${given ?? `LUCIOLE_THREADS=${process.env.LUCIOLE_THREADS}`}`,
    );
  }
  return asked;
}

/** Device memory of the addon, with a count so that its exhaustion can say how much is in use. */
function memoryOf(addon: NativeAddon): Pick<Backend, "allocate" | "release" | "write" | "copy" | "read"> {
  let heldBytes = 0;
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return {
    allocate(sizeBytes): NativeBuffer {
      try {
        const buffer = { sizeBytes, address: addon.allocate(sizeBytes) };
        heldBytes += sizeBytes;
        return buffer;
      } catch {
        throw new BackendError(
          `out of memory: ${mib(sizeBytes)} on top of the ${mib(heldBytes)} in use could not be allocated: ` +
            "lower the tokens per micro-batch or turn recomputeLayers on",
        );
      }
    },
    release(buffer) {
      heldBytes -= buffer.sizeBytes;
      addon.release((buffer as NativeBuffer).address);
    },
    write(buffer, byteOffset, bytes) {
      // The addon reads unshared array buffers only.
      const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
      addon.copyIn((buffer as NativeBuffer).address + byteOffset, own.buffer, own.byteOffset, own.byteLength);
    },
    copy(from, fromOffset, to, toOffset, sizeBytes) {
      addon.moveBytes((from as NativeBuffer).address + fromOffset, (to as NativeBuffer).address + toOffset, sizeBytes);
    },
    async read(buffer, byteOffset, sizeBytes) {
      const out = new Uint8Array(sizeBytes);
      addon.copyOut((buffer as NativeBuffer).address + byteOffset, out.buffer, 0, sizeBytes);
      return out;
    },
  };
}

/**
 * Loads the kernels and starts their threads. Throws BackendError where no build fits this machine (it says how to make
 * one), ConfigError for an impossible number of threads.
 */
export function createNativeBackend({ threads, isa }: NativeOptions = {}): NativeBackend {
  const count = threadsWanted(threads);
  const loaded = loadAddon(isa);
  const { addon } = loaded;
  const setThreads = (n: number) => {
    if (addon.threadCount() !== n) addon.setThreadCount(n);
  };
  setThreads(count);
  return {
    name: "native",
    isa: loaded.isa,
    addon,
    get threads() {
      return addon.threadCount();
    },
    get description() {
      return `native kernels, ${loaded.isa}, ${addon.threadCount()} thread${addon.threadCount() === 1 ? "" : "s"}`;
    },
    setThreads,
    kernels: guarded(kernelTable(addon), addon),
    packer: packerOf(addon),
    caches,
    files: filesOf(addon),
    ...memoryOf(addon),
  };
}
