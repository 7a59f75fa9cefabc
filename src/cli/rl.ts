// `luciole rl`: reinforces a model on a task with verifiable rewards, built in or a person's own.
import { resolve } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { dataFiles } from "../library/data-files.js";
import { absoluteModule, DATA_TASK, rewardModelIn } from "../library/modules.js";
import { DEFAULT_REWARDS, performReinforcement, type RlRequest } from "../library/reinforce.js";
import { rlRunOptions, rlRunSchema } from "../rl/rl-options.js";
import { readRun } from "../run/run-directory.js";
import { parseOptions } from "../tasks/options.js";
import { configOfRun } from "../train/reopen.js";
import { finishedRun, performRun, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { summaryLines } from "./summary-table.js";

/** Flags as commander gives them. */
export interface RlFlags extends RunFlags {
  readonly model?: string;
  readonly task?: string;
  readonly data?: readonly string[];
  readonly environment?: string;
  readonly reward?: readonly string[];
  readonly rewardTimeout?: number;
}

/** Reinforces, or goes on; prints before and after. */
export async function rl(flags: RlFlags): Promise<void> {
  refuseBesideResume(flags, ["model", "task", "data", "environment", "reward"]);
  const request = withRewardTimeout(
    flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume),
    flags,
  );
  const summary =
    finishedRun(flags.resume)?.summary ??
    (await performRun("rl", flags, (context) => performReinforcement(context, request, applySettings({}, flags))));
  writeResult(flags.json, summary, () => summaryLines(summary, exampleQuestion(summary.runDir)));
}

/** A question the run was evaluated on. */
export function exampleQuestion(path: string): string {
  return readRun(path).samples.find(({ model }) => model === "final")?.question ?? "…";
}

function requestOf({ model, task, data, environment, reward = [], seed = 0, ...flags }: RlFlags): RlRequest {
  if (!model)
    throw new ConfigError("rl: expected the model to start from: --model <run, model directory or .gguf file>");
  const options = rlRunOptions(applySettings({}, flags));
  const name = task ?? (data === undefined ? null : DATA_TASK);
  const rewards = reward.length > 0 ? reward : DEFAULT_REWARDS;
  return {
    model: resolve(resolveModel(model)),
    task: name && absoluteModule(name),
    data: data && dataFiles(data),
    environment: environment === undefined ? null : absoluteModule(environment),
    rewards: rewards.map(absoluteReward),
    options,
    seed,
  };
}

/** How long rewards may take changes nothing of what is learnt: the flag holds for a run that goes on too. */
function withRewardTimeout(request: RlRequest, { rewardTimeout }: RlFlags): RlRequest {
  if (rewardTimeout === undefined) return request;
  const { options } = request;
  return { ...request, options: { ...options, rl: { ...options.rl, rewardTimeoutSeconds: rewardTimeout } } };
}

/** The path of a module or of a reward model made absolute, so that the run goes on from any directory. */
function absoluteReward(name: string): string {
  const model = rewardModelIn(name);
  return model ? `rm:${resolve(resolveModel(model.path))}:${model.weight}` : absoluteModule(name);
}

/** What config.json holds of the options: these, and what they are applied to. */
const recordedSchema = rlRunSchema.extend({
  source: z.strictObject({
    model: z.string(),
    task: z.string().nullable(),
    data: z.array(z.string()).optional(),
    environment: z.string().nullable().optional(),
    rewards: z.array(z.string()),
  }),
});

function recordedRequest(path: string): RlRequest {
  const { options, seed } = configOfRun(path, "rl");
  const { source, ...rest } = parseOptions(recordedSchema, options, `${path}: options`);
  return { ...source, options: rest, seed };
}
