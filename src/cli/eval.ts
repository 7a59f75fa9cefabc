// `luciole eval`: samples held-out problems with a model and counts. With --out every problem is kept, so that it can
// be resumed.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Machine } from "../backends/machine.js";
import { ConfigError } from "../errors.js";
import type { EvaluationCounts } from "../eval/evaluate.js";
import type { SampledProblem } from "../eval/evaluation-run.js";
import type { PromptStyle } from "../eval/problem-prompt.js";
import { resolveModel } from "../hub/resolve-model.js";
import type { MemberWork } from "../inference/runtime/request.js";
import { dataFiles } from "../library/data-files.js";
import { evaluateMix } from "../library/evaluate-mix.js";
import {
  type EvaluationRequest,
  type EvaluationResult,
  evaluateModel,
  evaluationRequestSchema,
} from "../library/evaluate-model.js";
import { absoluteModule, DATA_TASK } from "../library/modules.js";
import { isMix } from "../mix/mix-file.js";
import { formatPercent, withError } from "../number-text.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import { JsonLinesWriter, readJsonLines } from "../run/json-lines.js";
import { RunDirectory } from "../run/run-directory.js";
import { environmentSchema } from "../tasks/environment.js";
import type { ProblemCount } from "../tasks/held-out.js";
import { parseOptions } from "../tasks/options.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { Interrupted } from "../train/interrupted.js";
import { configOfRun, reopenRun } from "../train/reopen.js";
import { evaluationOfRun } from "./eval-defaults.js";
import { StoppedBySignal } from "./failure.js";
import { openForAnswers, type RunFlags, refuseBesideResume, tell, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags as commander gives them. */
export interface EvalFlags extends RunFlags {
  readonly task?: string;
  readonly data?: readonly string[];
  readonly environment?: string;
  readonly adapter?: string;
  readonly problems?: ProblemCount;
  readonly samples?: number;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxSequences?: number;
  readonly template?: PromptStyle;
}

/** Evaluates the model in `path`, or goes on with an evaluation; prints the counts. */
export async function evaluate(nameOrPath: string, flags: EvalFlags): Promise<void> {
  refuseBesideResume(flags, [
    "seed",
    "out",
    "set",
    "config",
    "task",
    "data",
    "environment",
    "adapter",
    "problems",
    "samples",
    "maxTokens",
    "temperature",
    "topP",
    "template",
    "maxSequences",
  ]);
  const path = resolveModel(nameOrPath);
  const request = flags.resume === undefined ? requestOf(path, flags) : recordedRequest(flags.resume, path);
  const machine = await openForAnswers(flags);
  const place = flags.resume ?? flags.out;
  const stop = listenForSignals();
  const store = place === undefined ? null : openStore(place, await openRun(place, request, machine, flags));
  try {
    const { done, keep } = store ?? { done: [], keep: () => {} };
    const perform = isMix(path) ? evaluateMix : evaluateModel;
    const result = await perform(request, { done, keep, tell, signal: stop.signal });
    writeResult(flags.json, { model: path, ...result, ...(place ? { outDir: resolve(place) } : {}) }, () =>
      lines(result),
    );
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    const again = `${ownCommand()} eval ${shownPath(path)} --resume ${place && shownPath(place)}`;
    throw new StoppedBySignal(
      place
        ? `Stopped. All samples so far are saved. Resume with: ${again}`
        : "Stopped. Nothing was saved; use --out to save the samples",
      stop.exitCode(),
    );
  } finally {
    stop.dispose();
    store?.close();
  }
}

/** What the flags ask for; what they leave open is as the run evaluated itself, where the model is a run's. */
function requestOf(path: string, flags: EvalFlags): EvaluationRequest {
  const run = evaluationOfRun(path);
  const named = flags.task ?? (flags.data && DATA_TASK);
  const isGiven = named !== undefined || flags.environment !== undefined;
  const {
    task = null,
    data,
    environment = null,
  } = isGiven
    ? { task: named, data: flags.data && dataFiles(flags.data), environment: flags.environment }
    : (run ?? {});
  const { environment: environmentOptions, ...taskOptions } = applySettings({}, flags, "task");
  return {
    model: resolve(path),
    ...(flags.adapter === undefined ? {} : { adapter: resolve(flags.adapter) }),
    task,
    data,
    taskOptions,
    environment: environment && absoluteModule(environment),
    environmentOptions: parseOptions(environmentSchema, environmentOptions, "environment"),
    problems: flags.problems ?? run?.problems ?? 100,
    samplesPerProblem: flags.samples ?? run?.samplesPerProblem ?? 16,
    maxNewTokens: flags.maxTokens ?? run?.maxNewTokens ?? null,
    temperature: flags.temperature ?? run?.temperature ?? null,
    topP: flags.topP ?? run?.topP ?? null,
    template: flags.template ?? null,
    maxSequences: flags.maxSequences ?? 64,
    seed: flags.seed ?? run?.seed ?? 0,
  };
}

function recordedRequest(out: string, path: string): EvaluationRequest {
  const { options, seed } = configOfRun(out, "eval");
  const request = parseOptions(evaluationRequestSchema, { ...options, seed }, `${out}: options`);
  if (request.model !== resolve(path))
    throw new ConfigError(`${out} is an evaluation of ${request.model}, not of ${path}`);
  return request;
}

/** Where sampled problems are kept, one a line. */
interface Store {
  readonly done: readonly SampledProblem[];
  keep(sampled: SampledProblem): void;
  close(): void;
}

const SAMPLED_FILE = "sampled.jsonl";

function openStore(path: string, run: RunDirectory): Store {
  const file = join(path, SAMPLED_FILE);
  const writer = JsonLinesWriter.open(file); // a line torn by a kill is cut off here
  const close = () => {
    writer.close();
    run.close();
  };
  return { done: readJsonLines<SampledProblem>(file), keep: (sampled) => writer.append(sampled), close };
}

/** The run that keeps an evaluation: a new one, or one that goes on. */
async function openRun(
  path: string,
  { seed, ...request }: EvaluationRequest,
  machine: Machine,
  flags: EvalFlags,
): Promise<RunDirectory> {
  if (flags.resume !== undefined) return (await reopenRun(path, "eval", { ...flags, machine, notice })).run;
  const fingerprints = fingerprintsOf([...(request.data ?? []), request.task, request.environment].filter(isFile));
  return RunDirectory.create({
    verb: "eval",
    path,
    seed,
    options: request,
    fingerprints,
    isa: machine.isa,
    threads: machine.threads,
  });
}

const notice = (line: string) => tell(`warning: ${line}`);
const isFile = (path: string | null | undefined): path is string => typeof path === "string" && existsSync(path);

function lines(result: EvaluationResult): string[] {
  const { samplesPerProblem: k, stderr } = result;
  const row = (label: string, key: keyof EvaluationCounts, write: (value: number) => string) =>
    `${label.padEnd(18)}${withError(result[key], stderr[key], write)}`;
  return [
    `${result.task}: ${result.problems} distinct held-out problem${result.problems === 1 ? "" : "s"} x ` +
      `${k} samples${stderr.pass1 === null ? "" : ", ± one standard error"}`,
    `temperature ${result.temperature}, top-p ${result.topP}, up to ${result.maxNewTokens} new tokens, ` +
      `seed ${result.seed}`,
    row("pass@1", "pass1", formatPercent),
    ...(k > 1 ? [row(`pass@${k}`, "passK", formatPercent), row(`cons@${k}`, "consK", formatPercent)] : []),
    row("format", "formatRate", formatPercent),
    row("thinking tokens", "meanThinkTokens", (value) => value.toFixed(1)),
    ...(result.members ?? []).map(memberLine),
    ...(result.tokensPerSecond > 0 ? [`${Math.round(result.tokensPerSecond).toLocaleString("en-US")} tokens/s`] : []),
  ];
}

const memberLine = ({ member, completions, tokens, flops, seconds }: MemberWork): string =>
  `${member.padEnd(18)}${completions} completions, ${tokens.toLocaleString("en-US")} tokens, ` +
  `${(flops / 1e9).toPrecision(3)} GFLOP, ${seconds.toFixed(1)} s`;
