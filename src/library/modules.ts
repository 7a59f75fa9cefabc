// A person's own tasks, environments and rewards: TypeScript or JavaScript modules, loaded as they are, and built-in
// ones by name.
import { existsSync, readFileSync } from "node:fs";
import { basename, extname, join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { QuestionColumns } from "../data/columns.js";
import { readAllRows } from "../data/rows.js";
import { ConfigError, DataError, didYouMean, LucioleError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { filesOfModel } from "../inference/opening/model-location.js";
import { packageRoot } from "../package-root.js";
import { rewardModelUseSchema } from "../preference/options.js";
import { openRewardModel, type RewardModel, rewardModel } from "../preference/reward-model.js";
import { failureText } from "../tasks/call-limits.js";
import { createDataTask } from "../tasks/data-task.js";
import type { EnvironmentOptions } from "../tasks/environment.js";
import { createReward, REWARD_NAMES } from "../tasks/named-rewards.js";
import { parseOptions } from "../tasks/options.js";
import { createTask, TASK_NAMES } from "../tasks/registry.js";
import type { RewardFunction, RewardSample, WeightedReward } from "../tasks/reward.js";
import type { Environment, Task, TaskEnvironment } from "../tasks/task.js";

/** A reward with or without a weight. */
export type AnyReward = RewardFunction | WeightedReward;
/**
 * A reward by name (`accuracy`, `format:0.5`), from a module (`./reward.ts`), of a reward model (`rm:runs/helpful`,
 * `rm:runs/helpful:0.5`), or as a function.
 */
export type NamedReward = string | AnyReward;

const isModulePath = (name: string): boolean => /\.[cm]?[jt]s$/.test(name);

/** The path of a module, so that it is found from any directory; any other name as it is. */
export const absoluteModule = (name: string): string => (isModulePath(name) ? resolve(name) : name);

/** The task of a data set, whose rows are read from its files. */
export const DATA_TASK = "data";
const ALL_TASKS = [...TASK_NAMES, DATA_TASK];

/**
 * The task by its name, from a module or of a data set, and the files it comes from. A module's function gets the files
 * of the data set as its option `files`. With `withoutAnswer`, rows of a data set may have a question alone. Throws
 * ConfigError for a name or module that is none, DataError for bad data.
 */
export async function loadTask(
  name: string,
  options: Readonly<Record<string, unknown>>,
  data: readonly string[] = [],
  { withoutAnswer = false }: Pick<QuestionColumns, "withoutAnswer"> = {},
): Promise<{ task: Task; files: string[] }> {
  if (isModulePath(name)) {
    const { value, files } = await importDefault(name);
    const all = data.length === 0 ? options : { ...options, files: data };
    return { task: await taskFrom(value, name, all), files: [...files, ...data] };
  }
  if (!ALL_TASKS.includes(name)) throw noSuchTask(name);
  if (name !== DATA_TASK && data.length > 0)
    throw new ConfigError(`--data has no effect with --task ${name}; leave one of them out`);
  if (name !== DATA_TASK) return { task: createTask(name, options), files: [] };
  if (data.length === 0) throw new ConfigError("the model was trained on a data set: give one with --data <file>");
  return { task: createDataTask(await readAllRows(data), options, { withoutAnswer }), files: [...data] };
}

/** Environments by name. They are examples too: files of the package, which people copy and change. */
export const ENVIRONMENT_NAMES = ["calculator", "guess-the-number"] as const;
/** An environment by name (`calculator`), from a module (`./game.ts`), or as it is. */
export type NamedEnvironment = string | Environment;

/**
 * The environment by its name or from a module, whose function gets the options of the environment, and the files of a
 * person's own that it comes from. Throws ConfigError for a name or module that is none.
 */
export async function loadEnvironment(
  named: NamedEnvironment,
  { maxTurns, timeoutSeconds, options }: EnvironmentOptions,
): Promise<{ environment: TaskEnvironment; files: string[] }> {
  const placed = (environment: Environment) => ({
    environment,
    maxTurns: maxTurns ?? 16,
    timeoutSeconds: timeoutSeconds ?? 10,
  });
  if (typeof named !== "string") return { environment: placed(environmentFrom(named, "(an object)")), files: [] };
  const isOwn = isModulePath(named);
  if (!isOwn && !ENVIRONMENT_NAMES.includes(named as (typeof ENVIRONMENT_NAMES)[number]))
    throw new ConfigError(
      `--environment ${named}: expected ${ENVIRONMENT_NAMES.join(", ")} or a module ` +
        `(./game.ts)${didYouMean(named, ENVIRONMENT_NAMES)}`,
    );
  const { value, files } = await importDefault(isOwn ? named : join(packageRoot(), "examples", `${named}.ts`));
  if (typeof value !== "function" && Object.keys(options).length > 0)
    throw new ConfigError(
      `environment.options has no effect: ${named} exports an environment, not a function that takes options`,
    );
  const found = environmentFrom(await made(value, options, `--environment ${named}`), named);
  return { environment: placed(found), files: isOwn ? files : [] };
}

function environmentFrom(value: unknown, from: string): Environment {
  const made = value as Partial<Environment> | null | undefined;
  const { stops = [], name = basename(from, extname(from)) } = made ?? {};
  if (typeof made?.begin !== "function")
    throw new ConfigError(
      `--environment ${from}: its default export must be an environment, or a function that returns one; it lacks begin`,
    );
  if (!Array.isArray(stops) || !stops.every((stop) => typeof stop === "string" && stop !== ""))
    throw new ConfigError(`--environment ${from}: stops must be a list of texts that are not empty`);
  return made.name === undefined ? Object.assign(Object.create(made), { name }) : (made as Environment);
}

function noSuchTask(name: string): ConfigError {
  const what = `expected ${ALL_TASKS.join(", ")} or a module (./task.ts)`;
  return new ConfigError(`--task ${name}: ${what}${didYouMean(name, ALL_TASKS)}`);
}

/** What a module exports, or what its function makes of options. */
async function made(value: unknown, options: object, flag: string): Promise<unknown> {
  if (typeof value !== "function") return value;
  try {
    return await value(options);
  } catch (error) {
    if (error instanceof LucioleError) throw error;
    throw new ConfigError(`${flag}: its function failed: ${failureText(error)}`, { cause: error });
  }
}

async function taskFrom(value: unknown, name: string, options: object): Promise<Task> {
  const task = (await made(value, options, `--task ${name}`)) as Partial<Task> | undefined;
  const lacking = (["generate", "verify", "renderPrompt"] as const).filter(
    (method) => typeof task?.[method] !== "function",
  );
  if (lacking.length === 0) return task as Task;
  throw new ConfigError(
    `--task ${name}: its default export must be a task, or a function that returns one; it lacks ${lacking.join(", ")}`,
  );
}

/**
 * Built-in rewards (`accuracy`, or `format:0.5` with a weight), with their options by name, those of reward models
 * (`rm:<dir>`), and those of modules, whose default export is a reward or a list of them; the files of modules and
 * models; the models, which the caller disposes. Throws ConfigError also for options of a reward that is not among
 * them.
 */
export async function loadRewards(
  named: readonly NamedReward[],
  task: Task,
  options: Readonly<Record<string, object>> = {},
): Promise<{ rewards: AnyReward[]; files: string[]; models: RewardModel[] }> {
  const builtInNames = named
    .filter((each) => typeof each === "string" && !isModulePath(each))
    .map((name) => (isRewardModel(name as string) ? "rm" : (name as string).split(":")[0]));
  const idle = Object.keys(options).find((name) => !builtInNames.includes(name));
  if (idle)
    throw new ConfigError(
      `rewards.${idle} is set, but the run has no --reward ${idle}${didYouMean(idle, builtInNames)}`,
    );
  const rewards: AnyReward[] = [];
  const files: string[] = [];
  const models: RewardModel[] = [];
  for (const each of named) {
    if (typeof each !== "string") rewards.push(...rewardsFrom(each, "(a function)"));
    else if (isRewardModel(each)) {
      const { reward, model } = await rewardModelNamed(each, task, options.rm);
      rewards.push(reward);
      models.push(model);
      files.push(...filesOfModel(model.directory));
    } else if (!isModulePath(each)) rewards.push(builtIn(each, task, options));
    else {
      const imported = await importDefault(each);
      rewards.push(...rewardsFrom(imported.value, each));
      files.push(...imported.files);
    }
  }
  return { rewards, files, models };
}

/** A reward model is named by its directory behind `rm:`. */
const isRewardModel = (name: string): boolean => name.startsWith("rm:");

/** The path in the name of a reward model, and its weight where one is behind it; null for other names. */
export function rewardModelIn(name: string): { readonly path: string; readonly weight: string } | null {
  const [, path, weight = "1"] = /^rm:(.+?)(?::(-?\d[\d.e-]*))?$/.exec(name) ?? [];
  return path === undefined ? null : { path, weight };
}

async function rewardModelNamed(name: string, task: Task, options: object = {}): Promise<OpenedReward> {
  const found = rewardModelIn(name);
  if (!found)
    throw new ConfigError(`--reward ${name}: expected the directory of a reward model, such as rm:runs/helpful`);
  const weight = Number(found.weight);
  if (!Number.isFinite(weight))
    throw new ConfigError(`--reward ${name}: the weight must be a number, got "${found.weight}"`);
  const { from, ...use } = parseOptions(rewardModelUseSchema, options, "reward rm");
  const question = ({ problem }: RewardSample) => task.renderPrompt(problem, "plain");
  const model = await openRewardModel(resolve(resolveModel(found.path)));
  return {
    model,
    reward: { reward: rewardModel(model, { ...use, question, name: `rm_${basename(found.path)}` }), weight, from },
  };
}

/** A reward model that is opened, and the reward that it gives. */
interface OpenedReward {
  readonly model: RewardModel;
  readonly reward: WeightedReward;
}

function builtIn(text: string, task: Task, options: Readonly<Record<string, object>>): WeightedReward {
  const [name, weightText = "1"] = text.split(":");
  const weight = Number(weightText);
  if (!REWARD_NAMES.includes(name))
    throw new ConfigError(
      `--reward ${name}: expected ${REWARD_NAMES.join(", ")} or a module ` +
        `(./reward.ts)${didYouMean(name, REWARD_NAMES)}`,
    );
  if (weightText.trim() === "" || !Number.isFinite(weight))
    throw new ConfigError(`--reward ${text}: the weight must be a number, got "${weightText}"`);
  return { reward: createReward(name, task, options[name]), weight };
}

function rewardsFrom(value: unknown, name: string): AnyReward[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every(isReward)) return list;
  throw new ConfigError(
    `--reward ${name}: its default export must be a reward function, { reward, weight } or a list of these`,
  );
}

function isReward(value: unknown): value is AnyReward {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null) return false;
  return "scoreBatch" in value || ("reward" in value && isReward(value.reward));
}

