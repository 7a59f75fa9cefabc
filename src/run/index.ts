// What a run leaves behind: its directory, its logs, its records.
export { changesSince, type Fingerprints, fingerprintsOf } from "./fingerprints.js";
export type { FollowedRun, MetricsFollower, MetricsLog } from "./metrics-log.js";
export { LOG_NAMES, type LogName, openLogs } from "./open-logs.js";
export * from "./records.js";
export {
  type CreateRunOptions,
  defaultRunName,
  describeMachine,
  RunDirectory,
  type RunRecords,
  readRun,
  readRunConfig,
} from "./run-directory.js";
export { listRuns, type RunEntry } from "./run-list.js";
