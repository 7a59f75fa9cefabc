// The backends this machine can test: the reference, and the native kernels once per build that the CPU runs.
// Knows nothing of ops.

import { createNativeBackend, type NativeBackend } from "../../src/backends/native/backend.js";
import { availableIsas, isStale, kernelFile } from "../../src/backends/native/kernel-files.js";
import { createReferenceBackend } from "../../src/backends/reference.js";
import type { Backend } from "../../src/tensor/backend.js";

/** Those of other instruction sets than this CPU's best may be stale while kernels are being written. */
const isas = availableIsas().filter((isa, i) => {
  const isTested = i === 0 || !isStale(kernelFile(isa) as string);
  if (!isTested)
    console.warn(`conformance: the kernels for ${isa} are stale and not tested: npm run check builds them`);
  return isTested;
});

/** The native backends, best instruction set first; empty where the kernels are not built. */
export const nativeBackends: readonly NativeBackend[] = isas.map((isa) => createNativeBackend({ isa, threads: 2 }));

/** Every backend under test, with the name that the reports use. */
export const backends: readonly { label: string; backend: Backend }[] = [
  { label: "reference", backend: createReferenceBackend() },
  ...nativeBackends.map((backend) => ({ label: `native ${backend.isa}`, backend: backend as Backend })),
];
