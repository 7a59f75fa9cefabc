// Runs the built command line as a person would, in a process of its own. Knows no verb.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.js";

/** The repository. */
export const root = packageRoot();
const entry = join(root, "dist", "src", "cli", "main.js");
if (!existsSync(entry)) throw new Error(`${entry} is missing: run npm run build first`);

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command at work. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once standard error holds the text. */
  saying(text: string): Promise<void>;
}

/** One thread: the tests run side by side. Colours off, and no settings of the caller's. */
const environment = { ...process.env, LUCIOLE_THREADS: "1", NO_COLOR: "1", CI: "1" };

/**
 * How a command is started: with `shell`, a line of bash in which "$@" is the command; `env` stands over the
 * environment.
 */
export interface StartOptions {
  readonly shell?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `luciole <args>`. */
export function start(args: readonly string[], { shell, cwd, env }: StartOptions = {}): Running {
  const command = [process.execPath, entry, ...args];
  const options = { env: { ...environment, ...env }, cwd };
  const child = shell
    ? spawn("bash", ["-c", shell, "bash", ...command], options)
    : spawn(command[0], command.slice(1), options);
  child.stdin?.end();
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const saying = async (text: string) => {
    while (!stderr.includes(text) && child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    if (!stderr.includes(text)) throw new Error(`expected "${text}" on standard error, got: ${stderr}`);
  };
  return { child, ended, saying };
}

/** Runs `luciole <args>` to its end. */
export const luciole = (args: readonly string[], options?: StartOptions): Promise<Ended> => start(args, options).ended;

/** Runs to its end, which must be a good one. */
export async function succeed(args: readonly string[]): Promise<Ended> {
  const result = await luciole(args);
  if (result.code !== 0)
    throw new Error(
      `luciole ${args.join(" ")} ended with ${result.code ?? result.signal}: ${result.stderr}${result.stdout}`,
    );
  return result;
}

/** A folder that the caller removes with `remove`. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "luciole-e2e-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** `--set` flags of settings. */
export const settings = (values: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(values).flatMap(([key, value]) => ["--set", `${key}=${value}`]);

/** A run's log without what differs from one execution to the next: times and speeds. */
export function untimedLog(run: string, file = "metrics.jsonl"): unknown[] {
  const lines = readFileSync(join(run, file), "utf8").trimEnd().split("\n");
  return lines.map((line) =>
    Object.fromEntries(
      Object.entries(JSON.parse(line)).filter(([key]) => !/^(time|mfu|step_time)$|tokens_per_second$/.test(key)),
    ),
  );
}

/** The bytes of a checkpoint's weights and of its trainer's tensors. */
export function checkpointBytes(run: string, step: number): { weights: Buffer; trainer: Buffer } {
  const folder = join(run, "checkpoints", `step-${step}`);
  return {
    weights: readFileSync(join(folder, "model.safetensors")),
    trainer: readFileSync(join(folder, "trainer.safetensors")),
  };
}
