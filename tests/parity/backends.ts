// The backends that parity is shown on: the reference, and the native kernels where this machine has them. Knows no
// test.

import { openBackend } from "../../src/backends/open.js";
import { createReferenceBackend } from "../../src/backends/reference.js";
import type { Backend } from "../../src/tensor/backend.js";

/** What this machine runs on by default; a missing build is said by `openBackend` itself. */
const best = await openBackend();

/** Every backend of this machine. The reference is slow: heavy cases take `best` alone. */
export const backends: readonly Backend[] = best.name === "reference" ? [best] : [createReferenceBackend(), best];

/** The fastest backend of this machine, as a list of one. */
export const fastestBackend: readonly Backend[] = [best];
