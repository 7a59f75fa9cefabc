// What a distillation will take, worked out before its first step: the teachers' memory beside the student's, then the
// student's alone. Knows no verb.

import { defaultPromptStyle } from "../eval/problem-prompt.js";
import { longestPrompt, problemsToCheck } from "../eval/prompt-check.js";
import { type ModelFacts, withFrozen } from "../inference/opening/open-model.js";
import { contextOf } from "../models/rope-scaling.js";
import { completionsHost, planSampling, planScoring, planUpdates } from "../rl/memory-plan.js";
import type { Task } from "../tasks/task.js";
import { countTargets } from "../train/batch.js";
import { sequenceBytes } from "../train/host-memory.js";
import {
  type MemoryRemedies,
  type PhaseMemory,
  type PlannedModel,
  planPhase,
  planTraining,
  type StageMemory,
  withBeside,
} from "../train/memory-plan.js";
import { divergenceObjective } from "./divergence-objective.js";
import { type DistillOptions, onPolicyConfig } from "./options.js";
import { softTargets } from "./soft-targets.js";
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
  const stages =
    options.method === "on-policy"
      ? [await planRounds(planned, promptTokens)]
      : await planAnswers(planned, promptTokens);
  if (!isEvaluated) return stages;
  const { maxSequences } = options.evaluation;
  const sizes = { promptTokens, maxNewTokens: maxCompletionLength, maxSequences, trains: false };
  return [...stages, [await planSampling(model, "evaluation", sizes)]];
}

/** The teachers' answers, beside the student's weights, and then its training. */
async function planAnswers(planned: PlannedDistillation, promptTokens: number): Promise<StageMemory[]> {
  const training = await planLearning(planned, promptTokens);
  const answers = await planTeachers(planned, (model, tokens) => planTeacher(planned, model, tokens));
  const asked =
    planned.options.method === "logits"
      ? [
          [
            withBeside(
              await planTeachers(planned, (model, tokens) => planAsking(planned, model, tokens)),
              training.weights,
            ),
          ],
        ]
      : [];
  return [[withBeside(answers, training.weights)], ...asked, [training]];
}

/** The teacher's distribution at every token of answers as long as they may become. */
function planAsking(planned: PlannedDistillation, model: PlannedModel, promptTokens: number): Promise<PhaseMemory> {
  const { maxCompletionLength, options } = planned;
  const { logits, train } = options;
  const tokens = Math.min(promptTokens + maxCompletionLength + 1, contextOf(model.config));
  const count = Math.max(1, Math.floor(train.microBatchTokens / tokens));
  const sequences = Array.from({ length: count }, () => ({ ids: new Int32Array(tokens), learnFrom: promptTokens }));
  return planPhase(model, { name: "teacher", optimizer: null }, async (shapes) => {
    await softTargets(shapes, sequences, { ...train, ...logits, k: Math.min(logits.topK, shapes.vocabSize) });
    return { cache: 0, hasGradients: false };
  });
}

/** The student's own samples, what the teachers say of them, and its updates, all beside each other. */
async function planRounds(planned: PlannedDistillation, promptTokens: number): Promise<StageMemory> {
  const { model, maxCompletionLength, options } = planned;
  const config = onPolicyConfig(options, maxCompletionLength);
  const { numPrompts, numGenerations } = config;
  const maxSequences = Math.min(config.maxSequences, numPrompts * numGenerations);
  const mend = `lower onPolicy.numPrompts (now ${numPrompts}) or onPolicy.numGenerations (now ${numGenerations})`;
  const host = completionsHost("sampling", numPrompts * numGenerations, maxCompletionLength, mend);
  const sizes = { promptTokens, maxNewTokens: maxCompletionLength, maxSequences, trains: true, host };
  const rollouts = await planSampling(model, "rollouts", sizes);
  const updates = await planUpdates(model, "updates", config, promptTokens);
  const teachers = await planTeachers(planned, (teacher, tokens) => planScoring(teacher, "teacher", config, tokens));
  return [
    ...[rollouts, updates].map((phase) => withBeside(phase, teachers.weights)),
    withBeside(teachers, updates.weights + updates.moments),
  ];
}

