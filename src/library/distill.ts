// A whole distillation: teachers and student opened, plan, run directory, report. Knows no flags.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type DistillSummary, distillRun } from "../distill/distill-run.js";
import { type DistillInput, type DistillOptions, distillOptions } from "../distill/options.js";
import { distillRemedies, type PlannedTeacher, planDistillation } from "../distill/plan.js";
import { refuseOtherVocabulary } from "../distill/same-vocabulary.js";
import { newStudent, openStudent, type Student, studentOf } from "../distill/student.js";
import { refuseTeachers, type TeacherSource } from "../distill/teachers.js";
import { ConfigError, didYouMean } from "../errors.js";
import { filesOfModel } from "../inference/opening/model-location.js";
import { type ModelFacts, readModelFacts, withFrozen } from "../inference/opening/open-model.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import { defaultRunName } from "../run/run-directory.js";
import type { Task } from "../tasks/task.js";
import { Progress } from "../terminal/progress.js";
import { isShape, SHAPES } from "../train/fresh-config.js";
import { trainedAdapters } from "../train/lora-options.js";
import { outlineOf, type PlannedModel } from "../train/memory-plan.js";
import { adapterRows, count, modelRow, type PlanRow, printPlan } from "../train/plan-lines.js";
import { type RunContext, withRun } from "../train/run-context.js";
import { dataFiles } from "./data-files.js";
import { taskAlone } from "./find-task.js";
import { architectureRules, type IdleRule, refuseIdle } from "./idle-settings.js";
import { placeOfModel, toStandardError } from "./load.js";
import { ensureMachine } from "./machine.js";
import { DATA_TASK } from "./modules.js";

/** What is to be distilled; all of it is in the run's config.json. */
export interface DistillRequest {
  readonly teachers: readonly TeacherSource[];
  /** Where the student lies, or the shape of a new one. */
  readonly student: string;
  /** A task's name or module; null: the task the teacher was trained for. */
  readonly task: string | null;
  /** The files of a data set. */
  readonly data?: readonly string[];
  readonly options: DistillOptions;
  readonly seed: number;
}

/** What `distill` takes. */
export interface DistillCall {
  /** Run, model directory, GGUF file, or a model of the hub; or several, each by the domain that it teaches. */
  readonly teacher: string | Readonly<Record<string, string>>;
  /** A model that is there, or the shape of a new one: a preset, a released shape, a config.json. */
  readonly student: string;
  /** Rows with `prompt` and, where it can be verified, `answer`: files, folders, patterns, or pulled data sets. */
  readonly data?: string | readonly string[];
  /** In place of data: a task by name or module; default: the one the teacher was trained for. */
  readonly task?: string;
  /** As `--set` takes them (docs/options.md): `{ sampling: { problems: 500 }, train: { epochs: 3 } }`. */
  readonly options?: DistillInput;
  readonly seed?: number;
  /** Directory of the run; default: `runs/distill-<date>-<time>`. */
  readonly out?: string;
  /** Go on with the run in `out`, exactly as if it had not stopped. */
  readonly resume?: boolean;
  /** Show no progress; by default it goes to standard error. */
  readonly quiet?: boolean;
  /** Stops the run after its state was saved; `distill` then throws `Interrupted`. */
  readonly signal?: AbortSignal;
}

/**
 * Distils a teacher into a student: `luciole distill` as a function, with the same plan, run directory, report and
 * resume. Gives the run's summary. Throws ConfigError for what cannot be meant, BackendError where it does not fit into
 * memory, TrainingError where no answer of the teacher is fit to learn from.
 */
