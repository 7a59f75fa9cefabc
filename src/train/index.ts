// What `luciole/train` offers.
export * from "./batch.js";
export * from "./loss.js";
export * from "./snapshot.js";
export * from "./step.js";
