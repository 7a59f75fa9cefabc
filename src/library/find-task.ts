// Which problems a model is put to, and in which environment: what is asked for, else what it was trained on. Knows no
// flags.
import type { QuestionColumns } from "../data/columns.js";
import { ConfigError } from "../errors.js";
import type { ModelFacts } from "../inference/opening/open-model.js";
import { type EnvironmentOptions, environmentSchema, inEnvironment } from "../tasks/environment.js";
import { isRecord, parseOptions } from "../tasks/options.js";
import type { Task } from "../tasks/task.js";
import { loadEnvironment, loadTask, type NamedEnvironment } from "./modules.js";

/** What is asked for. */
export interface TaskRequest {
  /** A task's name or module; null: the environment's own, else the one the model was trained on. */
  readonly task: string | null;
  /** The files of a data set. */
  readonly data?: readonly string[];
  /** What answers the model's turns; null: nothing, or with the model's own task what did in training. */
  readonly environment?: NamedEnvironment | null;
  readonly options: {
    readonly task: Readonly<Record<string, unknown>>;
    readonly environment: EnvironmentOptions;
  };
}

/** A task, in its environment where there is one. */
export interface FoundTask {
  readonly task: Task;
  /** What generation_config.json says of both, so that they are found again. */
  readonly recorded: Readonly<Record<string, unknown>>;
  /** Files of a person's own that both come from. */
  readonly files: readonly string[];
}

type Generation = ModelFacts["generation"];

/** Finds the task, with the options of training and those given. Throws ConfigError where nothing names one. */
export async function taskFor(
  request: TaskRequest,
  { generation }: { readonly generation: Generation },
): Promise<FoundTask> {
  const { environment, options, trained } = environmentOf(request, generation);
  if (environment === null) return taskAlone(request, { generation });
  const { environment: placed, files } = await loadEnvironment(environment, options);
  const { task: own, name } = placed.environment;
  const found = own ? ownTask(request, own, name, trained) : await taskAlone(request, { generation });
  return {
    task: inEnvironment(found.task, placed),
    recorded: {
      ...found.recorded,
      environment: typeof environment === "string" ? environment : name,
      environment_options: { ...options, maxTurns: placed.maxTurns, timeoutSeconds: placed.timeoutSeconds },
    },
    files: [...found.files, ...files],
  };
}

/** The environment asked for, else that of training where its task is asked for too, with its options of then. */
function environmentOf({ task, data, environment = null, options }: TaskRequest, generation: Generation) {
  const { environment: trained, environment_options: before } = generation;
  const isTrained = environment === null && task === null && data === undefined && typeof trained === "string";
  if (!isTrained) return { environment, options: options.environment, trained: isTrained };
  const recorded = parseOptions(environmentSchema, before, "generation_config.json: environment_options");
  const { maxTurns, timeoutSeconds, options: own } = options.environment;
  const merged = {
    maxTurns: maxTurns ?? recorded.maxTurns,
    timeoutSeconds: timeoutSeconds ?? recorded.timeoutSeconds,
    options: { ...recorded.options, ...own },
  };
  return { environment: trained, options: merged, trained: isTrained };
}

/** The problems that a game brings: there are no others, and no options but the environment's. */
function ownTask({ task, data, options }: TaskRequest, own: Task, name: string, isTrained: boolean): FoundTask {
  if (task !== null || data !== undefined)
    throw new ConfigError(
      `environment ${name} has problems of its own; leave out --${task !== null && data === undefined ? "task" : "data"}`,
    );
  const [option] = Object.keys(options.task);
  if (option !== undefined && !isTrained)
    throw new ConfigError(`task.${option} has no effect: options of environment ${name} are environment.options.*`);
  return { task: own, recorded: {}, files: [] };
}

/**
 * The task without an environment. `columns`: whether rows of a data set may lack an answer. Throws ConfigError where
 * nothing names a task.
 */
export async function taskAlone(
  {
    task,
    data,
    options,
  }: Pick<TaskRequest, "task" | "data"> & { readonly options: Pick<TaskRequest["options"], "task"> },
  { generation }: { readonly generation: Generation },
  columns: Pick<QuestionColumns, "withoutAnswer"> = {},
): Promise<FoundTask> {
  const name = task ?? (typeof generation.task === "string" ? generation.task : undefined);
  if (!name)
    throw new ConfigError(
      "expected a task (--task <name>), a data set (--data <file>) or a game (--environment <name>): the model's files " +
        "name no task",
    );
  const before = name === generation.task && isRecord(generation.task_options) ? generation.task_options : {};
  const merged = { ...before, ...options.task } as Record<string, never>;
  return { ...(await loadTask(name, merged, data, columns)), recorded: { task: name, task_options: merged } };
}
