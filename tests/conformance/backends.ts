// The backends this machine can test: the reference, and the native kernels once per build that the CPU runs.
// Knows nothing of ops.

import { createNativeBackend, type NativeBackend } from "../../src/backends/native/backend.js";
import { availableIsas } from "../../src/backends/native/kernel-files.js";
import { createReferenceBackend } from "../../src/backends/reference.js";
import type { Backend } from "../../src/tensor/backend.js";

/** The native backends, best instruction set first; empty where the kernels are not built. */
export const nativeBackends: readonly NativeBackend[] = availableIsas().map((isa) =>
  createNativeBackend({ isa, threads: 2 }),
);

/** Every backend under test, with the name that the reports use. */
export const backends: readonly { label: string; backend: Backend }[] = [
  { label: "reference", backend: createReferenceBackend() },
  ...nativeBackends.map((backend) => ({ label: `native ${backend.isa}`, backend: backend as Backend })),
];
