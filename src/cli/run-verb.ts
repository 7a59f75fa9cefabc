// What the verbs that make runs share: the machine, progress, Ctrl-C, and what is said at the end. Knows no stage of
// any run.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Machine, openMachine } from "../backends/machine.js";
import { listSteps } from "../checkpoint/index.js";
import { BackendError, ConfigError } from "../errors.js";
import { jsonLine, withoutControls } from "../plain-text.js";
import { openLogs } from "../run/open-logs.js";
import { defaultRunName, type RunRecords, readRun } from "../run/run-directory.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { Progress } from "../terminal/progress.js";
import { fitted } from "../terminal/terminal-text.js";
import { Interrupted } from "../train/interrupted.js";
import type { RunContext } from "../train/run-context.js";
import { FailedRun, StoppedBySignal } from "./failure.js";
import type { SettingFlags } from "./settings.js";
import { outliveReaders } from "./standard-streams.js";
import { listenForSignals } from "./stop-signals.js";
import { catchStrayFailures } from "./stray-failures.js";

/** Flags of every verb that computes. */
export interface ComputeFlags {
  readonly threads?: number;
  readonly backend?: "native" | "reference";
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** Flags of every verb that makes a run. */
export interface RunFlags extends ComputeFlags, SettingFlags {
  readonly seed?: number;
  readonly out?: string;
  readonly resume?: string;
  readonly acceptChanges?: boolean;
  readonly log?: readonly string[];
}

/** Throws ConfigError when flags that make a new run stand beside --resume, which takes all of them from the run. */
export function refuseBesideResume(flags: object, names: readonly string[]): void {
  const values = flags as Readonly<Record<string, unknown>>;
  const given = names.filter((name) =>
    Array.isArray(values[name]) ? values[name].length > 0 : values[name] !== undefined,
  );
  if (values.resume !== undefined && given.length > 0) {
    throw new ConfigError(`--resume uses the options of the run; leave out ${given.map(flagOf).join(", ")}`);
  }
}

const flagOf = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * Runs `body` on the opened machine. A signal ends it after its state was saved, with the command that goes on
 * (StoppedBySignal); an error, its own or one that a person's module leaves behind, with what was saved of it
 * (FailedRun). A run goes on when nobody reads its output any more.
 */
export async function performRun<R>(
  verb: string,
  flags: RunFlags,
  body: (context: RunContext) => Promise<R>,
): Promise<R> {
  refuseBesideResume(flags, ["seed", "out", "set", "config"]);
  if (flags.acceptChanges && flags.resume === undefined)
    throw new ConfigError("--accept-changes needs --resume: a new run always uses the current files");
  const path = flags.resume ?? flags.out ?? join("runs", defaultRunName(verb, new Date()));
  // A run that lies there already is no part of the one that is to begin.
  const isOthers = flags.resume === undefined && isRun(path);
  const logs = await openLogs(flags.log);
  const machine = await openForTraining(flags);
  const progress = new Progress({ json: flags.json });
  const say = (line: string) => {
    progress.close();
    tell(line);
  };
  const stop = listenForSignals({
    onStop: (name) => say(`${name === "SIGINT" ? "Ctrl-C" : name}: saving and stopping`),
    onWaiting: () => say("waiting for the current step to finish and be saved; press again to stop at once"),
  });
  const strays = catchStrayFailures();
  outliveReaders();
  const notice = (line: string) => tell(`warning: ${line}`);
  try {
    const signal = AbortSignal.any([stop.signal, strays.signal]);
    return await body({
      path,
      resumes: flags.resume !== undefined,
      progress,
      signal,
      machine,
      notice,
      acceptChanges: flags.acceptChanges ?? false,
      logs,
    });
  } catch (error) {
    const failure = strays.first() ?? error;
    if (failure instanceof Interrupted) throw new StoppedBySignal(await stoppedLine(verb, path), stop.exitCode());
    const saved = isOthers ? null : await savedLine(verb, path);
    throw saved === null ? failure : new FailedRun(failure, saved);
  } finally {
    progress.close();
    strays.dispose();
    stop.dispose();
  }
}

const resumeCommand = (verb: string, path: string): string => `${ownCommand()} ${verb} --resume ${shownPath(path)}`;

async function stoppedLine(verb: string, path: string): Promise<string> {
  if (!isRun(path)) return "Stopped before the run started.";
  if (!(await savedPart(path)))
    return `Stopped before anything was saved. Start again with: ${resumeCommand(verb, path)}`;
  return `Stopped and saved. Resume with: ${resumeCommand(verb, path)}`;
}

/** What there is of a run that failed; null where none was begun. */
async function savedLine(verb: string, path: string): Promise<string | null> {
  if (!isRun(path)) return null;
  const part = await savedPart(path);
  if (!part) return `Nothing of the run was saved. Fix the cause, then start again with: ${resumeCommand(verb, path)}`;
  return `${part} is saved. Fix the cause, then resume with: ${resumeCommand(verb, path)}`;
}

/** What there is to go on from: the run's last step, or steps of runs inside it; null for neither. */
async function savedPart(path: string): Promise<string | null> {
  const [step] = await listSteps(join(path, "checkpoints"));
  if (step !== undefined) return `Step ${step}`;
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names.some((name) => /\bcheckpoints.step-\d+$/.test(name)) ? "What was done so far" : null;
}

const isRun = (path: string): boolean => existsSync(join(path, "config.json"));

/** The machine for long work: without kernels it says so and stops, unless the reference was asked for. */
async function openForTraining({ threads, backend }: ComputeFlags): Promise<Machine> {
  try {
    return await openMachine({ name: backend ?? "native", threads });
  } catch (error) {
    if (!(error instanceof BackendError) || backend) throw error;
    throw new BackendError(
      `${error.message}; plain TypeScript is hundreds of times slower: use it with --backend reference`,
      { cause: error },
    );
  }
}

/** The machine for short work: plain TypeScript will do, with a warning. */
export const openForAnswers = ({ threads, backend }: ComputeFlags): Promise<Machine> =>
  openMachine({ name: backend, threads });

/** The records of a run that goes on and has nothing left to do, which is said; undefined for any other. */
export function finishedRun(resumed: string | undefined): RunRecords | undefined {
  if (resumed === undefined || !existsSync(join(resumed, "summary.json"))) return undefined;
  tell("this run is already finished");
  return readRun(resumed);
}

/** Ends a verb: one JSON object on standard output, or lines for a person. */
export function writeResult(json: boolean | undefined, value: object, lines: () => readonly string[]): void {
  process.stdout.write(json ? jsonLine(value) : withoutControls(`${fitted(lines(), process.stdout).join("\n")}\n`));
}

/** Says something beside the result, on standard error. */
export function tell(line: string): void {
  process.stderr.write(withoutControls(`${fitted(line.split("\n"), process.stderr).join("\n")}\n`));
}
