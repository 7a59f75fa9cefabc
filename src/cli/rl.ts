// `luciole rl`: reinforces a model on a task with verifiable rewards, built in or a person's own.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { defaultPromptStyle, type PromptStyle } from "../eval/problem-prompt.js";
import type { Policy } from "../eval/rollout.js";
import { resolveModel } from "../hub/resolve-model.js";
import { type ModelFacts, openModel, readModelFacts } from "../inference/open-model.js";
import { parseGrpoOptions } from "../rl/config.js";
import { planReinforcement, reinforcementKnobs } from "../rl/memory-plan.js";
import { completionLimit } from "../rl/reinforce.js";
import { type RlRunOptions, rlRunOptions } from "../rl/rl-options.js";
import { reinforceRun } from "../rl/rl-run.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import type { RunSummary } from "../run/records.js";
import { writeReport } from "../run/report.js";
import { RunDirectory, readRun } from "../run/run-directory.js";
import type { Task } from "../tasks/task.js";
import { outlineOf, planLines, refuseIfTooLarge } from "../train/memory-plan.js";
import { configOfRun, reopenRun } from "../train/reopen.js";
import { architectureRules, refuseIdle } from "./idle-settings.js";
import { loadRewards, loadTask } from "./modules.js";
import { isFinished, performRun, type RunContext, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { summaryLines } from "./summary-table.js";

/** Flags as commander gives them. */
export interface RlFlags extends RunFlags {
  readonly model?: string;
  readonly task?: string;
  readonly data?: string;
  readonly reward?: readonly string[];
  readonly rewardTimeout?: number;
}

interface Request {
  readonly model: string;
  /** null: the task the model was trained for. */
  readonly task: string | null;
  readonly data?: string;
  readonly rewards: readonly string[];
  readonly options: RlRunOptions;
  readonly seed: number;
}

/** Reinforces, or goes on; prints before and after. */
export async function rl(flags: RlFlags): Promise<void> {
  refuseBesideResume(flags, ["model", "task", "data", "reward"]);
  const request = withRewardTimeout(flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume), flags);
  const isDone = flags.resume !== undefined && isFinished(flags.resume);
  if (isDone) process.stderr.write("this run is finished; nothing was left to do\n");
  const summary = isDone
    ? (readRun(flags.resume as string).summary as RunSummary)
    : await performRun("rl", flags, (context) => perform(context, request, flags));
  writeResult(flags.json, summary, () => summaryLines(summary, exampleQuestion(summary.runDir)));
}

/** A problem the run was evaluated on. */
const exampleQuestion = (path: string): string => readRun(path).samples.find(({ model }) => model === "final")?.problem ?? "…";

const DEFAULT_REWARDS = ["accuracy", "format"];

function requestOf({ model, task, data, reward = [], seed = 0, ...flags }: RlFlags): Request {
  if (!model) throw new ConfigError("rl: give the model to start from with --model <run or model directory>");
  const options = rlRunOptions(applySettings({}, flags));
  const name = task ?? (data === undefined ? null : "jsonl");
  const rewards = reward.length > 0 ? reward : DEFAULT_REWARDS;
  return { model: resolve(resolveModel(model)), task: name && absolute(name), data: data && resolve(data), rewards: rewards.map(absolute), options, seed };
}

/** How long rewards may take changes nothing of what is learnt: the flag holds for a run that goes on too. */
function withRewardTimeout(request: Request, { rewardTimeout }: RlFlags): Request {
  if (rewardTimeout === undefined) return request;
  const { options } = request;
  return { ...request, options: rlRunOptions({ ...options, rl: { ...options.rl, rewardTimeoutSeconds: rewardTimeout } }) };
}

/** A module's path, so that the run goes on from any directory. */
const absolute = (name: string): string => (/\.[cm]?[jt]s$/.test(name) ? resolve(name) : name);

function recordedRequest(path: string): Request {
  const { options, seed } = configOfRun(path, "rl");
  const { source, ...rest } = options as { source: Omit<Request, "options" | "seed"> };
  return { ...source, options: rlRunOptions(rest), seed };
}

/** Options of the rewards. Where the overlong punishment sets in follows from the run's own limit unless it is given. */
function rewardOptions({ rewards, options }: Request): Readonly<Record<string, object>> {
  const name = "soft_overlong_punishment";
  if (!rewards.some((reward) => reward.split(":")[0] === name)) return options.rewards;
  const given = options.rewards[name] ?? {};
  const maxCompletionTokens = Number(given.maxCompletionTokens ?? parseGrpoOptions(options.rl).maxCompletionLength);
  return { ...options.rewards, [name]: { maxCompletionTokens, cacheTokens: Math.max(1, Math.round(maxCompletionTokens / 5)), ...given } };
}

async function perform(context: RunContext, request: Request, flags: RlFlags): Promise<RunSummary> {
  const reopened = flags.resume !== undefined ? await reopenRun(context.path, "rl", context) : undefined;
  let run = reopened?.run;
  try {
    const { options, seed } = request;
    // A run that goes on needs its first weights no more.
    const facts = await readModelFacts(reopened?.checkpoint?.directory ?? request.model);
    const compute = options.compute ?? facts.compute;
    refuseIdle(applySettings({}, flags), [
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
    const around = { run, checkpoint: reopened?.checkpoint, seed, progress, signal, peakFlops: machine.peakFlops(compute) };
    const summary = await reinforceRun({ ...around, policy, generation, task, rewards, options });
    run.writeSummary(summary);
    writeReport(run.path);
    return summary;
  } finally {
    run?.close();
  }
}

/** The task asked for, or the one the model was trained for, with the options it was trained with and those given. */
export async function taskFor({ task, data, options }: Pick<Request, "task" | "data"> & { options: Pick<RlRunOptions, "task"> }, { generation }: ModelFacts) {
  const taskName = task ?? (typeof generation.task === "string" ? generation.task : undefined);
  if (!taskName) throw new ConfigError("give the task with --task <name>, or a data set with --data <file.jsonl>: the model's files name none");
  const trained = taskName === generation.task && typeof generation.task_options === "object" ? generation.task_options : {};
  const merged = { ...trained, ...options.task } as Record<string, never>;
  return { ...(await loadTask(taskName, merged, data)), taskName, taskOptions: merged };
}

function newRun({ path, machine }: RunContext, { options, seed, ...source }: Request, files: readonly string[]): RunDirectory {
  const recorded = { options: { ...options, rl: parseGrpoOptions(options.rl), source }, fingerprints: fingerprintsOf(files) };
  return RunDirectory.create({ verb: "rl", path, seed, ...recorded, isa: machine.isa, threads: machine.threads });
}

async function tellPlan(
  { progress }: RunContext,
  { options, seed, rewards }: Request,
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
    ["task", `${task.name}, rewarded for ${rewards.join(", ")}`],
    [
      "reinforce",
      `${count(grpo.steps)} steps of ${grpo.numPrompts} problems x ${grpo.numGenerations} completions of at most ${grpo.maxCompletionLength} tokens`,
    ],
  ];
  for (const line of planLines(rows, stages)) progress.note(line);
}
