// One contestant: a process that prepares itself, runs one step for each line written to it, and reports its peak
// memory at the end. Knows the line protocol; not what a step does.
import type { ChildProcess } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../src/package-root.js";
import type { ComputeType } from "../src/tensor/dtype.js";
import { startProcess } from "./processes.js";

/** Time spent in one op during a step. */
export interface OpShare {
  readonly op: string;
  readonly calls: number;
  readonly seconds: number;
  readonly flops: number;
}

/** What one step took. */
export interface StepResult {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly tokens: number;
  /** Next-token loss before the update (training). */
  readonly loss?: number;
  readonly newTokensPerRow?: number;
  /** Moved by the ops' own costs (inference, ours only). */
  readonly bytes?: number;
  readonly profile?: readonly OpShare[];
}

/** What the process occupied. */
export interface PeakMemory {
  readonly peakRssBytes: number;
  /** Before the model existed: the runtime and its libraries. */
  readonly importedRssBytes: number;
}

/** How long an answer may take. */
export interface AnswerLimits {
  /** The first line and the warm-up, which may compile. */
  readonly firstMs: number;
  readonly stepMs: number;
}

const LIMITS: AnswerLimits = { firstMs: 480_000, stepMs: 480_000 };

/** What a step of ours is: of training, of sampling, of training an adapter, of reinforcing one. */
export type WorkKind = "train" | "generate" | "lora" | "grpo";

/** A contestant. Waiting for the next line it uses no processor time. */
export class Stepper {
  /** What the program told of itself when it was ready. */
  facts: Readonly<Record<string, number>> = {};
  private readonly lines: AsyncIterator<string>;
  private errors = "";

  private constructor(
    readonly label: string,
    private readonly child: ChildProcess,
    private readonly limits: AnswerLimits,
  ) {
    this.lines = createInterface(child.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]();
    child.stderr?.on("data", (chunk) => {
      this.errors = `${this.errors}${chunk}`.slice(-4000);
    });
    child.stdin?.on("error", () => {}); // a child that died is noticed by its missing answer
  }

  /** Ours: `kind` of work on `model` in the given precision. */
  static async ours(kind: WorkKind, model: string, compute: ComputeType, threads: number): Promise<Stepper> {
    const script = join(dirname(fileURLToPath(import.meta.url)), "child.js");
    return Stepper.start(`ours ${compute}`, process.execPath, [script, kind, model, compute, String(threads)], threads);
  }

  /** A peer: one variant of a script of bench/peers. */
  static async peer(python: string, script: string, variant: string, threads: number): Promise<Stepper> {
    return Stepper.start(variant, python, [join(packageRoot(), "bench", "peers", script), "--serve", variant], threads);
  }

  /** Any program that speaks the protocol; its first line tells facts. */
  static async start(
    label: string,
    command: string,
    args: readonly string[],
    threads: number,
    limits: AnswerLimits = LIMITS,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Stepper> {
    const child = startProcess(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, LUCIOLE_BENCH_THREADS: String(threads), ...environment },
    });
    child.on("error", () => {});
    const stepper = new Stepper(label, child, limits);
    stepper.facts = ((await stepper.answer(limits.firstMs)) as { facts?: Record<string, number> }).facts ?? {};
    return stepper;
  }

  /** The first step, which may compile: not to be counted. */
  warmUp(): Promise<StepResult> {
    return this.ask("warmup", this.limits.firstMs);
  }

  step(): Promise<StepResult> {
    return this.ask("step", this.limits.stepMs);
  }

  /** Ends the process and says what it occupied. */
  async end(): Promise<PeakMemory> {
    this.child.stdin?.end();
    return (await this.answer(this.limits.stepMs)) as PeakMemory;
  }

  private async ask(what: string, limitMs: number): Promise<StepResult> {
    this.child.stdin?.write(`${what}\n`);
    return (await this.answer(limitMs)) as StepResult;
  }

  /** The next line; throws an Error with the process's last words when there is none in time. */
  private async answer(limitMs: number): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, limitMs, "late");
    });
    const next = await Promise.race([this.lines.next(), late]);
    clearTimeout(timer);
    if (next !== "late" && !next.done) return JSON.parse(next.value);
    this.child.kill("SIGKILL");
    const words = this.errors.trim().split("\n").at(-1) || "no message";
    throw new Error(
      next === "late" ? `${this.label}: no answer within ${limitMs / 1000} s` : `${this.label}: ${words.slice(0, 300)}`,
    );
  }
}
