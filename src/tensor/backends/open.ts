// Chooses the device to run on: the compiled kernels where they load, else the reference, said once.
// Knows nothing of kernels.
import { BackendError, ConfigError } from "../../errors.js";
import type { Backend } from "../backend.js";
import { createNativeBackend } from "./native/backend.js";
import { createReferenceBackend } from "./reference/backend.js";

/** What `openBackend` takes. */
export interface OpenOptions {
  /** Default: native where it loads, else reference. */
  name?: "native" | "reference";
  /** Threads of the native kernels; default LUCIOLE_THREADS, else one per core. */
  threads?: number;
  /** Receives the one warning line when the kernels are missing; default: standard error. */
  warn?: (line: string) => void;
}

let warned = false;

/**
 * Opens the best backend of this machine. Without built kernels it warns once, naming what to run, and gives the reference backend;
 * with `name: "native"` their absence is a BackendError.
 */
export async function openBackend({ name, threads, warn = (line) => console.error(line) }: OpenOptions = {}): Promise<Backend> {
  if (name !== undefined && name !== "native" && name !== "reference") throw new ConfigError(`no backend "${name}": choose native or reference`);
  if (name === "reference") return createReferenceBackend();
  try {
    return createNativeBackend({ threads });
  } catch (error) {
    if (name === "native" || !(error instanceof BackendError)) throw error;
    if (!warned) warn(`warning: ${error.message}; continuing on the reference backend, which is hundreds of times slower`);
    warned = true;
    return createReferenceBackend();
  }
}
