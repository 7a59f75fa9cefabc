// The plan of a run as a person reads it before the first step, refused where it will not fit. Knows no verb.

import { createShapesDevice } from "../backends/shapes.js";
import { availableBytes } from "../free-memory.js";
import { createModel } from "../models/create.js";
import { formatMemory } from "../number-text.js";
import type { Progress } from "../terminal/progress.js";
import {
  describePhase,
  expectedBytes,
  type MemoryRemedies,
  outlineOf,
  type PhaseMemory,
  type PlannedModel,
  refuseIfTooLarge,
  type StageMemory,
} from "./memory-plan.js";

/** A line of a plan: its label, and what is told. */
export type PlanRow = readonly [label: string, text: string];

/** A whole number for people. */
export const count = (n: number): string => Math.round(n).toLocaleString("en-US");

/** How large the model is and how it computes; `more` is told beside that. */
export function modelRow(model: PlannedModel, more = ""): PlanRow {
  const { total, active } = outlineOf(model);
  const kind = `${model.config.model_type}, ${model.compute}${more}`;
  return ["model", `${count(total)} parameters, ${count(active)} active per token (${kind})`];
}

/** What of the model trains where that is an adapter; no row where it is the model. */
export function adapterRows({ config, compute, adapters = [] }: PlannedModel): PlanRow[] {
  return adapters.map(({ lora }): PlanRow => {
    const model = createModel(config, { compute, seed: null, trains: "none", device: createShapesDevice(), adapters });
    const on = typeof lora.targets === "string" ? lora.targets : lora.targets.join(", ");
    return [
      "lora",
      `rank ${lora.rank} on ${on}: ${count(model.trainable.numTrained)} parameters train, the model stays`,
    ];
  });
}

/**
 * Prints the rows, then the memory of each phase against what is free. Throws BackendError, naming the option to lower,
 * when the fullest stage will not fit.
 */
export function printPlan(
  progress: Progress,
  rows: readonly PlanRow[],
  stages: readonly StageMemory[],
  remedies: (phase: PhaseMemory) => MemoryRemedies,
): void {
  refuseIfTooLarge(stages, remedies);
  const memory = `about ${formatMemory(expectedBytes(stages))} of ${formatMemory(availableBytes())} free`;
  const phases = stages.flat().map((phase): PlanRow => ["", describePhase(phase)]);
  for (const [label, text] of [...rows, ["memory", memory] as const, ...phases])
    progress.note(`  ${label.padEnd(11)}${text}`);
}
