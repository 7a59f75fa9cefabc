// What `luciole/inference` offers.
export * from "./engine.js";
export * from "./generate.js";
export * from "./loop-detector.js";
export * from "./memory-plan.js";
export type * from "./model-runner.js";
export * from "./model-source.js";
export * from "./open-for-inference.js";
export * from "./open-model.js";
export * from "./paged-runner.js";
export * from "./prompt.js";
export * from "./request.js";
export * from "./response-reader.js";