/** The student's training, on answers as long as they may become. */
function planLearning(
  { model, maxCompletionLength, options }: PlannedDistillation,
  promptTokens: number,
): Promise<PhaseMemory> {
  const { batchSequences } = options.train;
  const tokens = Math.min(promptTokens + maxCompletionLength + 1, contextOf(model.config));
  const sequence = { ids: new Int32Array(tokens), learnFrom: promptTokens };
  const host = {
    name: "training",
    what: `${batchSequences} sequences of up to ${tokens} tokens`,
    bytes: sequenceBytes(batchSequences, tokens),
    mend: `lower train.batchSequences (now ${batchSequences})`,
  };
  const many = <E>(example: E): E[] => Array.from({ length: batchSequences }, () => example);
  if (options.method !== "logits")
    return planTraining(model, "training", { sequences: many(sequence), host }, options.train);
  const k = Math.min(options.logits.topK, model.config.vocab_size);
  const count = countTargets([sequence]);
  const soft = { tokens: new Int32Array(count * k), logProbs: new Float32Array(count * (k + 1)) };
  const objective = divergenceObjective(options.logits, options.train);
  return planTraining(
    model,
    "training",
    { sequences: many({ ...sequence, soft }), host },
    { ...options.train, objective },
  );
}

/** What the teachers do: all of them are open meanwhile, and one at a time works. */
async function planTeachers(
  planned: PlannedDistillation,
  plan: (model: PlannedModel, promptTokens: number) => Promise<PhaseMemory>,
): Promise<PhaseMemory> {
  const phases: PhaseMemory[] = [];
  for (const { facts } of planned.teachers) {
    const template = planned.options.template ?? defaultPromptStyle(facts.tokenizer, facts.generation);
    const promptTokens = longestOf(planned, { ...facts, template });
    const { config, compute, isTrainedHere, directory } = facts;
    phases.push(
      await (isTrainedHere
        ? plan({ config, compute }, promptTokens)
        : withFrozen(directory, { config, compute: "bf16" as const }, (model) => plan(model, promptTokens))),
    );
  }
  const fullest = phases.reduce((a, b) => (b.peak - b.weights > a.peak - a.weights ? b : a));
  const others = phases.reduce((sum, { weights }) => sum + weights, 0) - fullest.weights;
  return withBeside(fullest, others);
}

function planTeacher(
  { maxCompletionLength, options }: PlannedDistillation,
  model: PlannedModel,
  promptTokens: number,
): Promise<PhaseMemory> {
  const { maxSequences, samplesPerProblem } = options.sampling;
  const mend = `lower sampling.maxSequences (now ${maxSequences})`;
  const count = 2 * Math.max(maxSequences, samplesPerProblem);
  const host = completionsHost("sampling", count, maxCompletionLength, mend);
  return planSampling(model, "teacher", {
    ...{ promptTokens, maxNewTokens: maxCompletionLength, maxSequences, trains: false, host },
  });
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

/** What to turn down when a phase will not fit. */
export function distillRemedies({ name }: PhaseMemory, options: DistillOptions): MemoryRemedies {
  const { method, train, onPolicy, sampling, evaluation } = options;
  const [section, { microBatchTokens }] =
    method === "on-policy" ? (["onPolicy", onPolicy] as const) : (["train", train] as const);
  const maxSequences =
    name === "evaluation"
      ? `lower evaluation.maxSequences (now ${evaluation.maxSequences})`
      : `lower sampling.maxSequences (now ${sampling.maxSequences})`;
  const activations =
    name === "training" || name === "updates"
      ? `lower ${section}.microBatchTokens (now ${microBatchTokens}) or set ${section}.recomputeLayers=true`
      : maxSequences;
  const model = name === "teacher" ? "choose a smaller teacher, or a quantised file of it" : "choose a smaller student";
  return { model, activations, cache: maxSequences };
}
