// The runs of a folder, those inside other runs included, and how far each has come. Knows no page and no trainer.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isHeldLock } from "../process-lock.js";
import { readLinesBefore } from "./log-window.js";
import type { MetricsRecord, Phase, RunPlan } from "./records.js";
import { readRunConfig } from "./run-directory.js";
import { CONFIG_FILE, LOCK_FILE, METRICS_FILE, PLAN_FILE, SUMMARY_FILE } from "./run-files.js";

/** Runs lie so deep inside runs at most. */
const MOST_DEPTH = 4;
/** Folders of a run that hold no runs. */
const NOT_RUNS = new Set(["checkpoints", "stages", "node_modules", "tensorboard"]);

/** A run as a list tells it. */
export interface RunEntry {
  /** Its path from the folder, with slashes. */
  readonly name: string;
  readonly verb?: string;
  readonly seed?: number;
  readonly startedAt?: string;
  readonly state?: "running" | "stopped" | "finished";
  readonly phase?: Phase;
  readonly stage?: string;
  readonly step?: number;
  /** When its last line was logged. */
  readonly updatedAt?: string;
  /** The steps of the stage it is in. */
  readonly plan?: RunPlan;
  /** Why it cannot be read. */
  readonly problem?: string;
}

/** The runs of a folder, the newest first. A folder that is not there has none. */
export async function listRuns(folder: string): Promise<RunEntry[]> {
  const entries = await Promise.all(namesIn(folder, "", MOST_DEPTH).map((name) => runEntry(folder, name)));
  return entries.sort((a, b) => timeOf(b) - timeOf(a));
}

const timeOf = ({ updatedAt, startedAt = "" }: RunEntry): number => Date.parse(updatedAt ?? startedAt) || 0;

/** Whether a folder holds a run of this name. */
export const isRun = (folder: string, name: string): boolean =>
  name.split("/").every((part) => !/^\.{0,2}$|[\\\0]/.test(part)) && existsSync(join(folder, name, CONFIG_FILE));

function namesIn(folder: string, prefix: string, depth: number): string[] {
  if (depth === 0) return [];
  return foldersIn(join(folder, prefix)).flatMap((name) => {
    const path = prefix === "" ? name : `${prefix}/${name}`;
    return [...(isRun(folder, path) ? [path] : []), ...namesIn(folder, path, depth - 1)];
  });
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !NOT_RUNS.has(entry.name))
      .map(({ name }) => name)
      .filter((name) => !name.startsWith("."));
  } catch {
    return []; // not there, or not ours to read
  }
}

/** One run as the list tells it. */
export async function runEntry(folder: string, name: string): Promise<RunEntry> {
  const path = join(folder, name);
  try {
    const { verb, seed, startedAt } = readRunConfig(path);
    const [last] = (await readLinesBefore<MetricsRecord>(join(path, METRICS_FILE), 1)).records;
    const { phase, stage, step, time: updatedAt } = last ?? {};
    return { name, verb, seed, startedAt, state: stateOf(path), phase, stage, step, updatedAt, plan: planOf(path) };
  } catch (error) {
    return { name, problem: (error as Error).message };
  }
}

function stateOf(path: string): RunEntry["state"] {
  if (existsSync(join(path, SUMMARY_FILE))) return "finished";
  return isHeldLock(join(path, LOCK_FILE)) ? "running" : "stopped";
}

function planOf(path: string): RunPlan | undefined {
  try {
    return JSON.parse(readFileSync(join(path, PLAN_FILE), "utf8")) as RunPlan;
  } catch {
    return undefined; // of a run that began before there were plans
  }
}
