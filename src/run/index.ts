// What a run leaves behind and shows: its directory, its report, its progress on a terminal.
export { Progress, type ProgressMode, type ProgressOptions, type ProgressStream } from "./progress.js";
export * from "./records.js";
export { renderReport, writeReport } from "./report.js";
export { type CreateRunOptions, defaultRunName, describeMachine, RunDirectory, type RunRecords, readRun, readRunConfig } from "./run-directory.js";
export { type SplitCompletion, splitThinking } from "./transcripts.js";
