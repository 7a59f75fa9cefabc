// What `luciole/rl` offers, tasks and rewards included: all a recipe of one's own needs.
export * from "../tasks/index.js";
export * from "./advantage.js";
export * from "./config.js";
export * from "./evaluation-course.js";
export * from "./evaluation-plan.js";
export * from "./evaluation-stage.js";
export * from "./grpo-trainer.js";
export * from "./lesson.js";
export * from "./loss-types.js";
export * from "./memory-plan.js";
export * from "./metrics.js";
export * from "./policy-loss.js";
export * from "./reinforcement-stage.js";
export * from "./rejection-stage.js";
export * from "./rl-options.js";
export * from "./rl-run.js";
export * from "./update.js";
export type { UpdateCounts, UpdateFigures } from "./update-tally.js";
