// Finds and loads the compiled kernels: build/native/<isa>.node at the package's root. Knows nothing of tensors.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { BackendError } from "../../../errors.js";
import { packageRoot } from "../../../package-root.js";
import { type Isa, supportedIsas } from "./cpu.js";
import type { NativeAddon } from "./signatures.js";

const mend = "run `npm run build:native` (it needs a C++20 compiler, on Debian and Ubuntu: apt-get install g++)";

const fileOf = (isa: Isa) => join(packageRoot(), "build", "native", `${isa}.node`);

/** Builds that exist on this machine and that its CPU can run, best first. */
export function availableIsas(): Isa[] {
  return supportedIsas().filter((isa) => existsSync(fileOf(isa)));
}

function choose(wanted: string | undefined): Isa {
  const supported = supportedIsas();
  const built = availableIsas();
  if (wanted === undefined) {
    if (built.length > 0) return built[0];
    throw new BackendError(
      supported.length > 0
        ? `the native kernels are not built: ${mend}`
        : `no native kernels for this CPU (${process.arch} without AVX2 and FMA): use the reference backend`,
    );
  }
  const isa = built.find((name) => name === wanted);
  if (isa) return isa;
  if (supported.some((name) => name === wanted)) throw new BackendError(`the native kernels for ${wanted} are not built: ${mend}`);
  throw new BackendError(`this machine cannot run kernels for "${wanted}": choose one of ${supported.join(", ") || "none"} (LUCIOLE_ISA)`);
}

/**
 * The addon for `isa`, by default the environment's LUCIOLE_ISA or else the best that is built and that the CPU runs.
 * Throws BackendError, saying how to build it, where there is none.
 */
export function loadAddon(isa: string | undefined = process.env.LUCIOLE_ISA || undefined): { addon: NativeAddon; isa: Isa } {
  const chosen = choose(isa);
  try {
    return { addon: createRequire(import.meta.url)(fileOf(chosen)) as NativeAddon, isa: chosen };
  } catch (error) {
    throw new BackendError(`${fileOf(chosen)} does not load (${(error as Error).message.split("\n")[0]}): ${mend}`);
  }
}
