// Runs a program's tests in a grading process. The program has a thread of its own, with an interpreter; test code has
// another interpreter, here, and plain values alone go to and fro. What does not end is interrupted, and where that
// does not help its thread is stopped. Knows not what is expected.
import { AskedThread } from "../../asked-thread.js";
import type { Command, Interpreter, Raised, Report } from "./interpreter.js";
import { openInterpreter, type ThreadSettings } from "./open-interpreter.js";
import type { ProgramLanguage } from "./program.js";
import type { Greeting } from "./program-thread.js";
import { type RunnerCall, type RunnerLimits, type RunnerResult, WALL_FACTOR } from "./runner-protocol.js";

/** Time for a thread to start on a busy machine. */
const START_MS = 120_000;
/** Time for a program to end after it was interrupted. */
const GRACE_MS = 300;
/** Of the thread itself; the memory of its interpreter has a limit of its own. */
const THREAD_MEMORY = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 64 };
/** Of an interpreter's stack: 25,000 calls in JavaScript. */
const STACK_BYTES = 4_000_000;
/** The same for test code, which runs on the stack of the process. */
const TESTER_STACK_BYTES = 256_000;
/** The process that this one works for. */
const PARENT = process.ppid;
/** How often the time is looked at. */
const SLICE_MS = 50;

/** How a command ended: by itself, or at the limit of time. */
type Outcome = Omit<Report, "end"> & { readonly end: Report["end"] | "time" };
const TIME: Outcome = { end: "time", output: "", value: "", raised: null };

/** What interpreters start faster by, once one has started. */
const images = new Map<ProgramLanguage, unknown>();

/** One language, within one set of limits. */
export class ProgramRunner {
  readonly #settings: ThreadSettings;
  #thread: AskedThread<Command, Report> | undefined;
  #tester: Interpreter | undefined;
  /** Whether the thread serves. */
  #isReady = false;
  /** Whether it holds the program, for calls. */
  #isLoaded = false;
  #isOver = () => true;
  /** What ended the program while test code called it. */
  #stopped: Outcome | undefined;

  constructor(language: ProgramLanguage, { memoryBytes, outputBytes }: RunnerLimits, imageFile: string | null) {
    const interrupt = new Uint8Array(new SharedArrayBuffer(1));
    this.#settings = { language, memoryBytes, outputBytes, stackBytes: STACK_BYTES, interrupt, imageFile, image: null };
  }

  /** Runs one test; `onBegin` is called when its time begins. */
  async run(call: RunnerCall, onBegin: () => Promise<void>): Promise<RunnerResult> {
    this.#serve();
    if (call.test.kind === "check") await this.#openTester();
    await onBegin();
    const begun = performance.now();
    this.#isOver = clockOf(call.limits.timeoutMs);
    const outcome = this.#runTest(call);
    const milliseconds = Math.round(performance.now() - begun);
    if (!this.#thread?.isAlive) this.#startThread(); // in time for the next one
    const given = call.test.kind === "output" ? outcome.output : outcome.value;
    const end = outcome.end === "broken" ? "raised" : outcome.end;
    return { end, given: end === "done" ? given : "", message: textOf(outcome.raised), milliseconds };
  }

  dispose(): void {
    this.#thread?.dispose();
  }

  #runTest({ program, test, isFirst }: RunnerCall): Outcome {
    if (test.kind === "output") {
      this.#isLoaded = false;
      return this.#ask({ do: "main", program, input: test.input });
    }
    if (isFirst || !this.#isLoaded || test.kind === "check") {
      const loaded = this.#ask({ do: "load", program });
      this.#isLoaded = loaded.end === "done";
      if (!this.#isLoaded) return loaded;
      if (test.kind === "check") return this.#check(test.code, test.function, JSON.parse(loaded.value));
    }
    return this.#ask({ do: "call", function: test.function, arguments: test.arguments, form: "json" });
  }

  #check(code: string, name: string | null, names: readonly string[]): Outcome {
    this.#stopped = undefined;
    const report = this.#tester!.run({ do: "check", code, function: name, names });
    if (report.end === "broken") this.#tester = undefined;
    return this.#stopped ?? report;
  }

  /** A call by test code. */
  #callProgram(text: string): string {
    const [name, values] = JSON.parse(text) as [string, string];
    const outcome = this.#stopped ?? this.#ask({ do: "call", function: name, arguments: values, form: "plain" });
    if (outcome.end === "done") return JSON.stringify({ value: outcome.value });
    if (outcome.end !== "raised") this.#stopped = outcome;
    return JSON.stringify({ raised: outcome.raised ?? { name: "RuntimeError", message: outcome.end } });
  }

  #ask(command: Command): Outcome {
    const { interrupt } = this.#settings;
    Atomics.store(interrupt, 0, 0);
    let report = this.#thread!.ask(command, SLICE_MS);
    while (report === null && !this.#isOver()) report = this.#thread!.waitOn(SLICE_MS);
    if (report === null) {
      Atomics.store(interrupt, 0, 2);
      this.#isLoaded = false;
      if (this.#thread!.waitOn(GRACE_MS) === null) this.#thread!.dispose();
      return TIME;
    }
    if (report.end === "broken") this.#thread!.dispose();
    if (report.end !== "done" && report.end !== "raised") this.#isLoaded = false;
    return report;
  }

  #startThread(): void {
    this.#isLoaded = false;
    Atomics.store(this.#settings.interrupt, 0, 0);
    this.#thread = new AskedThread("tasks/code/program-thread.js", THREAD_MEMORY, {
      ...this.#settings,
      image: images.get(this.#settings.language) ?? null,
    });
    this.#isReady = false;
  }

  /** Waits until a thread serves. */
  #serve(): void {
    if (!this.#thread?.isAlive) this.#startThread();
    if (this.#isReady) return;
    const greeting = this.#thread!.start(START_MS) as Greeting | null;
    if (greeting === null || "failure" in greeting) {
      this.#thread!.dispose();
      throw new Error(greeting?.failure ?? `it did not start within ${START_MS / 1000} s`);
    }
    images.set(this.#settings.language, greeting.image);
    this.#isReady = true;
  }

  async #openTester(): Promise<void> {
    if (this.#tester) return;
    const interrupt = new Uint8Array(1); // nobody interrupts test code: the process is stopped instead
    const callProgram = (text: string) => this.#callProgram(text);
    const settings = {
      ...this.#settings,
      image: images.get(this.#settings.language) ?? null,
      stackBytes: TESTER_STACK_BYTES,
      interrupt,
      callProgram,
    };
    this.#tester = (await openInterpreter(settings)).interpreter;
  }
}

/** Says whether a test's time is over: that of computing, or, for a program that sleeps, four times as much. */
function clockOf(timeoutMs: number): () => boolean {
  const [begun, cpuBegun] = [performance.now(), process.cpuUsage()];
  return () => {
    if (process.ppid !== PARENT) process.exit(); // nobody waits for it, and this thread hears of it nowhere else
    const { user, system } = process.cpuUsage(cpuBegun);
    return (user + system) / 1000 > timeoutMs || performance.now() - begun > WALL_FACTOR * timeoutMs;
  };
}

const textOf = (raised: Raised | null): string => (raised ? `${raised.name}: ${raised.message}` : "");
