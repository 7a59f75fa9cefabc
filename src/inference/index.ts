// What `luciole/inference` offers.

export { generationRequest, type OpenedChat } from "./conversation/chat-model.js";
export type {
  ChatEvent,
  ChatModel,
  ChatSampling,
  ChatSession,
  ChatTotals,
  ReplyFigures,
  ReplyRequest,
  SavedChat,
} from "./conversation/chat-session.js";
export {
  type ChatPrompt,
  type ChatStyle,
  type ChatStyleOptions,
  chatStyle,
  type PromptOptions,
} from "./conversation/chat-style.js";
export * from "./conversation/prompt.js";
export { type AdapterFiles, type AdapterPlaces, baseOfAdapter, isAdapterAt } from "./opening/adapter-files.js";
export type { EngineSettings, OpeningListener, ThreadOptions } from "./opening/engine-thread.js";
export * from "./opening/memory-plan.js";
export * from "./opening/model-source.js";
export * from "./opening/open-engine.js";
export * from "./opening/open-for-inference.js";
export * from "./opening/open-model.js";
export { type SamplingDefaults, samplingDefaults } from "./opening/sampling-defaults.js";
export type { WatchedFiles } from "./opening/watched-files.js";
export type { AnswerConstraint, FollowSchemas, SchemaFollower } from "./runtime/answer-constraint.js";
export { answerGrammars } from "./runtime/answer-grammar.js";
export type { PrefixCache } from "./runtime/block-pool.js";
export * from "./runtime/engine.js";
export * from "./runtime/engine-handle.js";
export * from "./runtime/generate.js";
export * from "./runtime/loop-detector.js";
export type * from "./runtime/model-runner.js";
export * from "./runtime/paged-runner.js";
export * from "./runtime/request.js";
export * from "./runtime/response-reader.js";
