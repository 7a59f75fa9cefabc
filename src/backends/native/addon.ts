// Chooses and loads the compiled kernels. Knows nothing of tensors.
import { createRequire } from "node:module";
import { join } from "node:path";
import { BackendError } from "../../errors.js";
import { programFolder } from "../../package-root.js";
import { type Isa, supportedIsas } from "./cpu.js";
import { availableIsas, isStale, kernelFile, kernelsMend } from "./kernel-files.js";
import type { NativeAddon } from "./signatures.js";

/** What to load for `isa`, by default LUCIOLE_ISA or else the best that is built and that the CPU runs. */
function choose(wanted: string | undefined): Isa {
  const supported = supportedIsas();
  const built = availableIsas();
  if (wanted === undefined) {
    if (built.length > 0) return built[0];
    throw new BackendError(
      supported.length > 0
        ? `the native kernels are not built: ${kernelsMend()}`
        : `no native kernels for this CPU (${process.arch} without AVX2 and FMA): use the reference backend`,
    );
  }
  const isa = built.find((name) => name === wanted);
  if (isa) return isa;
  if (supported.some((name) => name === wanted))
    throw new BackendError(`the native kernels for ${wanted} are not built: ${kernelsMend()}`);
  throw new BackendError(
    `this machine cannot run kernels for "${wanted}": choose one of ${supported.join(", ") || "none"} (LUCIOLE_ISA)`,
  );
}

/**
 * The addon for `isa`, by default the environment's LUCIOLE_ISA or else the best that is built and that the CPU runs.
 * Throws BackendError, saying how to build it, where there is none or where it was built from other sources.
 */
export function loadAddon(isa: string | undefined = process.env.LUCIOLE_ISA || undefined): {
  addon: NativeAddon;
  isa: Isa;
} {
  const chosen = choose(isa);
  const path = kernelFile(chosen) as string;
  if (isStale(path))
    throw new BackendError(`${path} was built from other sources than this package has: ${kernelsMend()}`);
  try {
    // A module is loaded by its path alone; the name given to createRequire only has to be absolute.
    return { addon: createRequire(join(programFolder(), "program.js"))(path) as NativeAddon, isa: chosen };
  } catch (error) {
    throw new BackendError(`${path} cannot be loaded (${(error as Error).message.split("\n")[0]}): ${kernelsMend()}`);
  }
}
