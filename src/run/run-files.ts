// The names of the files in a run directory.

/** What the run is made of (`RunConfig`). */
export const CONFIG_FILE = "config.json";
/** `MetricsRecord`s, one a line. */
export const METRICS_FILE = "metrics.jsonl";
/** `SampleRecord`s, one a line. */
export const SAMPLES_FILE = "samples.jsonl";
/** What a finished run came to. */
export const SUMMARY_FILE = "summary.json";
/** The stage that the run is in, and its steps (`RunPlan`). */
export const PLAN_FILE = "plan.json";
/** Which process writes to the run. */
export const LOCK_FILE = "run.lock";
