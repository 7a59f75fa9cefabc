// The tasks layer's public face: tasks by name, prompts, response parsing, rewards, and the Countdown corpus.

export {
  type ArithmeticFields,
  type ArithmeticOptions,
  type ArithmeticProblem,
  createArithmeticTask,
} from "./arithmetic.js";
export type { Awaitable, CallLimits } from "./call-limits.js";
export { type CodeRewardOptions, codeReward } from "./code/code-reward.js";
export { extractProgram } from "./code/extract-program.js";
export { gradeProgram, type ProgramToGrade } from "./code/grade-program.js";
export {
  type CallTest,
  type CheckTest,
  type OutputTest,
  PROGRAM_LANGUAGES,
  type ProgramLanguage,
  type ProgramLimits,
  type ProgramTest,
  type ProgramVerdict,
  type TestOutcome,
  type TestVerdict,
} from "./code/program.js";
export {
  type CountdownFields,
  type CountdownOptions,
  type CountdownProblem,
  createCountdownTask,
  verifyCountdown,
} from "./countdown.js";
export {
  generateTrace,
  type SearchStyle,
  searchTrace,
  type Trace,
  type TraceOptions,
  type TraceOptionsInput,
  traceOptions,
} from "./countdown-traces.js";
export { createDataTask, type DataTaskOptions } from "./data-task.js";
export { type EnvironmentOptions, environmentSchema, inEnvironment } from "./environment.js";
export { type EvaluatedExpression, evaluateExpression } from "./expression.js";
export { type Exchange, type Expectation, MATERIAL_KINDS, type MaterialKind } from "./general/exchange.js";
export { createGeneralTask, type GeneralOptions, type GeneralProblem } from "./general/general.js";
export { judgeAnswer, judgedScore, judgePair, type RuleName, type Verdicts } from "./general/judge.js";
export {
  FLAWS,
  type Flaw,
  type PreferencePair,
  preferencePair,
  preferencePairs,
  type SafetyRow,
  safetyRow,
} from "./general/preferences.js";
export { type GivenAnswer, gradeAnswers } from "./grade-answers.js";
export { type ExtractedAnswer, type ExtractionOptions, extractAnswer, type FoundBy } from "./grading/extract.js";
export { finalAnswer } from "./grading/final-answer.js";
export {
  GRADER_VERSION,
  type GradingOptions,
  gradeAnswer,
  matchesAnswer,
  type Rung,
  type Verdict,
} from "./grading/grade.js";
export { heldOutProblems, type ProblemCount, shortfall } from "./held-out.js";
export {
  type Claim,
  createKnightsAndKnavesTask,
  type KnightsAndKnavesFields,
  type KnightsAndKnavesOptions,
  type KnightsAndKnavesProblem,
  type Statement,
} from "./knights-and-knaves.js";
export {
  createLinearEquationsTask,
  type LinearEquationsFields,
  type LinearEquationsOptions,
  type LinearEquationsProblem,
} from "./linear-equations.js";
export {
  createLinearSystemsTask,
  type LinearEquation,
  type LinearSystemsFields,
  type LinearSystemsOptions,
  type LinearSystemsProblem,
} from "./linear-systems.js";
export type { Grader } from "./listed-task.js";
export { type MixOptions, taskNameOf } from "./mix.js";
export { createReward, REWARD_NAMES } from "./named-rewards.js";
export type { Rational } from "./rational.js";
export { createTask, TASK_NAMES, type TaskName } from "./registry.js";
export {
  ANSWER_CLOSE,
  ANSWER_OPEN,
  opensThought,
  type ParsedResponse,
  parseResponse,
  RESPONSE_TAGS,
  type ReadingOptions,
  type ResponseForm,
  ResponseParser,
  type ResponsePart,
  type ResponsePiece,
  ResponseRecord,
  type ResponseTag,
  THINK_CLOSE,
  THINK_OPEN,
} from "./response.js";
export {
  type BatchReward,
  batchReward,
  type LoggedSum,
  type RewardFunction,
  type RewardInput,
  type RewardSample,
  type RewardTable,
  type RewardValue,
  type SampleReward,
  sampleReward,
  scoreSamples,
  type WeightedReward,
} from "./reward.js";
export {
  accuracyReward,
  formatReward,
  type LanguageConsistencyOptions,
  languageConsistencyReward,
  lengthReward,
  type RepetitionPenaltyOptions,
  repetitionPenaltyReward,
  type SoftOverlongOptions,
  softOverlongPunishment,
  tagCountReward,
} from "./rewards.js";
export { SUITE_NAMES, type Suite, type SuiteProblem, type SuiteSource, suitesNamed } from "./suites/index.js";
export { suiteTask } from "./suites/suite.js";
export {
  drawInSplit,
  type Environment,
  type Episode,
  type Grade,
  type ModelTurn,
  type Problem,
  type PromptTemplate,
  type Reply,
  type Share,
  type Split,
  type SpokenTurn,
  type Task,
  type TaskEnvironment,
  type ValidationReport,
} from "./task.js";
export { COMPACT_PROMPT_ALPHABET, PROMPT_TEMPLATES, questionIn, renderWording, type Wording } from "./templates.js";
export type { DerivationStep, Operand, Operator } from "./thoughts/derivation.js";
export { inEnglish } from "./thoughts/in-english.js";
export { type LanguageShares, languageShares, type ThoughtLanguage } from "./thoughts/languages.js";
export type { ThoughtStyle } from "./thoughts/thought.js";
export {
  THINKING_TASKS,
  type ThoughtOptions,
  type ThoughtOptionsInput,
  thinkAbout,
  thoughtOptions,
  type WrittenTrace,
} from "./thoughts/trace.js";
export {
  countResponseTokens,
  type TraceGroupStatistics,
  type TraceStatistics,
  type TraceStatisticsOptions,
  traceStatistics,
} from "./trace-statistics.js";
export { validateTask } from "./validate-task.js";
export type { WeightedDraw } from "./weighted-draw.js";
export type { StoryKind, WordProblemFields } from "./word-problems/story.js";
export { createWordProblemsTask, type WordProblem, type WordProblemsOptions } from "./word-problems/word-problems.js";
export { World, type WorldDocument, type WorldOptions, worldSchema } from "./world.js";
