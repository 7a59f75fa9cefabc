// What a run leaves behind: its directory, its logs, its records.
export { changesSince, type Fingerprints, fingerprintsOf } from "./fingerprints.js";
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
