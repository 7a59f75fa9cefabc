// What `luciole/eval` offers.
export * from "./evaluate.js";
export * from "./evaluate-policy.js";
export * from "./problem-prompt.js";
export * from "./rollout.js";
export * from "./trajectory.js";
