// What the Python interpreter may call while a program runs. It is a WebAssembly module: all that it can do outside its
// own memory is to call its imports. Those that programs need are open; all others are closed, whoever calls them.
import type { WasmImports } from "./web-assembly.js";

/** The clock, the calendar, randomness, memory, and the interpreter's own calls and signals. */
const OPEN = new Set([
  ...["clock_time_get", "clock_res_get", "emscripten_get_now", "emscripten_date_now"],
  ...["_tzset_js", "_localtime_js", "_gmtime_js", "_mktime_js", "_timegm_js"],
  ...["environ_get", "environ_sizes_get", "emscripten_get_heap_max", "emscripten_resize_heap"],
  ...["_PyEM_TrampolineCall_JS", "_Py_CheckEmscriptenSignals_Helper", "_Py_emscripten_runtime", "can_run_sync_js"],
  ...["JsvError_Check", "Jsv_GetError_import", "_emscripten_get_progname", "__call_sighandler"],
]);

/** Reading files that are there, and writing to those that are open: the standard output. */
const FILES = new Set([
  ...["fd_read", "fd_write", "fd_close", "fd_seek", "fd_pread", "fd_fdstat_get", "fd_sync"],
  ...["__syscall_openat", "__syscall_fstat64", "__syscall_stat64", "__syscall_lstat64", "__syscall_newfstatat"],
  ...["__syscall_getcwd", "__syscall_getdents64", "__syscall_faccessat", "__syscall_readlinkat", "__syscall_poll"],
  ...["__syscall_fcntl64", "__syscall_ioctl", "__syscall_dup", "__syscall_getuid32_js", "__syscall_umask_js"],
]);

/** Flags of `openat` with which nothing is changed: all but writing, creating, truncating and appending. */
const WRITING_FLAGS = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000;
/** Error numbers of WASI: not permitted, read-only file system. */
const EPERM = 63;
const EROFS = 69;

/** A program called what is closed. */
export class Closed extends Error {
  constructor(name: string) {
    super(`${name} is closed to programs`);
  }
}

/** A gate around the imports of an interpreter. */
export class ImportGate {
  /** Until it is sealed, all is open: the interpreter itself starts. */
  isSealed = false;
  /** Whether memory was refused since this was last set. */
  isStarved = false;
  readonly #memoryBytes: number;
  readonly #memory: () => Uint8Array;
  #seed = 1;

  constructor(memoryBytes: number, memory: () => Uint8Array) {
    this.#memoryBytes = memoryBytes;
    this.#memory = memory;
  }

  /** The imports with the gate around each function. */
  around(imports: WasmImports): WasmImports {
    const guarded = { ...imports };
    for (const space of ["env", "wasi_snapshot_preview1"])
      guarded[space] = new Proxy(imports[space], {
        get: (all, name) => this.#guard(String(name), Reflect.get(all, name)),
      });
    return guarded;
  }

  /** So that a program which draws numbers gives the same each time. */
  restartRandomness(): void {
    this.#seed = 1;
  }

  #guard(name: string, value: unknown): unknown {
    if (typeof value !== "function") return value;
    const original = value as (...args: number[]) => unknown;
    if (name === "emscripten_resize_heap") return (size: number) => this.#grow(size >>> 0, original);
    if (name === "random_get") return (pointer: number, size: number) => this.#draw(pointer >>> 0, size >>> 0);
    if (name === "__syscall_openat")
      return (folder: number, path: number, flags: number, rest: number) =>
        this.isSealed && (flags & WRITING_FLAGS) !== 0 ? -EROFS : original(folder, path, flags, rest);
    if (OPEN.has(name) || FILES.has(name)) return value;
    return (...args: number[]) => {
      if (!this.isSealed) return original(...args);
      if (name.startsWith("__syscall_")) return -EPERM;
      throw new Closed(name);
    };
  }

  #grow(size: number, original: (size: number) => unknown): unknown {
    if (size <= this.#memoryBytes) return original(size);
    this.isStarved = true;
    return 0;
  }

  /** Numbers that follow from how many were drawn. */
  #draw(pointer: number, size: number): number {
    const bytes = this.#memory().subarray(pointer, pointer + size);
    for (let i = 0; i < bytes.length; i++) {
      this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
      bytes[i] = this.#seed >>> 24;
    }
    return 0;
  }
}
