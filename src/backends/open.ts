// Chooses the device to run on: the compiled kernels, built on first use, else the reference, said once.
// Knows nothing of kernels.
import { BackendError, ConfigError } from "../errors.js";
import type { Backend } from "../tensor/backend.js";
import { createNativeBackend } from "./native/backend.js";
import { supportedIsas } from "./native/cpu.js";
import { availableIsas, buildKernels } from "./native/kernel-files.js";
import { createReferenceBackend } from "./reference.js";

/** What `openBackend` takes. */
export interface OpenOptions {
  /** Default: native where it loads, else reference. */
  name?: "native" | "reference";
  /** Threads of the native kernels; default LUCIOLE_THREADS, else one per core. */
  threads?: number;
  /** Build the kernels where there are none yet; default: yes, unless LUCIOLE_WITHOUT_KERNELS is set. */
  builds?: boolean;
  /** Receives the progress of that, and one warning line where the kernels stay missing; default: standard error. */
  warn?: (line: string) => void;
}

let warned = false;

/**
 * Opens the best backend of this machine. Kernels that were never built are built now (about half a minute). Where that
 * fails it warns once, naming the mend, and gives the reference backend; with `name: "native"` it is a BackendError.
 */
export async function openBackend(options: OpenOptions = {}): Promise<Backend> {
  const {
    name,
    threads,
    builds = !process.env.LUCIOLE_WITHOUT_KERNELS,
    warn = (line) => console.error(line),
  } = options;
  if (name !== undefined && name !== "native" && name !== "reference")
    throw new ConfigError(`no backend "${name}": choose native or reference`);
  if (name === "reference") return createReferenceBackend();
  try {
    if (builds && supportedIsas().length > 0 && availableIsas().length === 0) await buildFirst(warn);
    return createNativeBackend({ threads });
  } catch (error) {
    if (name === "native" || !(error instanceof BackendError)) throw error;
    if (!warned)
      warn(`warning: ${error.message}; continuing on the reference backend, which is hundreds of times slower`);
    warned = true;
    return createReferenceBackend();
  }
}

async function buildFirst(log: (line: string) => void): Promise<void> {
  log("luciole: first use on this machine: building the kernels for its CPU (once, about half a minute)");
  await buildKernels({ log: (line) => log(`luciole: ${line}`) });
}
