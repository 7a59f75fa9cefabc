// `luciole mix make` and `luciole mix fit`: mix.json from models, and what its policy must learn.
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { makeDirectory } from "../atomic-file.js";
import { ConfigError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { dataFiles } from "../library/data-files.js";
import { taskFor } from "../library/find-task.js";
import { DATA_TASK } from "../library/modules.js";
import { fitMix, type MixFit } from "../mix/fit.js";
import { isMix, MIX_FILE, readMix, writeMix } from "../mix/mix-file.js";
import { planMix } from "../mix/open-mix.js";
import { POLICY_SCHEMAS, type PolicyName, type PolicyOptions } from "../mix/policy-options.js";
import { formatMemory, formatPercent } from "../number-text.js";
import { environmentSchema } from "../tasks/environment.js";
import { parseOptions } from "../tasks/options.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { Progress } from "../terminal/progress.js";
import { Interrupted } from "../train/interrupted.js";
import { StoppedBySignal } from "./failure.js";
import { type ComputeFlags, openForAnswers, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags of `make`, as commander gives them. */
export interface MakeFlags extends ComputeFlags {
  readonly policy?: PolicyName;
  readonly set?: readonly string[];
  readonly out: string;
}

/** Writes mix.json and tells what each member takes in memory. Throws ConfigError where there is one already. */
export async function makeMix(models: readonly string[], flags: MakeFlags): Promise<void> {
  const { policy: kind = "vote", out } = flags;
  const file = join(out, MIX_FILE);
  if (existsSync(file)) throw new ConfigError(`${file} is there already; choose another --out, or edit it`);
  const policy = parseOptions(POLICY_SCHEMAS[kind], applySettings({ kind }, flags), `policy ${kind}`);
  const members = models.map((model) => memberOf(model, out));
  makeDirectory(out);
  writeMix(file, { members, policy });
  await openForAnswers(flags);
  const mix = readMix(file);
  const { members: planned, plannedBytes } = await planMix(mix);
  writeResult(flags.json, { file: resolve(file), policy, members: planned, plannedBytes }, () => [
    ...planned.map(({ name, bytes, path }) => `${name.padEnd(20)}${formatMemory(bytes).padStart(10)}  ${path}`),
    `${"together".padEnd(20)}${formatMemory(plannedBytes).padStart(10)}`,
    isUnfitted(mix.policy)
      ? `fit it:  ${ownCommand()} mix fit ${shownPath(out)} --task …`
      : `try it:  ${ownCommand()} run ${shownPath(out)}`,
  ]);
}

const isUnfitted = (policy: PolicyOptions): boolean =>
  (policy.kind === "cascade" && policy.thresholds === null) ||
  (policy.kind === "route" && policy.router === null && policy.otherwise === null);

/** A path is written relative to the file, so that a folder with everything in it can be moved. */
function memberOf(text: string, out: string) {
  const [, name, place = text] = existsSync(text) ? [] : (/^([\w.-]+)=(.+)$/.exec(text) ?? []);
  const model = existsSync(place) ? relative(resolve(out), resolve(place)) : place;
  if (!existsSync(place)) resolveModel(place);
  return { ...(name !== undefined && { name }), model };
}

/** Flags of `fit`, as commander gives them. */
export interface FitFlags extends ComputeFlags {
  readonly task?: string;
  readonly data?: readonly string[];
  readonly environment?: string;
  readonly problems?: number;
  readonly samples?: number;
  readonly keep?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
  readonly set?: readonly string[];
}

/** Fits the policy of a mix and writes what it learnt. */
export async function fit(path: string, flags: FitFlags): Promise<void> {
  if (!isMix(path)) throw new ConfigError(`${path}: expected a folder with ${MIX_FILE}, or the file`);
  if (flags.environment !== undefined)
    throw new ConfigError("a mix of models answers in one turn; leave out --environment");
  const task = flags.task ?? (flags.data ? DATA_TASK : null);
  if (task === null) throw new ConfigError("name what to fit on: --task or --data");
  const found = await taskFor(
    {
      task,
      data: flags.data && dataFiles(flags.data),
      options: { task: applySettings({}, flags, "task"), environment: environmentSchema.parse({}) },
    },
    { generation: {} },
  );
  await openForAnswers(flags);
  const { problems = 200, samples = 4, keep = 0.98, maxTokens: maxNewTokens, seed = 0 } = flags;
  const stop = listenForSignals();
  const progress = new Progress({ json: flags.json });
  try {
    const fitted = await fitMix(path, {
      ...{ task: found.task, problems, samples, keep, maxNewTokens, seed, signal: stop.signal },
      onProblem: (done, total) => progress.note(`${done} of ${total} problems`),
    });
    writeResult(flags.json, fitted, () => fitLines(fitted));
  } catch (error) {
    if (error instanceof Interrupted) throw new StoppedBySignal("Stopped. Nothing was fitted.", stop.exitCode());
    throw error;
  } finally {
    progress.close();
    stop.dispose();
  }
}

function fitLines(fitted: MixFit): string[] {
  if (fitted.kind === "route") {
    const { problems, accuracy } = fitted.router;
    return [
      `router fitted on ${problems} problems on which the members differ; it chooses a best one of them ` +
        `${formatPercent(accuracy)} of the time`,
      `written to ${shownPath(fitted.file)}`,
    ];
  }
  const { accuracy, lastAccuracy, flopShare } = fitted.fit;
  return [
    `cascade: accuracy ${formatPercent(accuracy)}, the last member alone ${formatPercent(lastAccuracy)}, with ` +
      `${formatPercent(flopShare)} of its FLOPs`,
  ];
}
