// A whole reinforcement of a model that is already there: plan, run directory, rewards by name or as functions, report.
// Knows no flags.
import { resolve } from "node:path";
import type { Machine } from "../backends/machine.js";
import { ConfigError } from "../errors.js";
import { defaultPromptStyle, type PromptStyle } from "../eval/problem-prompt.js";
import type { Policy } from "../eval/rollout.js";
import { type ModelFacts, openModel, readModelFacts } from "../inference/opening/open-model.js";
import { parseGrpoOptions } from "../rl/config.js";
import { planReinforcement, reinforcementKnobs } from "../rl/memory-plan.js";
import { completionLimit } from "../rl/reinforce.js";
import { type RlRunOptions, rlRunOptions } from "../rl/rl-options.js";
import { reinforceRun } from "../rl/rl-run.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import type { RunSummary } from "../run/records.js";
import { defaultRunName, RunDirectory } from "../run/run-directory.js";
import type { Task } from "../tasks/task.js";
import { Progress } from "../terminal/progress.js";
import { outlineOf, planLines, refuseIfTooLarge } from "../train/memory-plan.js";
import { reopenRun } from "../train/reopen.js";
import { architectureRules, refuseIdle } from "./idle-settings.js";
import { placeOfModel, toStandardError } from "./load.js";
import { ensureMachine } from "./machine.js";
import { loadRewards, loadTask, type NamedReward } from "./modules.js";

/** What is to be reinforced, on what and for what; all of it is in the run's config.json, functions by their names. */
export interface Reinforcement {
  /** Where the model lies. */
  readonly model: string;
  /** A task's name or module; null: the task the model was trained for. */
  readonly task: string | null;
  /** The data set of a jsonl task. */
  readonly data?: string;
  readonly rewards: readonly NamedReward[];
  readonly options: RlRunOptions;
  readonly seed: number;
}

/** What a run is given to work with. */
export interface RunSurroundings {
  /** The run's directory, to be made or to be gone on with. */
  readonly path: string;
  readonly resumes: boolean;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly machine: Machine;
  readonly notice: (line: string) => void;
  /** Go on although files that decide the run have changed. */
  readonly acceptChanges: boolean;
}

/** What `reinforce` takes. */
export interface ReinforceRequest {
  /** Run, model directory, GGUF file, or a model of the hub, which is pulled where it is not there. */
  readonly model: string;
  /** JSONL with `prompt`, `answer` and any other columns. */
  readonly data?: string;
  /** In place of data: a task by name or module; default: the one the model was trained for. */
  readonly task?: string;
  /** Default: accuracy and format. */
  readonly rewards?: readonly NamedReward[];
  /** As `--set` takes them (docs/options.md): `{ rl: { steps: 30 }, task: { … }, evaluation: { … } }`. */
  readonly options?: object;
  readonly seed?: number;
  /** Directory of the run; default: `runs/rl-<date>-<time>`. */
  readonly out?: string;
  /** Go on with the run in `out`, exactly as if it had not stopped. */
  readonly resume?: boolean;
  /** Show no progress; by default it goes to standard error. */
  readonly quiet?: boolean;
  /** Stops the run after its state was saved; `reinforce` then throws `Interrupted`. */
  readonly signal?: AbortSignal;
}

/** The rewards of a run that names none. */
export const DEFAULT_REWARDS = ["accuracy", "format"] as const;

/**
 * Reinforces a model by GRPO: `luciole rl` as a function, with the same plan, run directory, report and resume. Gives
 * the run's summary. Throws ConfigError for what cannot be meant, BackendError where it does not fit into memory.
 */
export async function reinforce(request: ReinforceRequest): Promise<RunSummary> {
  const {
    data,
    task = data === undefined ? null : "jsonl",
    rewards = DEFAULT_REWARDS,
    options = {},
    seed = 0,
    quiet,
    signal,
  } = request;
  if (request.resume && request.out === undefined)
    throw new ConfigError("reinforce: `resume` continues the run in `out`; set `out` to its directory");
  const progress = new Progress({ json: true, ...(quiet ? { mode: "silent" as const } : {}) });
  const around = {
    path: request.out ?? `runs/${defaultRunName("rl", new Date())}`,
    resumes: request.resume ?? false,
    progress,
    signal: signal ?? new AbortController().signal,
    machine: await ensureMachine(),
    notice: toStandardError,
    acceptChanges: false,
  };
  try {
    const model = resolve(await placeOfModel(request.model));
    return await performReinforcement(
      around,
      { model, task, data: data && resolve(data), rewards, options: rlRunOptions(options), seed },
      options,
    );
  } finally {
    progress.close();
  }
}

/**
 * Plans, runs and sums up a reinforcement, or goes on with one. `given`: the options that were asked for, which must
 * mean something.
 */
