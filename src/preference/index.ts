// What `luciole/preference` offers: reward models, and tuning on preferences.
export * from "./dpo-objective.js";
export * from "./losses.js";
export * from "./options.js";
export * from "./plan.js";
export * from "./preference-data.js";
export * from "./reward-model.js";
export * from "./reward-objective.js";
