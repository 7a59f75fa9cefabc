// Opens the backend for a program and says what it is running on, its measured peak included.
import { useBackend } from "../engine.js";
import type { NativeBackend } from "./native/backend.js";
import { type OpenOptions, openBackend } from "./open.js";

/** The device in use. */
export interface Machine {
  /** Instruction set of the kernels, or `reference`. */
  readonly isa: string;
  readonly threads: number;
  readonly description: string;
  /** Measured register-only peak of the compute type in FLOP/s; 0 without native kernels. */
  peakFlops(compute: "f32" | "bf16"): number;
}

const PROBE_SECONDS = 0.15;

/** Opens the best backend and makes it current. */
export async function openMachine(options: OpenOptions = {}): Promise<Machine> {
  const backend = await openBackend(options);
  useBackend(backend);
  if (backend.name !== "native") return { isa: backend.name, threads: 1, description: backend.description, peakFlops: () => 0 };
  const native = backend as NativeBackend;
  const peakFlops = (compute: "f32" | "bf16") => {
    const bf16 = compute === "bf16" ? native.addon.peakDotBf16(native.threads, PROBE_SECONDS) : 0;
    return bf16 || native.addon.peakFmaF32(native.threads, PROBE_SECONDS);
  };
  return { isa: native.isa, threads: native.threads, description: native.description, peakFlops };
}
