// Opens the backend for a program and says what it is running on, its measured peak included.
import { Device, setDefaultDevice } from "../tensor/device.js";
import type { NativeBackend } from "./native/backend.js";
import { type OpenOptions, openBackend } from "./open.js";

/** What a program runs on. */
export interface Machine {
  readonly device: Device;
  /** Instruction set of the kernels, or `reference`. */
  readonly isa: string;
  readonly threads: number;
  readonly description: string;
  /** Measured register-only peak of the compute type in FLOP/s; 0 without native kernels. */
  peakFlops(compute: "f32" | "bf16"): number;
}

const PROBE_SECONDS = 0.05;

/** Opens the best backend and makes it the default device. */
export async function openMachine(options: OpenOptions = {}): Promise<Machine> {
  const device = new Device(await openBackend(options));
  setDefaultDevice(device);
  return machineOf(device);
}

/** What is known of a device that is open. */
export function machineOf(device: Device): Machine {
  const { backend } = device;
  if (backend.name !== "native")
    return { device, isa: backend.name, threads: 1, description: backend.description, peakFlops: () => 0 };
  const native = backend as NativeBackend;
  const peakFlops = (compute: "f32" | "bf16") => {
    const bf16 = compute === "bf16" ? native.addon.peakDotBf16(native.threads, PROBE_SECONDS) : 0;
    return bf16 || native.addon.peakFmaF32(native.threads, PROBE_SECONDS);
  };
  return { device, isa: native.isa, threads: native.threads, description: native.description, peakFlops };
}
