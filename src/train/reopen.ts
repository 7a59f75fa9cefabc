// Goes back to a run on disk: its configuration, its newest sound checkpoint, its logs cut back to that checkpoint.
import { join } from "node:path";
import { type LoadedCheckpoint, loadLatest } from "../checkpoint/index.js";
import { ConfigError } from "../errors.js";
import type { RunConfig } from "../run/records.js";
import { RunDirectory, readRunConfig } from "../run/run-directory.js";
import { type SessionState, savedState } from "./session.js";

/** A run about to go on. Without a checkpoint (none was written yet) it starts over. */
export interface ReopenedRun {
  readonly config: RunConfig;
  readonly checkpoint?: LoadedCheckpoint;
  readonly run: RunDirectory;
}

/** The configuration of a run that `luciole <verb>` made. Throws ConfigError when `path` holds no run, or that of another verb. */
export function configOfRun(path: string, verb: string): RunConfig {
  const config = readRunConfig(path);
  if (config.verb === verb) return config;
  throw new ConfigError(`${path} is a run of "${config.verb}", not of "${verb}"; go on with luciole ${config.verb} --resume ${path}`);
}

/** Opens the run to write to. `notice` is told of damaged checkpoints that were passed over; all damaged is a CheckpointError. */
export async function reopenRun(path: string, verb: string, notice?: (line: string) => void): Promise<ReopenedRun> {
  const config = configOfRun(path, verb);
  const checkpoint = await loadLatest(join(path, "checkpoints"));
  if (checkpoint?.warning) notice?.(checkpoint.warning);
  return { config, checkpoint, run: RunDirectory.resume(path, checkpoint && savedState<SessionState>(checkpoint).log) };
}
