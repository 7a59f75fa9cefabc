// What `luciole/optim` offers.
export * from "./adamw.js";
export * from "./optimizer.js";
export * from "./schedule.js";
