// What an evaluation is asked for, and what it gives. Knows no flags and no model.
import { z } from "zod";
import type { EvaluationRecord } from "../eval/evaluation-record.js";
import type { KeptSample } from "../eval/evaluation-run.js";
import { PROMPT_STYLES } from "../eval/problem-prompt.js";
import { PROTOCOL_NAMES } from "../eval/protocol.js";
import type { MemberWork } from "../inference/runtime/request.js";
import { environmentSchema } from "../tasks/environment.js";
import { problemCountSchema } from "../tasks/options.js";

/** Everything that decides an evaluation, as zod checks it. null: as the model's own files or the protocol say. */
export const evaluationRequestSchema = z.strictObject({
  /** Where the model lies. */
  model: z.string(),
  /** Where an adapter lies that is put over the model. */
  adapter: z.string().optional(),
  /** Suites with the files of their data, in place of a task. */
  suites: z
    .array(z.strictObject({ name: z.string(), files: z.array(z.string()).readonly(), isOwn: z.boolean() }))
    .readonly()
    .optional(),
  /** How the model is sampled, by the name of a protocol; null: as the options say. */
  protocol: z.enum(PROTOCOL_NAMES).nullable().default(null),
  /** A task's name or module; null: the task the model was trained for. */
  task: z.string().nullable(),
  /** The files of a data set. */
  data: z.array(z.string()).readonly().optional(),
  /** Options of the task. */
  taskOptions: z.record(z.string(), z.unknown()),
  /** What answers the model's turns; null: nothing, or with the model's own task what did in training. */
  environment: z.string().nullable().default(null),
  /** Limits and options of the environment. */
  environmentOptions: environmentSchema.prefault({}),
  /** Number of distinct held-out problems, or "all". */
  problems: problemCountSchema,
  /** Samples per problem. */
  samplesPerProblem: z.int().min(1).nullable(),
  /** Maximum number of new tokens. */
  maxNewTokens: z.int().min(1).nullable(),
  /** Sampling temperature. */
  temperature: z.number().min(0).nullable(),
  /** Nucleus sampling. */
  topP: z.number().min(0).max(1).nullable(),
  /** Prompt format. */
  template: z.enum(PROMPT_STYLES).nullable().optional(),
  /** Maximum number of samples generated at the same time. */
  maxSequences: z.int().min(1),
  /** Tokens of thought within which each sample is to answer as well. */
  budgets: z.array(z.int().min(0)).readonly().default([]),
  /** Files of training data in which the questions are looked for. */
  contamination: z.array(z.string()).readonly().optional(),
  /** Of problems and samples. */
  seed: z.int().min(0),
});

/** Everything that decides an evaluation. */
export type EvaluationRequest = z.output<typeof evaluationRequestSchema>;

/** What an evaluation came to, and what sampling took now. */
export interface EvaluationResult {
  readonly record: EvaluationRecord;
  readonly tokensPerSecond: number;
  /** Of a mix: what each member did, and new tokens of all members for one answer, as far as sampled now. */
  readonly members?: readonly MemberWork[];
  readonly tokensPerAnswer?: number | null;
}

/** Who hears of an evaluation, and keeps its samples. */
export interface EvaluationContext {
  /** Samples of before. */
  readonly done: readonly KeptSample[];
  readonly keep: (sampled: KeptSample) => void;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}