export async function performReinforcement(
  context: RunSurroundings,
  request: Reinforcement,
  given: object,
): Promise<RunSummary> {
  const reopened = context.resumes ? await reopenRun(context.path, "rl", context) : undefined;
  let run = reopened?.run;
  try {
    const { options, seed } = request;
    // A run that goes on needs its first weights no more.
    const facts = await readModelFacts(reopened?.checkpoint?.directory ?? request.model);
    const compute = options.compute ?? facts.compute;
    refuseIdle(given, [
      ["rl.refRefreshSteps", parseGrpoOptions(options.rl).beta === 0, "with rl.beta=0 there is no reference"],
      ...architectureRules(outlineOf({ config: facts.config, compute }), "rl."),
    ]);
    const { task, taskName, taskOptions, files: taskFiles } = await taskFor(request, facts);
    const { rewards, files: rewardFiles } = await loadRewards(request.rewards, task, rewardOptions(request));
    const template = options.template ?? defaultPromptStyle(facts.tokenizer, facts.template);
    await tellPlan(context, request, facts, task, template);
    run ??= newRun(context, request, [...taskFiles, ...rewardFiles]);
    const { model, tokenizer, stopIds } = await openModel(facts.directory, { compute });
    const policy: Policy = { model, tokenizer, template, stopIds };
    const { temperature, topP } = options.evaluation;
    const generation = {
      ...facts.generation,
      prompt_template: template,
      task: taskName,
      task_options: taskOptions,
      temperature,
      top_p: topP,
      max_new_tokens: completionLimit(options.rl),
    };
    const { progress, signal, machine } = context;
    const around = {
      run,
      checkpoint: reopened?.checkpoint,
      seed,
      progress,
      signal,
      peakFlops: machine.peakFlops(compute),
    };
    return await reinforceRun({ ...around, policy, generation, task, rewards, options });
  } finally {
    run?.close();
  }
}

/**
 * Options of the rewards. Where the overlong punishment sets in follows from the run's own limit unless it is given.
 */
function rewardOptions({ rewards, options }: Reinforcement): Readonly<Record<string, object>> {
  const name = "soft_overlong_punishment";
  if (!rewards.some((reward) => typeof reward === "string" && reward.split(":")[0] === name)) return options.rewards;
  const given = options.rewards[name] ?? {};
  const maxCompletionTokens = Number(given.maxCompletionTokens ?? parseGrpoOptions(options.rl).maxCompletionLength);
  return {
    ...options.rewards,
    [name]: { maxCompletionTokens, cacheTokens: Math.max(1, Math.round(maxCompletionTokens / 5)), ...given },
  };
}

/** The task asked for, or the one the model was trained for, with the options it was trained with and those given. */
export async function taskFor(
  { task, data, options }: Pick<Reinforcement, "task" | "data"> & { options: Pick<RlRunOptions, "task"> },
  { generation }: ModelFacts,
) {
  const taskName = task ?? (typeof generation.task === "string" ? generation.task : undefined);
  if (!taskName)
    throw new ConfigError(
      "expected a task (--task <name>) or a data set (--data <file.jsonl>): the model's files name no task",
    );
  const trained =
    taskName === generation.task && typeof generation.task_options === "object" ? generation.task_options : {};
  const merged = { ...trained, ...options.task } as Record<string, never>;
  return { ...(await loadTask(taskName, merged, data)), taskName, taskOptions: merged };
}

function newRun(
  { path, machine }: RunSurroundings,
  { options, seed, ...rest }: Reinforcement,
  files: readonly string[],
): RunDirectory {
  const source = { ...rest, rewards: rest.rewards.map(nameOf) };
  const recorded = {
    options: { ...options, rl: parseGrpoOptions(options.rl), source },
    fingerprints: fingerprintsOf(files),
  };
  return RunDirectory.create({ verb: "rl", path, seed, ...recorded, isa: machine.isa, threads: machine.threads });
}

/** How a reward is told of: its name, that of its function, or that it has none. */
function nameOf(reward: NamedReward): string {
  if (typeof reward === "string") return reward;
  const of = typeof reward === "object" && "reward" in reward ? reward.reward : reward;
  return of.name || "(a function)";
}

async function tellPlan(
  { progress }: RunSurroundings,
  { options, seed, rewards, task: named }: Reinforcement,
  { config, tokenizer, compute: trained }: ModelFacts,
  task: Task,
  template: PromptStyle,
): Promise<void> {
  const { evaluation } = options;
  const grpo = parseGrpoOptions(options.rl);
  const model = { config, compute: options.compute ?? trained };
  const stages = await planReinforcement(model, { tokenizer, template, task, seed, options: grpo, evaluation });
  refuseIfTooLarge(stages, (phase) => reinforcementKnobs(phase, grpo, evaluation));
  const { total, active } = outlineOf(model);
  const count = (n: number) => Math.round(n).toLocaleString("en-US");
  const rows: [string, string][] = [
    ["model", `${count(total)} parameters, ${count(active)} active per token (${config.model_type}, ${model.compute})`],
    [
      "task",
      `${task.name}${named === null ? " (the model was trained for it; --task names another)" : ""}, ` +
        `rewarded for ${rewards.map(nameOf).join(", ")}`,
    ],
    [
      "reinforce",
      `${count(grpo.steps)} steps of ${grpo.numPrompts} problems x ${grpo.numGenerations} completions of up ` +
        `to ${grpo.maxCompletionLength} tokens`,
    ],
  ];
  for (const line of planLines(rows, stages)) progress.note(line);
}
