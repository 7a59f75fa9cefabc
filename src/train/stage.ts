// The stages of a run, one after another. Knows none of them by name.

import type { LoadedCheckpoint } from "../checkpoint/index.js";
import type { RunSummary, TrainingSummary } from "../run/records.js";
import { type SessionParts, type StageRecord, TrainingSession } from "./session.js";

/** A part of a run: what it keeps in `state`, and what it does from there. */
export interface Stage extends StageRecord {
  /** Goes on from `state`, counting it up, to the end of the stage. */
  run(session: TrainingSession): Promise<void>;
}

/**
 * Runs stages in their order, from the one that the checkpoint stands in; then writes summary and report. The model is
 * disposed at the end. Throws Interrupted (state saved) when the signal fires, and whatever a stage throws.
 */
export async function performStages<R extends RunSummary | TrainingSummary>(
  parts: SessionParts,
  stages: readonly Stage[],
  checkpoint: LoadedCheckpoint | undefined,
  summarise: (session: TrainingSession) => R,
): Promise<R> {
  const session = await TrainingSession.open(parts, stages, checkpoint);
  try {
    for (const stage of stages.slice(session.place)) {
      await session.enter(stage);
      await stage.run(session);
      await session.leave(stage);
    }
    return session.finish(summarise(session));
  } finally {
    session.dispose();
  }
}
