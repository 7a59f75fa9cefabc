// The optimisers that training offers by name.
import type { ParameterSet } from "../nn/parameters.js";
import { AdamW, type AdamWOptions } from "../optim/adamw.js";
import { Muon } from "../optim/muon.js";
import type { Optimizer } from "../optim/optimizer.js";

/** `muon`: matrices by Muon, the rest by AdamW, with one learning rate for both. */
export const OPTIMIZERS = ["adamw", "muon"] as const;
/** The name of an optimiser. */
export type OptimizerName = (typeof OPTIMIZERS)[number];

/**
 * An optimiser over all trained parameters; Muon orthogonalises each stored matrix by itself, however they are fused in
 * memory.
 */
export function createOptimizer(parameters: ParameterSet, name: OptimizerName, options: AdamWOptions = {}): Optimizer {
  if (name === "adamw") return new AdamW(parameters.trained(), options);
  return new Muon(parameters.trained(), { ...options, matricesOf: (p) => parameters.matricesOf(p) });
}
