// What `luciole/inference` offers.

export * from "./conversation/prompt.js";
export * from "./opening/memory-plan.js";
export * from "./opening/model-source.js";
export * from "./opening/open-engine.js";
export * from "./opening/open-for-inference.js";
export * from "./opening/open-model.js";
export { answerGrammars } from "./runtime/answer-grammar.js";
export * from "./runtime/engine.js";
export * from "./runtime/engine-handle.js";
export * from "./runtime/generate.js";
export * from "./runtime/loop-detector.js";
export type * from "./runtime/model-runner.js";
export * from "./runtime/paged-runner.js";
export * from "./runtime/request.js";
export * from "./runtime/response-reader.js";