export async function distill(call: DistillCall): Promise<DistillSummary> {
  const { teacher, student, data, options = {}, seed = 0, resume = false, signal } = call;
  if (resume && call.out === undefined)
    throw new ConfigError("distill: `resume` continues the run in `out`; set `out` to its directory");
  const progress = new Progress({ json: true, ...(call.quiet ? { mode: "silent" as const } : {}) });
  const named = typeof teacher === "string" ? [[null, teacher] as const] : Object.entries(teacher);
  const context: RunContext = {
    path: call.out ?? `runs/${defaultRunName("distill", new Date())}`,
    resumes: resume,
    progress,
    signal: signal ?? new AbortController().signal,
    machine: await ensureMachine(),
    notice: toStandardError,
    acceptChanges: false,
  };
  try {
    const teachers = await Promise.all(
      named.map(async ([domain, name]) => ({ domain, path: resolve(await placeOfModel(name)) })),
    );
    const request: DistillRequest = {
      teachers,
      student: isShape(student) ? student : resolve(await placeOfModel(knownStudent(student))),
      task: call.task ?? (data === undefined ? null : DATA_TASK),
      data: data === undefined ? undefined : dataFiles([data].flat()),
      options: distillOptions(options),
      seed,
    };
    return await performDistillation(context, request, options);
  } finally {
    progress.close();
  }
}

/** The name of a student that is no shape. Throws ConfigError where nothing is called so, and it is nearly a shape's. */
export function knownStudent(name: string): string {
  const hint = didYouMean(name, SHAPES);
  if (hint === "" || existsSync(name)) return name;
  throw new ConfigError(`--student ${name}: no such model, and no such shape${hint}`);
}

/** Answers of a task without a list of problems: to so many. */
const DEFAULT_PROBLEMS = 2048;
/** Tokens of an answer, where the teacher's files name no limit. */
const DEFAULT_TOKENS = 1024;

/**
 * Plans, runs and sums up a distillation, or goes on with one. `given`: the options that were asked for, which must
 * mean something.
 */
export function performDistillation(
  context: RunContext,
  request: DistillRequest,
  given: object,
): Promise<DistillSummary> {
  return withRun("distill", context, async ({ checkpoint, begin }) => {
    const { options, seed, teachers: sources } = request;
    refuseTeachers(sources);
    const teachers = await Promise.all(
      sources.map(async (source): Promise<PlannedTeacher> => ({ ...source, facts: await readModelFacts(source.path) })),
    );
    const [{ facts: teacher }] = teachers;
    const { task, recorded, files } = await taskAlone(request, teacher, { withoutAnswer: true });
    if (task.environment && options.method !== "on-policy")
      throw new ConfigError(
        `distill: task ${task.name} has an environment, whose turns are no answer to learn; use method=on-policy`,
      );
    const student = await studentFor(request, teacher, checkpoint?.directory);
    if (options.method === "logits" && teachers.length > 1)
      throw new ConfigError("distill: method=logits takes one teacher; choose sequence or on-policy for several");
    if (options.method !== "sequence")
      for (const { facts } of teachers)
        refuseOtherVocabulary(facts.tokenizer, student.tokenizer, "choose another student, or method=sequence");
    const adapters = trainedAdapters(options.lora, seed);
    const model: PlannedModel = { config: student.config, compute: student.compute, adapters };
    refuseIdle(given, idleRules(request, model));
    const maxCompletionLength = options.sampling.maxCompletionLength ?? limitOf(teacher);
    const problems = options.sampling.problems ?? task.numProblems?.train ?? DEFAULT_PROBLEMS;
    const work = { teachers, task, isEvaluated: isEvaluated(task, seed), maxCompletionLength, problems, options };
    const plan = (planned: PlannedModel) => planDistillation({ ...work, student, model: planned, seed });
    const stages = await (options.lora ? withFrozen(student.directory as string, model, plan) : plan(model));
    const rows: PlanRow[] = [
      ...teachers.map(teacherRow),
      modelRow(model),
      ...adapterRows(model),
      ["task", `${task.name}, ${sizesOf(options, problems)} of up to ${maxCompletionLength} tokens`],
    ];
    printPlan(context.progress, rows, stages, (phase) => distillRemedies(phase, options));
    const fingerprints = fingerprintsOf([
      ...files,
      ...teachers.flatMap(({ facts }) => filesOfModel(facts.directory)),
      ...(options.lora ? filesOfModel(student.directory as string) : []),
    ]);
    const run = begin({ seed, options: recordedOptions(request), fingerprints, compute: student.compute });
    const { tokenizer, template, stopIds } = student;
    const policy = { model: await openStudent(student, adapters, seed), tokenizer, template, stopIds };
    const generation = {
      ...student.generation,
      prompt_template: template,
      ...recorded,
      temperature: options.evaluation.temperature,
      top_p: options.evaluation.topP,
      max_new_tokens: maxCompletionLength,
    };
    const base = options.lora ? request.student : undefined;
    const { checkpointSeconds } = options;
    return distillRun({ ...run, ...work, policy, generation, base, checkpoint, checkpointSeconds });
  });
}

