// `luciole eval`: samples problems of suites, tasks or data sets with a model and counts. With --out every sample is
// kept, so that it can be resumed.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeFileAtomically } from "../atomic-file.js";
import type { Machine } from "../backends/machine.js";
import { ConfigError, DataError } from "../errors.js";
import type { EvaluationRecord } from "../eval/evaluation-record.js";
import { inOrder, type KeptSample } from "../eval/evaluation-run.js";
import type { PromptStyle } from "../eval/problem-prompt.js";
import type { ProtocolName } from "../eval/protocol.js";
import { writeEvaluationReport } from "../eval/report/evaluation-page.js";
import { EVALUATION_FILES } from "../eval/report/kept-evaluation.js";
import { resolveModel } from "../hub/resolve-model.js";
import { dataFiles } from "../library/data-files.js";
import { evaluateMix } from "../library/evaluate-mix.js";
import { evaluateModel } from "../library/evaluate-model.js";
import { requestSuites } from "../library/evaluation-parts.js";
import { type EvaluationRequest, evaluationRequestSchema } from "../library/evaluation-request.js";
import { absoluteModule, DATA_TASK } from "../library/modules.js";
import { isMix } from "../mix/mix-file.js";
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
import { evaluationLines } from "./evaluation-lines.js";
import { StoppedBySignal } from "./failure.js";
import { openForAnswers, type RunFlags, refuseBesideResume, tell, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { listenForSignals } from "./stop-signals.js";

/** Flags as commander gives them. */
export interface EvalFlags extends RunFlags {
  readonly suite?: readonly string[];
  readonly suiteData?: readonly string[];
  readonly protocol?: ProtocolName;
  readonly task?: string;
  readonly data?: readonly string[];
  readonly grader?: string;
  readonly environment?: string;
  readonly adapter?: string;
  readonly problems?: ProblemCount;
  readonly samples?: number;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxSequences?: number;
  readonly template?: PromptStyle;
  readonly budgets?: readonly number[];
  readonly contamination?: readonly string[];
}

/** Evaluates the model in `path`, or goes on with an evaluation; prints the counts. */
export async function evaluate(nameOrPath: string, flags: EvalFlags): Promise<void> {
  refuseBesideResume(flags, [
    ...["seed", "out", "set", "config", "suite", "suiteData", "protocol", "task", "data", "grader", "environment"],
    ...["adapter", "problems", "samples", "maxTokens", "temperature", "topP", "template", "maxSequences"],
    ...["budgets", "contamination"],
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
    const { record, ...effort } = result;
    const report = store?.finish(record);
    const outDir = place === undefined ? {} : { outDir: resolve(place) };
    writeResult(flags.json, { ...record, ...effort, ...outDir }, () => [
      ...evaluationLines(result),
      ...(report === undefined ? [] : [`report:  ${shownPath(report)}`]),
    ]);
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
  const suites = suitesOf(flags);
  const run = suites || flags.protocol ? null : evaluationOfRun(path);
  const named = flags.task ?? (flags.data && DATA_TASK);
  const isGiven = named !== undefined || flags.environment !== undefined;
  const {
    task = null,
    data,
    environment = null,
  } = isGiven
    ? { task: named, data: flags.data && dataFiles(flags.data), environment: flags.environment }
    : (run ?? {});
  return {
    model: resolve(path),
    ...(flags.adapter === undefined ? {} : { adapter: resolve(flags.adapter) }),
    suites,
    protocol: flags.protocol ?? null,
    task,
    data,
    ...taskOptionsOf(flags),
    environment: environment && absoluteModule(environment),
    problems: flags.problems ?? run?.problems ?? (suites ? "all" : 100),
    samplesPerProblem: flags.samples ?? run?.samplesPerProblem ?? null,
    maxNewTokens: flags.maxTokens ?? run?.maxNewTokens ?? null,
    temperature: flags.temperature ?? run?.temperature ?? null,
    topP: flags.topP ?? run?.topP ?? null,
    template: flags.template ?? null,
    maxSequences: flags.maxSequences ?? 64,
    budgets: flags.budgets ?? [],
    ...(flags.contamination && { contamination: dataFiles(flags.contamination) }),
    seed: flags.seed ?? run?.seed ?? 0,
  };
}

/** The suites asked for, with their files; undefined for a task. */
function suitesOf(flags: EvalFlags): EvaluationRequest["suites"] {
  const { suite, suiteData = [] } = flags;
  if (suite === undefined) {
    if (suiteData.length > 0) throw new ConfigError("--suite-data has no effect without --suite; name the suite too");
    return undefined;
  }
  const values = flags as Readonly<Record<string, unknown>>;
  const other = ["task", "data", "grader", "environment", "set", "config"].find((name) => values[name] !== undefined);
  if (other !== undefined)
    throw new ConfigError(
      `--${other} has no effect with --suite, which has problems of its own; leave one of them out`,
    );
  return requestSuites(
    suite.flatMap((names) => names.split(",")),
    suiteData,
  );
}

function taskOptionsOf(flags: EvalFlags): Pick<EvaluationRequest, "taskOptions" | "environmentOptions"> {
  const { environment, ...taskOptions } = applySettings({}, flags, "task");
  if (flags.grader !== undefined && flags.data === undefined)
    throw new ConfigError("--grader has no effect without --data: tasks and suites have graders of their own");
  return {
    taskOptions:
      flags.grader === undefined ? taskOptions : { heldOutFraction: 1, ...taskOptions, grader: flags.grader },
    environmentOptions: parseOptions(environmentSchema, environment, "environment"),
  };
}

function recordedRequest(out: string, path: string): EvaluationRequest {
  const { options, seed } = configOfRun(out, "eval");
  const request = parseOptions(evaluationRequestSchema, { ...options, seed }, `${out}: options`);
  if (request.model !== resolve(path))
    throw new ConfigError(`${out} is an evaluation of ${request.model}, not of ${path}`);
  return request;
}

/** Where samples are kept, one a line, and what was counted in the end. */
interface Store {
  readonly done: readonly KeptSample[];
  keep(sampled: KeptSample): void;
  /** Gives the path of the report. */
  finish(record: EvaluationRecord): string;
  close(): void;
}

function openStore(path: string, run: RunDirectory): Store {
  const file = join(path, EVALUATION_FILES.samples);
  const writer = JsonLinesWriter.open(file); // a line torn by a kill is cut off here
  const done = readJsonLines<KeptSample>(file);
  if (done.some(({ part }) => part === undefined))
    throw new DataError(`${file}: an earlier version wrote these samples; start a new evaluation with another --out`);
  const all = [...done];
  return {
    done,
    keep(sampled) {
      writer.append(sampled);
      all.push(sampled);
    },
    /** Samples end in whatever order; the finished files are the same however often the run was resumed. */
    finish(record) {
      const parts = record.evaluations.map(({ task: name }) => ({ name }));
      writeFileAtomically(
        file,
        inOrder(all, parts)
          .map((sample) => `${JSON.stringify(sample)}\n`)
          .join(""),
      );
      writeFileAtomically(join(path, EVALUATION_FILES.record), `${JSON.stringify(record)}\n`);
      return writeEvaluationReport(path);
    },
    close() {
      writer.close();
      run.close();
    },
  };
}

/** The run that keeps an evaluation: a new one, or one that goes on. */
async function openRun(
  path: string,
  { seed, ...request }: EvaluationRequest,
  machine: Machine,
  flags: EvalFlags,
): Promise<RunDirectory> {
  if (flags.resume !== undefined) return (await reopenRun(path, "eval", { ...flags, machine, notice })).run;
  const { suites = [], data = [], contamination = [], task, environment } = request;
  const files = [...suites.flatMap((suite) => suite.files), ...data, ...contamination, task, environment];
  const fingerprints = fingerprintsOf(files.filter(isFile));
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