/**
 * Imports a module in any of the languages; it may import "luciole/…" wherever it lies, and gets this very program's
 * modules. `files` are it and those of a person's own that it imports in turn (but for .mjs files, which Node itself
 * loads).
 */
async function importDefault(path: string): Promise<{ value: unknown; files: string[] }> {
  const file = resolve(path);
  if (!existsSync(file)) throw new ConfigError(`${path}: no such file`);
  const { createJiti } = await import("jiti");
  let loaded: Record<string, unknown>;
  const jiti = createJiti(pathToFileURL(file).href, { alias: ownEntries(), fsCache: false, interopDefault: false });
  const before = new Set(Object.keys(jiti.cache));
  try {
    loaded = await jiti.import(file);
  } catch (error) {
    if (error instanceof LucioleError) throw error;
    throw new DataError(`${path} cannot be loaded: ${(error as Error).message.split("\n")[0]}`, { cause: error });
  }
  if (loaded.default === undefined)
    throw new ConfigError(`${path}: expected a default export, found ${Object.keys(loaded).join(", ") || "none"}`);
  const others = Object.keys(jiti.cache).filter((each) => !before.has(each) && isPersonal(each));
  return { value: loaded.default, files: [...new Set([file, ...others])] };
}

/** Not of an installed package, and not of this program. */
const isPersonal = (file: string): boolean =>
  !file.split(sep).includes("node_modules") && !file.startsWith(join(packageRoot(), "dist") + sep);

/** This package's entries by the names people import: `luciole`, `luciole/rl`, … */
function ownEntries(): Record<string, string> {
  const root = packageRoot();
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    exports: Record<string, string | { default: string }>;
  };
  const fileOf = (entry: string | { default: string }) => join(root, typeof entry === "string" ? entry : entry.default);
  return Object.fromEntries(Object.entries(exports).map(([key, entry]) => [`luciole${key.slice(1)}`, fileOf(entry)]));
}