/** The student as it begins, or as the checkpoint has it; under an adapter always the model that was named. */
async function studentFor(
  { student, options }: DistillRequest,
  teacher: ModelFacts,
  checkpoint: string | undefined,
): Promise<Student> {
  if (isNew(student) && options.lora)
    throw new ConfigError("lora needs a student that has learnt something: name a model with --student");
  if (checkpoint !== undefined && !options.lora) return studentOf(await readModelFacts(checkpoint), options);
  if (isNew(student)) return newStudent(student, options.model, teacher, options);
  return studentOf(await readModelFacts(student), options);
}

/** Whether a student is made from nothing: a shape by name, or a configuration without weights. */
const isNew = (student: string): boolean => isShape(student) || student.endsWith(".json");

function idleRules({ options, student }: DistillRequest, model: PlannedModel): IdleRule[] {
  const { filter, train, method } = options;
  const isOnPolicy = method === "on-policy";
  const ofTeacher = ["problems", "samplesPerProblem", "temperature", "topP"].map((key) => `sampling.${key}`);
  return [
    ...[...ofTeacher, "filter", "train"].map((path): IdleRule => [path, isOnPolicy, "the student samples (method)"]),
    ["onPolicy", !isOnPolicy, "the teacher samples (method)"],
    ["logits", method !== "logits", "only method=logits learns the teacher's distribution"],
    ["model", !isNew(student), "the student is a model that is there"],
    ["filter.minLanguage", filter.language === null, "filter.language names no language"],
    ["train.epochs", train.steps !== null, "train.steps says how long the training is"],
    ...architectureRules(outlineOf(model), isOnPolicy ? "onPolicy." : "train."),
  ];
}

const limitOf = ({ generation: { max_new_tokens: recorded } }: ModelFacts): number =>
  typeof recorded === "number" ? recorded : DEFAULT_TOKENS;

/** Whether there is a held-out problem, and a verifier for it. */
function isEvaluated(task: Task, seed: number): boolean {
  if (task.numProblems?.heldout === 0) return false;
  return task.hasVerifier?.(task.generate(seed, 0, "heldout")) ?? true;
}

/** How much is sampled. */
function sizesOf({ method, sampling, onPolicy }: DistillOptions, problems: number): string {
  if (method !== "on-policy") return `${count(problems)} problems x ${sampling.samplesPerProblem} answers`;
  const { steps, numPrompts, numGenerations } = onPolicy;
  return `${count(steps)} steps of ${numPrompts} problems x ${numGenerations} completions`;
}

const teacherRow = ({ domain, path, facts }: PlannedTeacher): PlanRow => [
  "teacher",
  `${path}${domain === null ? "" : ` for ${domain}`} (${facts.config.model_type})`,
];

/** What config.json keeps: the options, and under `source` what they are applied to. */
const recordedOptions = ({ options, teachers, student, task, data }: DistillRequest) => ({
  ...options,
  source: { teachers, student, task, data },
});
