// A grading process, seen by its parent: started with nothing (no environment, no permission but to read installed
// code), watched from outside by the clock, and killed where it does not answer. Knows not what is expected.
import { type ChildProcess, fork } from "node:child_process";
import { ConfigError } from "../../errors.js";
import { imageFolder } from "./python-image.js";
import { compiledFile, restrictions } from "./restrictions.js";
import { type RunnerCall, type RunnerMessage, type RunnerResult, WALL_FACTOR } from "./runner-protocol.js";

/** Time for an interpreter to start on a busy machine. */
const START_MS = 150_000;
/** What the process has after a test's own limit to stop it. */
const GRACE_MS = 2000;
/** How a test went that a process did not survive. */
const ended = (end: RunnerResult["end"], message: string, since: number): RunnerResult => ({
  ...{ end, message, given: "" },
  milliseconds: Math.round(performance.now() - since),
});

/** One process. Runs one test at a time. */
export class RunnerProcess {
  readonly #child: ChildProcess;
  #isAlive = true;
  #onMessage: (message: RunnerMessage) => void = () => {};
  #onExit: (code: number | null) => void = () => {};

  constructor() {
    this.#child = fork(compiledFile("runner.js"), {
      env: {},
      execArgv: restrictions({ reads: imageFolder() }),
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child.on("message", (message) => this.#onMessage(message as RunnerMessage));
    this.#child.on("error", () => this.kill());
    this.#child.on("exit", (code) => {
      this.#isAlive = false;
      this.#onExit(code);
    });
    this.#keepsParent(false);
  }

  /** False once it ended. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs one test. @throws ConfigError where the process cannot run the language */
  async run(call: RunnerCall): Promise<RunnerResult> {
    this.#keepsParent(true);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<RunnerResult>((resolve, reject) => {
        let begun: number | undefined;
        const arm = (limitMs: number, onLimit: () => void) => {
          clearTimeout(timer);
          timer = setTimeout(() => {
            onLimit();
            this.kill();
          }, limitMs);
        };
        const fail = (reason: string) =>
          reject(new ConfigError(`programs in ${call.language} cannot be graded: ${reason}`));
        arm(START_MS, () => fail(`the interpreter did not start within ${START_MS / 1000} s`));
        this.#onExit = (code) =>
          begun === undefined
            ? fail(`the process of the interpreter ended with code ${code}`)
            : resolve(ended("memory", `the process of the interpreter ended with code ${code}`, begun));
        this.#onMessage = (message) => {
          if (message.type === "failure") fail(message.reason);
          else if (message.type === "result") resolve(message.result);
          else {
            begun = performance.now();
            arm(WALL_FACTOR * call.limits.timeoutMs + GRACE_MS, () => resolve(ended("time", "", begun!)));
          }
        };
        this.#child.send(call);
      });
    } finally {
      clearTimeout(timer);
      this.#keepsParent(false);
    }
  }

  kill(): void {
    this.#isAlive = false;
    this.#child.kill("SIGKILL");
  }

  /** Whether the parent's program goes on while this process is there. */
  #keepsParent(does: boolean): void {
    const turn = does ? "ref" : "unref";
    this.#child[turn]();
    this.#child.channel?.[turn]();
  }
}
