// Goes back to a run on disk: its configuration, its newest sound checkpoint, its logs cut back to that checkpoint.

import { join } from "node:path";
import { type LoadedCheckpoint, loadLatest } from "../checkpoint/index.js";
import { ConfigError, DataError } from "../errors.js";
import { changesSince, fingerprintsOf } from "../run/fingerprints.js";
import type { RunConfig } from "../run/records.js";
import { acceptFingerprints, holdRun, RunDirectory, readRunConfig } from "../run/run-directory.js";
import { withCurrentNames } from "../tasks/options.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { savedState } from "./saved-state.js";

/** A run about to go on. Without a checkpoint (none was written yet) it starts over. */
export interface ReopenedRun {
  readonly checkpoint?: LoadedCheckpoint;
  readonly run: RunDirectory;
}

/**
 * The configuration of a run that `luciole <verb>` made, with the options under the names that they have now. Throws
 * ConfigError when `path` holds no run, or that of another verb.
 */
export function configOfRun(path: string, verb: string): RunConfig {
  const config = readRunConfig(path);
  if (config.verb === verb) return { ...config, options: withCurrentNames(config.options) };
  throw new ConfigError(
    `${path} is a run of "${config.verb}", not of "${verb}"; resume it with: ${ownCommand()} ` +
      `${config.verb} --resume ${shownPath(path)}`,
  );
}

/** What a run is reopened with: the kernels' instruction set, and who is told of anything out of the ordinary. */
export interface ReopenContext {
  readonly machine: { readonly isa: string };
  readonly notice?: (line: string) => void;
  /** Go on although files that decide the run have changed. */
  readonly acceptChanges?: boolean;
}

/**
 * Opens the run to write to, under its lock. Throws DataError when files that decide it have changed. Damaged
 * checkpoints are passed over with a notice; all damaged is a CheckpointError.
 */
export async function reopenRun(path: string, verb: string, context: ReopenContext): Promise<ReopenedRun> {
  const { machine, notice } = context;
  const config = configOfRun(path, verb);
  const lock = holdRun(path);
  try {
    refuseChanges(path, config, context);
    const { isa } = config.machine;
    if (isa !== machine.isa)
      notice?.(
        `this run was started with ${isa} kernels; with ${machine.isa} kernels the result will not be bit-identical`,
      );
    const checkpoint = await loadLatest(join(path, "checkpoints"));
    if (checkpoint?.warning) notice?.(checkpoint.warning);
    return {
      checkpoint,
      run: RunDirectory.resume(path, checkpoint && savedState(checkpoint).log, lock),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Throws DataError naming every file that has changed; with `acceptChanges` says so and records what the files hold
 * now.
 */
function refuseChanges(path: string, { fingerprints = {} }: RunConfig, { acceptChanges, notice }: ReopenContext): void {
  const changes = changesSince(fingerprints);
  if (changes.length === 0) return;
  const what = changes.join("; ");
  if (!acceptChanges)
    throw new DataError(
      `${what} since the run started; restore the old files, or continue with the new ones with --accept-changes`,
    );
  notice?.(`${what} since the run started: the result will differ from that of an uninterrupted run`);
  acceptFingerprints(path, fingerprintsOf(Object.keys(fingerprints)));
}
