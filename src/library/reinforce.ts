// A whole reinforcement of a model that is already there: plan, run directory, rewards by name or as functions, report.
// Knows no flags.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { defaultPromptStyle } from "../eval/problem-prompt.js";
import { filesOfModel } from "../inference/opening/model-location.js";
import { openModel, readModelFacts, withFrozen } from "../inference/opening/open-model.js";
import { planReinforcement, reinforcementRemedies, reinforcementRow } from "../rl/memory-plan.js";
import { type RlRunInput, type RlRunOptions, rlRunOptions } from "../rl/rl-options.js";
import { reinforceRun } from "../rl/rl-run.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import { type LogName, openLogs } from "../run/open-logs.js";
import type { RunSummary } from "../run/records.js";
import { defaultRunName } from "../run/run-directory.js";
import type { Task } from "../tasks/task.js";
import { Progress } from "../terminal/progress.js";
import { trainedAdapters } from "../train/lora-options.js";
import { outlineOf, type PlannedModel } from "../train/memory-plan.js";
import { adapterRows, modelRow, type PlanRow, printPlan } from "../train/plan-lines.js";
import { type RunContext, withRun } from "../train/run-context.js";
import { dataFiles } from "./data-files.js";
import { taskFor } from "./find-task.js";
import { architectureRules, refuseIdle } from "./idle-settings.js";
import { placeOfModel, toStandardError } from "./load.js";
import { ensureMachine } from "./machine.js";
import { DATA_TASK, loadRewards, type NamedEnvironment, type NamedReward } from "./modules.js";

/** What is to be reinforced, on what and for what; all of it is in the run's config.json, functions by their names. */
export interface RlRequest {
  /** Where the model lies. */
  readonly model: string;
  /** A task's name or module; null: the task the model was trained for. */
  readonly task: string | null;
  /** The files of a data set. */
  readonly data?: readonly string[];
  /** What answers the model's turns; null: nothing, or with the task that the model was trained for, what did then. */
  readonly environment?: NamedEnvironment | null;
  readonly rewards: readonly NamedReward[];
  readonly options: RlRunOptions;
  readonly seed: number;
}

/** What `reinforce` takes. */
export interface ReinforceRequest {
  /** Run, model directory, GGUF file, or a model of the hub, which is pulled where it is not there. */
  readonly model: string;
  /**
   * Rows with `prompt`, `answer` and any other columns: files (JSONL, JSON, CSV, TSV, Parquet), folders, patterns, or
   * pulled data sets (`org/name:split`).
   */
  readonly data?: string | readonly string[];
  /** In place of data: a task by name or module; default: the one the model was trained for. */
  readonly task?: string;
  /** What answers the model's turns: a tool or a game, by name, as a module or as an object (docs/environments.md). */
  readonly environment?: NamedEnvironment;
  /** Default: accuracy and format. */
  readonly rewards?: readonly NamedReward[];
  /** As `--set` takes them (docs/options.md): `{ rl: { steps: 30 }, task: { … }, evaluation: { … } }`. */
  readonly options?: RlRunInput;
  readonly seed?: number;
  /** Directory of the run; default: `runs/rl-<date>-<time>`. */
  readonly out?: string;
  /** Go on with the run in `out`, exactly as if it had not stopped. */
  readonly resume?: boolean;
  /** Other programs that follow the metrics. */
  readonly logs?: readonly LogName[];
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
    task = data === undefined ? null : DATA_TASK,
    environment = null,
    rewards = DEFAULT_REWARDS,
    options = {},
    seed = 0,
    quiet,
    signal,
  } = request;
  if (request.resume && request.out === undefined)
    throw new ConfigError("reinforce: `resume` continues the run in `out`; set `out` to its directory");
  const progress = new Progress({ json: true, ...(quiet ? { mode: "silent" as const } : {}) });
  const context: RunContext = {
    path: request.out ?? `runs/${defaultRunName("rl", new Date())}`,
    resumes: request.resume ?? false,
    progress,
    signal: signal ?? new AbortController().signal,
    machine: await ensureMachine(),
    notice: toStandardError,
    acceptChanges: false,
    logs: await openLogs(request.logs),
  };
  try {
    const model = resolve(await placeOfModel(request.model));
    const files = data === undefined ? undefined : dataFiles([data].flat());
    const asked = { model, task, data: files, environment, rewards, options: rlRunOptions(options), seed };
    return await performReinforcement(context, asked, options);
  } finally {
    progress.close();
  }
}

/**
 * Plans, runs and sums up a reinforcement, or goes on with one. `given`: the options that were asked for, which must
 * mean something.
 */
