// What `luciole/eval` offers.
export * from "../statistics.js";
export * from "./budget-forcing.js";
export * from "./compare.js";
export * from "./contamination.js";
export type { EpisodeStart } from "./episode.js";
export * from "./evaluate.js";
export * from "./evaluate-policy.js";
export * from "./evaluation-record.js";
export * from "./evaluation-run.js";
export * from "./problem-prompt.js";
export * from "./protocol.js";
export * from "./rollout.js";
export * from "./trajectory.js";
