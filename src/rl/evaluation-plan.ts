// How a run evaluates itself on held-out problems, checked at the boundary.
import { z } from "zod";
import { problemCountSchema } from "../tasks/options.js";

/** The options, as zod checks them. */
export const evaluationSchema = z.strictObject({
  /** Number of distinct held-out problems, or "all"; all of them if the task has fewer. */
  problems: problemCountSchema.default(50),
  /** Samples per problem. */
  samplesPerProblem: z.int().min(1).default(16),
  /** Sampling temperature. R1 was evaluated at 0.6 with top-p 0.95 (arXiv 2501.12948 v1 §3). */
  temperature: z.number().positive().default(0.6),
  /** Nucleus sampling: sample from the most likely tokens that together reach this probability. */
  topP: z.number().positive().max(1).default(0.95),
  /** Maximum number of samples generated at the same time. */
  maxSequences: z.int().min(1).default(128),
  /** Number of steps between two quick evaluations during RL. */
  everySteps: z.int().min(1).default(10),
  /** Problems in a quick evaluation, one sample each. */
  quickProblems: z.int().min(1).default(50),
  /** Figure of the quick evaluations by which models of one run are compared; higher is better. */
  bestMetric: z.enum(["pass1", "format_rate"]).default("pass1"),
  /** Keep the model of the best quick evaluation in the folder `best` of the run. */
  keepBest: z.boolean().default(false),
  /** Stop reinforcement after so many quick evaluations in a row without a new best; 0 never stops. */
  patience: z.int().min(0).default(0),
});

/** How a run looks at held-out problems: before and after in full, now and then on few of them. */
export type EvaluationPlan = z.output<typeof evaluationSchema>;
