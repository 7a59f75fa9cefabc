// The checkpoints of one run: `step-N` directories, the newest sound one found by looking, the oldest removed.
// Knows names and checksums; what is inside a checkpoint is the model directory's business.
import { join } from "node:path";
import { CheckpointError } from "../errors.js";
import { verifyChecksums } from "./checksums.js";
import { errorCode, type FileSystem, machineFileSystem } from "./file-system.js";
import {
  type ModelDirectory,
  type ModelDirectoryContents,
  openModelDirectory,
  recoverReplaced,
  writeModelDirectory,
} from "./model-directory.js";
import { TEMPORARY_PREFIX } from "./temporary-names.js";
import type { TrainerState } from "./trainer-state.js";

/** A checkpoint always carries trainer state; its `step` names the directory. */
export type CheckpointContents = ModelDirectoryContents & { trainer: TrainerState };

/**
 * A sound checkpoint, opened. `warning` says, in one line, which newer ones were passed over and what is wrong with
 * them.
 */
export interface LoadedCheckpoint extends ModelDirectory {
  readonly step: number;
  readonly trainer: NonNullable<ModelDirectory["trainer"]>;
  readonly warning?: string;
}

/**
 * Options of a store. `keepLast` (default 3, at least 1) is how many checkpoints stay; at least 2 leaves something to
 * fall back to.
 */
export interface CheckpointStoreOptions {
  keepLast?: number;
  fs?: FileSystem;
}

/**
 * The writer's side of a checkpoints directory. One process writes at a time; any number may read with `loadLatest`.
 */
export class CheckpointStore {
  private constructor(
    readonly directory: string,
    private readonly keepLast: number,
    private readonly fs: FileSystem,
  ) {}

  /** Takes over `directory` (made when missing) and clears what an interrupted writer left behind. */
  static async open(directory: string, options: CheckpointStoreOptions = {}): Promise<CheckpointStore> {
    const { keepLast = 3, fs = machineFileSystem } = options;
    if (!Number.isInteger(keepLast) || keepLast < 1)
      throw new CheckpointError(`keepLast: expected a whole number of at least 1, got ${keepLast}`);
    await fs.mkdir(directory, { recursive: true });
    await recoverReplaced(directory, fs);
    return new CheckpointStore(directory, keepLast, fs);
  }

  /** Writes `step-N` whole or not at all, then removes checkpoints beyond the last `keepLast`. Gives its path. */
  async save(contents: CheckpointContents): Promise<string> {
    const { step } = contents.trainer;
    if (!Number.isSafeInteger(step) || step < 0)
      throw new CheckpointError(`expected a step number of at least 0, got ${step}`);
    const path = join(this.directory, `step-${step}`);
    await writeModelDirectory(path, contents, this.fs);
    await this.prune(step);
    return path;
  }

  /** The newest sound checkpoint (see `loadLatest`), or `undefined` when none was ever written. */
  loadLatest(): Promise<LoadedCheckpoint | undefined> {
    return loadLatest(this.directory, this.fs);
  }

  /** Removes checkpoints after `step`: those of a future that a resumed run will write anew. */
  async removeAfter(step: number): Promise<void> {
    for (const later of (await listSteps(this.directory, this.fs)).filter((each) => each > step))
      await this.remove(later);
  }

  private async prune(newest: number): Promise<void> {
    const steps = (await listSteps(this.directory, this.fs)).filter((step) => step <= newest);
    for (const step of steps.slice(this.keepLast)) await this.remove(step);
  }

  // Renamed first: a crash during the removal must not leave half a checkpoint under a good name.
  private async remove(step: number): Promise<void> {
    const doomed = join(this.directory, `${TEMPORARY_PREFIX}removed-step-${step}`);
    await this.fs.rm(doomed, { recursive: true, force: true });
    await this.fs.rename(join(this.directory, `step-${step}`), doomed);
    await this.fs.rm(doomed, { recursive: true, force: true });
  }
}

/** Steps that have a directory, newest first; whether they are sound is not looked at. */
export async function listSteps(directory: string, fs: FileSystem = machineFileSystem): Promise<number[]> {
  const names = await fs.readdir(directory).catch((error) => {
    if (errorCode(error) === "ENOENT") return [] as string[];
    throw new CheckpointError(`${directory}: cannot be read (${errorCode(error)})`, { cause: error });
  });
  const steps = names.flatMap((name) => /^step-(0|[1-9]\d*)$/.exec(name)?.[1] ?? []).map(Number);
  return steps.filter(Number.isSafeInteger).sort((a, b) => b - a);
}

/**
 * Opens the newest checkpoint whose every file fits its checksum; damaged ones are passed over and named in `warning`.
 * `undefined` when there are none at all; CheckpointError when there are some and all are damaged. Writes nothing.
 */
export async function loadLatest(
  directory: string,
  fs: FileSystem = machineFileSystem,
): Promise<LoadedCheckpoint | undefined> {
  const problems: string[] = [];
  for (const step of await listSteps(directory, fs)) {
    const path = join(directory, `step-${step}`);
    const opened = await openVerified(path, step, fs);
    if (typeof opened === "string") problems.push(`${path} is damaged (${opened})`);
    else
      return {
        ...opened,
        warning: problems.length === 0 ? undefined : `${problems.join("; ")}; using step-${step} instead`,
      };
  }
  if (problems.length === 0) return undefined;
  throw new CheckpointError(
    `no intact checkpoint: ${problems.join("; ")}; restore one from a backup or start again in a new run directory`,
  );
}

async function openVerified(path: string, step: number, fs: FileSystem): Promise<LoadedCheckpoint | string> {
  const problem = await verifyChecksums(path, fs);
  if (problem) return problem;
  try {
    const opened = await openModelDirectory(path, fs);
    if (opened.trainer?.step === step) return { ...opened, step, trainer: opened.trainer };
    await opened.close();
    return opened.trainer ? `it claims to be step ${opened.trainer.step}` : "it has no trainer state";
  } catch (error) {
    if (error instanceof CheckpointError) return error.message;
    throw error;
  }
}
