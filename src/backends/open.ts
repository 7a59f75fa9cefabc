// Chooses the device to run on: the compiled kernels, built on first use, else the reference, said once.
// Knows nothing of kernels.
import { BackendError, ConfigError } from "../errors.js";
import type { Backend } from "../tensor/backend.js";
import { createNativeBackend } from "./native/backend.js";
import { supportedIsas } from "./native/cpu.js";
import { availableIsas, buildKernels, isStale, kernelFile } from "./native/kernel-files.js";
import { createReferenceBackend } from "./reference.js";

/** What `openBackend` takes. */
export interface OpenOptions {
  /** Default: native where it loads, else reference. */
  name?: "native" | "reference";
  /** Threads of the native kernels; default LUCIOLE_THREADS, else one per core. */
  threads?: number;
  /**
   * Build the kernels where there are none yet, or those of other sources; default: yes, unless LUCIOLE_WITHOUT_KERNELS
   * is set.
   */
  builds?: boolean;
  /** Receives the progress of that, and one warning line where the kernels stay missing; default: standard error. */
  warn?: (line: string) => void;
}

let warned = false;

/**
 * Opens the best backend of this machine. Kernels that were never built, or from other sources, are built now (about
 * half a minute). Where that fails it warns once, naming the mend, and gives the reference backend; with `name:
 * "native"` it is a BackendError.
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
    const reason = builds && supportedIsas().length > 0 ? reasonToBuild() : null;
    if (reason !== null) await build(reason, warn);
    return createNativeBackend({ threads });
  } catch (error) {
    if (name === "native" || !(error instanceof BackendError)) throw error;
    if (!warned)
      warn(`warning: ${error.message}; continuing on the reference backend, which is hundreds of times slower`);
    warned = true;
    return createReferenceBackend();
  }
}

/** Why the kernels have to be built first, or null where those that are there serve. */
function reasonToBuild(): string | null {
  const best = availableIsas().at(0);
  if (best === undefined) return "first use on this machine";
  return isStale(kernelFile(best) as string) ? "the sources of the kernels have changed" : null;
}

async function build(reason: string, log: (line: string) => void): Promise<void> {
  log(`luciole: ${reason}: building the kernels for this CPU (once, about half a minute)`);
  await buildKernels({ log: (line) => log(`luciole: ${line}`) });
}
