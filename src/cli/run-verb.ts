// What the verbs that make runs share: the machine, progress, Ctrl-C, and what is said at the end. Knows no stage of any run.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { BackendError, ConfigError } from "../errors.js";
import { jsonLine, withoutControls } from "../plain-text.js";
import { ownCommand, shownPath } from "../run/own-command.js";
import { Progress } from "../run/progress.js";
import { defaultRunName } from "../run/run-directory.js";
import { type Machine, openMachine } from "../tensor/backends/machine.js";
import { Interrupted } from "../train/interrupted.js";
import { StoppedBySignal } from "./failure.js";
import type { SettingFlags } from "./settings.js";
import { fitted } from "./terminal-text.js";

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
}

/** What a run is given to work with. */
export interface RunContext {
  /** The run's directory, to be made or to be gone on with. */
  readonly path: string;
  readonly seed: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly machine: Machine;
  readonly notice: (line: string) => void;
  /** Go on although files that decide the run have changed. */
  readonly acceptChanges: boolean;
}

/** Throws ConfigError when flags that make a new run stand beside --resume, which takes all of them from the run. */
export function refuseBesideResume(flags: object, names: readonly string[]): void {
  const values = flags as Readonly<Record<string, unknown>>;
  const given = names.filter((name) => (Array.isArray(values[name]) ? values[name].length > 0 : values[name] !== undefined));
  if (values.resume !== undefined && given.length > 0) {
    throw new ConfigError(`--resume goes on with the options of the run; leave out ${given.map(flagOf).join(", ")}`);
  }
}

const flagOf = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Runs `body` on the opened machine; a signal ends it after its state was saved, with the command that goes on (StoppedBySignal). */
export async function performRun<R>(verb: string, flags: RunFlags, body: (context: RunContext) => Promise<R>): Promise<R> {
  refuseBesideResume(flags, ["seed", "out", "set", "config"]);
  if (flags.acceptChanges && flags.resume === undefined) throw new ConfigError("--accept-changes goes with --resume: a new run takes the files as they are");
  const path = flags.resume ?? flags.out ?? join("runs", defaultRunName(verb, new Date()));
  const machine = await openForTraining(flags);
  const progress = new Progress({ json: flags.json });
  const stop = listenForSignals((name) => {
    progress.close();
    tell(`${name === "SIGINT" ? "Ctrl-C" : name}: stopping after this step and saving; once more stops at once`);
  });
  const notice = (line: string) => tell(`warning: ${line}`);
  try {
    return await body({ path, seed: flags.seed ?? 0, progress, signal: stop.signal, machine, notice, acceptChanges: flags.acceptChanges ?? false });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new StoppedBySignal(`Stopped and saved. Go on with: ${ownCommand()} ${verb} --resume ${shownPath(path)}`, stop.exitCode());
  } finally {
    progress.close();
    stop.dispose();
  }
}

/** The machine for long work: without kernels it says so and stops, unless the reference was asked for. */
async function openForTraining({ threads, backend }: ComputeFlags): Promise<Machine> {
  try {
    return await openMachine({ name: backend ?? "native", threads });
  } catch (error) {
    if (!(error instanceof BackendError) || backend) throw error;
    throw new BackendError(`${error.message}; plain TypeScript would be hundreds of times slower: ask for it with --backend reference`, { cause: error });
  }
}

/** The machine for short work: plain TypeScript will do, with a warning. */
export const openForAnswers = ({ threads, backend }: ComputeFlags): Promise<Machine> => openMachine({ name: backend, threads });

/** A signal listener that was set up; `exitCode` is 128 + the signal that came. */
export interface SignalListener {
  readonly signal: AbortSignal;
  exitCode(): number;
  dispose(): void;
}

/** Aborts on the first SIGINT or SIGTERM; then listens no more, so that the system's own action, ending the process, takes the second. */
export function listenForSignals(announce: (name: NodeJS.Signals) => void): SignalListener {
  const controller = new AbortController();
  const names = ["SIGINT", "SIGTERM"] as const;
  let code = 0;
  const listener = (name: NodeJS.Signals) => {
    dispose();
    code = 128 + constants.signals[name];
    controller.abort();
    announce(name);
  };
  const dispose = () => {
    for (const name of names) process.off(name, listener);
  };
  for (const name of names) process.on(name, listener);
  return { signal: controller.signal, exitCode: () => code, dispose };
}

/** Whether a run has come to its end: its summary is there. */
export const isFinished = (path: string): boolean => existsSync(join(path, "summary.json"));

/** Ends a verb: one JSON object on standard output, or lines for a person. */
export function writeResult(json: boolean | undefined, value: object, lines: () => readonly string[]): void {
  process.stdout.write(json ? jsonLine(value) : withoutControls(`${fitted(lines(), process.stdout).join("\n")}\n`));
}

/** Says something beside the result, on standard error. */
export function tell(line: string): void {
  process.stderr.write(withoutControls(`${fitted(line.split("\n"), process.stderr).join("\n")}\n`));
}
