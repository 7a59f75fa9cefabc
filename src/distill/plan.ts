// What a distillation will take, worked out before its first step: the teachers' memory beside the student's, then the
// student's alone. Knows no verb.

import { defaultPromptStyle } from "../eval/problem-prompt.js";
import { longestPrompt, problemsToCheck } from "../eval/prompt-check.js";
import { type ModelFacts, withFrozen } from "../inference/opening/open-model.js";
import { contextOf } from "../models/rope-scaling.js";
import { completionsHost, planSampling } from "../rl/memory-plan.js";
import type { Task } from "../tasks/task.js";
import { sequenceBytes } from "../train/host-memory.js";
import {
  type MemoryRemedies,
  type PhaseMemory,
  type PlannedModel,
  planTraining,
  type StageMemory,
} from "../train/memory-plan.js";
import type { DistillOptions } from "./options.js";
import type { Student } from "./student.js";
import { type TeacherSource, teacherOf } from "./teachers.js";

/** A teacher that is planned for. */
export interface PlannedTeacher extends TeacherSource {
  readonly facts: ModelFacts;
}

/** What a distillation works on. */
export interface PlannedDistillation {
  readonly teachers: readonly PlannedTeacher[];
  readonly student: Student;
  /** The student's model, frozen under an adapter where it has one. */
  readonly model: PlannedModel;
  readonly task: Task;
  readonly isEvaluated: boolean;
  readonly maxCompletionLength: number;
  readonly seed: number;
  readonly options: DistillOptions;
}

/**
 * Plans sampling, training and evaluation. Throws ConfigError or DataError for a problem that has no teacher, or whose
 * prompt leaves no room in teacher or student.
 */
export async function planDistillation(planned: PlannedDistillation): Promise<StageMemory[]> {
  const { student, model, isEvaluated, maxCompletionLength, options } = planned;
  const promptTokens = longestOf(planned, student);
  const training = await planLearning(planned, promptTokens);
  const taught = await planTeaching(planned);
  const stages = [[withBeside(taught, training.weights)], [training]];
  if (!isEvaluated) return stages;
  const { evaluation } = options;
  const maxSequences = evaluation.maxSequences;
  const sizes = { promptTokens, maxNewTokens: maxCompletionLength, maxSequences, trains: false };
  return [...stages, [await planSampling(model, "evaluation", sizes)]];
}

/** The student's training, on answers as long as they may become. */
function planLearning(
  { model, maxCompletionLength, options }: PlannedDistillation,
  promptTokens: number,
): Promise<PhaseMemory> {
  const { batchSequences } = options.train;
  const tokens = Math.min(promptTokens + maxCompletionLength + 1, contextOf(model.config));
  const ids = new Int32Array(tokens);
  const sequences = Array.from({ length: batchSequences }, () => ({ ids, learnFrom: promptTokens }));
  const host = {
    name: "training",
    what: `${batchSequences} sequences of up to ${tokens} tokens`,
    bytes: sequenceBytes(batchSequences, tokens),
    mend: `lower train.batchSequences (now ${batchSequences})`,
  };
  return planTraining(model, "training", { sequences, host }, options.train);
}

/** The teachers' answers: all of them are open meanwhile, and one at a time samples. */
async function planTeaching(planned: PlannedDistillation): Promise<PhaseMemory> {
  const phases: PhaseMemory[] = [];
  for (const teacher of planned.teachers) phases.push(await planTeacher(planned, teacher));
  const fullest = phases.reduce((a, b) => (b.peak - b.weights > a.peak - a.weights ? b : a));
  const others = phases.reduce((sum, { weights }) => sum + weights, 0) - fullest.weights;
  return withBeside(fullest, others);
}

function planTeacher(planned: PlannedDistillation, { facts }: PlannedTeacher): Promise<PhaseMemory> {
  const { maxCompletionLength, options } = planned;
  const { maxSequences, samplesPerProblem } = options.sampling;
  const template = options.template ?? defaultPromptStyle(facts.tokenizer, facts.generation);
  const sizes = {
    promptTokens: longestOf(planned, { ...facts, template }),
    maxNewTokens: maxCompletionLength,
    maxSequences,
    trains: false,
    host: completionsHost(
      "sampling",
      2 * Math.max(maxSequences, samplesPerProblem),
      maxCompletionLength,
      `lower sampling.maxSequences (now ${maxSequences})`,
    ),
  };
  const plan = (model: PlannedModel) => planSampling(model, "teacher", sizes);
  const { config } = facts;
  return facts.isTrainedHere
    ? plan({ config, compute: facts.compute })
    : withFrozen(facts.directory, { config, compute: "bf16" as const }, plan);
}

/** The longest prompt of one of the two, which must leave room for an answer. */
function longestOf(
  { task, teachers, seed, maxCompletionLength, isEvaluated }: PlannedDistillation,
  { config, tokenizer, template }: Pick<Student, "config" | "tokenizer" | "template">,
): number {
  const problems = [...problemsToCheck(task, seed, isEvaluated ? ["train", "heldout"] : ["train"])];
  for (const problem of problems) teacherOf(teachers, task, problem);
  const room = {
    context: contextOf(config),
    newTokens: maxCompletionLength,
    option: "sampling.maxCompletionLength=",
  };
  return longestPrompt(problems, { task, tokenizer, template }, room);
}

/** A phase during which other weights are there too. */
const withBeside = (phase: PhaseMemory, bytes: number): PhaseMemory => ({
  ...phase,
  weights: phase.weights + bytes,
  peak: phase.peak + bytes,
});

/** What to turn down when a phase will not fit. */
export function distillRemedies(
  { name }: PhaseMemory,
  { train, sampling, evaluation }: DistillOptions,
): MemoryRemedies {
  const maxSequences =
    name === "teacher"
      ? `lower sampling.maxSequences (now ${sampling.maxSequences})`
      : `lower evaluation.maxSequences (now ${evaluation.maxSequences})`;
  const activations =
    name === "training"
      ? `lower train.microBatchTokens (now ${train.microBatchTokens}) or set train.recomputeLayers=true`
      : maxSequences;
  const model = name === "teacher" ? "choose a smaller teacher, or a quantised file of it" : "choose a smaller student";
  return { model, activations, cache: maxSequences };
}
