// What `luciole/train` offers.
export * from "./batch.js";
export * from "./interrupted.js";
export * from "./loop.js";
export * from "./loss.js";
export * from "./session.js";
export * from "./snapshot.js";
export * from "./step.js";
