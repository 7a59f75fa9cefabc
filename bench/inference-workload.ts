// What is measured of inference, for ours and for llama.cpp alike. Knows no clocks.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { InferenceKind, InferenceRound } from "../src/inference/runtime/measure.js";
import { packageRoot } from "../src/package-root.js";

/** The one description of what is measured, which the peer reads too. */
export const inferenceRounds = JSON.parse(
  readFileSync(join(packageRoot(), "bench", "peers", "inference.json"), "utf8"),
) as Record<InferenceKind, InferenceRound>;
