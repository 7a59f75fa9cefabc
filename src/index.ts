// What `import … from "luciole"` offers: the pieces a program of one's own usually needs. Everything else is under
// luciole/<part>.

export { type Machine, openMachine } from "./backends/machine.js";
export type { DistilledFigures, DistillSummary } from "./distill/distill-run.js";
export type { DistillInput } from "./distill/options.js";
export * from "./errors.js";
export { type Evaluation, type EvaluationCounts, evaluateSamples } from "./eval/evaluate.js";
export { type EvaluateOptions, evaluatePolicy, type PolicyEvaluation } from "./eval/evaluate-policy.js";
export { type Policy, type RolloutOptions, rollout } from "./eval/rollout.js";
export type { Trajectory } from "./eval/trajectory.js";
export { framePrompt } from "./inference/conversation/prompt.js";
export {
  type ModelFacts,
  type OpenedModel,
  openModel,
  readModelFacts,
  type TrainableOptions,
} from "./inference/opening/open-model.js";
export { type GenerateOptions, type GenerateRequest, generate } from "./inference/runtime/generate.js";
export type { Completion, FinishReason, TextPart, TokenEvent, TokenPart } from "./inference/runtime/request.js";
export { ResponseReader } from "./inference/runtime/response-reader.js";
export { type Conversion, type ConvertOptions, convertModel } from "./library/convert.js";
export { type DistillCall, distill } from "./library/distill.js";
export { type LoadOptions, load } from "./library/load.js";
export {
  type ChatOptions,
  type ChatPart,
  ChatReply,
  type ChatResult,
  Conversation,
  LoadedModel,
} from "./library/loaded-model.js";
export type { AnyReward, NamedEnvironment, NamedReward } from "./library/modules.js";
export { type ReinforceRequest, reinforce } from "./library/reinforce.js";
export { createModel } from "./models/create.js";
export { type HfConfig, parseHfConfig, toHfConfigJson } from "./models/hf-config.js";
export { LanguageModel, type ModelOptions } from "./models/language-model.js";
export { MODEL_PRESETS, type ModelPreset } from "./models/presets.js";
export { AdamW, type AdamWOptions } from "./optim/adamw.js";
export { type Schedule, type ScheduleOptions, warmupConstant, warmupCosine } from "./optim/schedule.js";
export type { ProcessLock } from "./process-lock.js";
export { Random, type RandomState } from "./random.js";
export * from "./report/index.js";
export { type GrpoConfig, type GrpoOptions, parseGrpoOptions } from "./rl/config.js";
export { type GrpoStep, GrpoTrainer } from "./rl/grpo-trainer.js";
export type { GrpoMetrics } from "./rl/metrics.js";
export { type RlRunRequest, reinforceRun } from "./rl/rl-run.js";
export * from "./run/index.js";
export * from "./tasks/index.js";
export * from "./terminal/index.js";
export * from "./tokenizer/index.js";
export { Interrupted } from "./train/interrupted.js";
export { type TrainRunRequest, trainRun } from "./train/train-run.js";
