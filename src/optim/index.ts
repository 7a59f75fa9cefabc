// What `luciole/optim` offers.
export * from "./adamw.js";
export * from "./muon.js";
export * from "./optimizer.js";
export * from "./schedule.js";
