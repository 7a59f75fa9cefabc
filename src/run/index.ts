// What a run leaves behind and shows: its directory, its report, its progress on a terminal.
export { changesSince, type Fingerprints, fingerprintsOf } from "./fingerprints.js";
export { Progress } from "./progress.js";
export type { ProgressMode, ProgressOptions, ProgressStream } from "./progress-screen.js";
export * from "./records.js";
export { renderReport, writeReport } from "./report.js";
export {
  type CreateRunOptions,
  defaultRunName,
  describeMachine,
  RunDirectory,
  type RunRecords,
  readRun,
  readRunConfig,
} from "./run-directory.js";
export { type SplitCompletion, splitThinking } from "./transcripts.js";
