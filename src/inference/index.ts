// What `luciole/inference` offers.
export * from "./generate.js";
export * from "./open-model.js";
export * from "./prompt.js";
export * from "./think-splitter.js";