export function performReinforcement(context: RunContext, request: RlRequest, given: object): Promise<RunSummary> {
  return withRun("rl", context, async ({ checkpoint, begin }) => {
    const { options, seed } = request;
    const { rl: grpo, evaluation, checkpointSeconds } = options;
    const { lora } = options;
    // A run that goes on needs its first weights no more, unless it trains an adapter over them.
    const facts = await readModelFacts(lora ? request.model : (checkpoint?.directory ?? request.model));
    const adapters = trainedAdapters(lora, seed);
    const planned: PlannedModel = { config: facts.config, compute: options.compute ?? facts.compute, adapters };
    refuseIdle(given, [
      ["rl.refRefreshSteps", grpo.beta === 0, "with rl.beta=0 there is no reference"],
      ["rl.refRefreshSteps", lora !== null, "with lora the reference is the model without its adapter"],
      ...architectureRules(outlineOf(planned), "rl."),
    ]);
    const { task, recorded, files: taskFiles } = await taskFor(request, facts);
    refuseIdle(given, [["environment", task.environment === undefined, "the run has no --environment"]]);
    const loaded = await loadRewards(request.rewards, task, rewardOptions(request));
    const { rewards, files: rewardFiles } = loaded;
    const template = options.template ?? defaultPromptStyle(facts.tokenizer, facts.generation);
    const subject = { tokenizer: facts.tokenizer, template, task, seed, grpo, evaluation };
    const planOn = (on: PlannedModel) => planReinforcement(on, subject);
    const stages = await (lora ? withFrozen(facts.directory, planned, planOn) : planOn(planned));
    const rows = [
      modelRow(planned),
      ...adapterRows(planned),
      taskRow(request, task),
      ...environmentRows(task),
      reinforcementRow(grpo),
    ];
    printPlan(context.progress, rows, stages, (phase) => reinforcementRemedies(phase, grpo, evaluation));
    const fingerprints = fingerprintsOf([...taskFiles, ...rewardFiles, ...(lora ? filesOfModel(facts.directory) : [])]);
    const run = begin({ seed, options: recordedOptions(request), fingerprints, compute: planned.compute });
    const { model, tokenizer, stopIds } = await openModel(facts.directory, {
      compute: planned.compute,
      adapters,
    });
    const generation = {
      ...facts.generation,
      prompt_template: template,
      ...recorded,
      temperature: evaluation.temperature,
      top_p: evaluation.topP,
      max_new_tokens: grpo.maxCompletionLength,
    };
    const policy = { model, tokenizer, template, stopIds };
    const work = { policy, generation, task, rewards, grpo, evaluation };
    const base = lora ? request.model : undefined;
    const summary = await reinforceRun({ ...run, ...work, base, checkpoint, checkpointSeconds });
    for (const each of loaded.models) each.dispose();
    return summary;
  });
}

/**
 * Options of the rewards. Where the overlong punishment sets in follows from the run's own limit unless it is given.
 */
function rewardOptions({ rewards, options }: RlRequest): Readonly<Record<string, object>> {
  const name = "soft_overlong_punishment";
  if (!rewards.some((reward) => typeof reward === "string" && reward.split(":")[0] === name)) return options.rewards;
  const given = options.rewards[name] ?? {};
  const maxCompletionTokens = Number(given.maxCompletionTokens ?? options.rl.maxCompletionLength);
  return {
    ...options.rewards,
    [name]: { maxCompletionTokens, cacheTokens: Math.max(1, Math.round(maxCompletionTokens / 5)), ...given },
  };
}

/** What config.json keeps: the options, and under `source` what they are applied to. */
function recordedOptions({ options, model, task, data, environment, rewards }: RlRequest) {
  const around = typeof environment === "object" ? environment?.name : environment;
  return { ...options, source: { model, task, data, environment: around, rewards: rewards.map(nameOf) } };
}

/** How a reward is told of: its name, that of its function, or that it has none. */
function nameOf(reward: NamedReward): string {
  if (typeof reward === "string") return reward;
  const of = typeof reward === "object" && "reward" in reward ? reward.reward : reward;
  return of.name || "(a function)";
}

function taskRow({ task: named, rewards }: RlRequest, { name }: Task): PlanRow {
  const origin = named === null ? " (the model was trained for it; --task names another)" : "";
  return ["task", `${name}${origin}, rewarded for ${rewards.map(nameOf).join(", ")}`];
}

/** Says what answers the model's turns, where something does. */
function environmentRows({ environment: around }: Task): PlanRow[] {
  if (around === undefined) return [];
  const { environment, maxTurns, timeoutSeconds } = around;
  return [["turns", `up to ${maxTurns}, each answered by environment ${environment.name} within ${timeoutSeconds} s`]];
}
