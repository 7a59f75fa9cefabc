// The main program of a grading process: runs the tests that its parent sends, one after the other, and ends with it.
import { ProgramRunner } from "./program-runner.js";
import type { RunnerCall, RunnerMessage } from "./runner-protocol.js";

/** The one that served last; another language, or other limits, takes its place. */
let latest: { readonly key: string; readonly runner: ProgramRunner } | undefined;

const tell = (message: RunnerMessage): Promise<void> =>
  new Promise((resolve) => {
    process.send!(message, undefined, undefined, () => resolve());
  });

function runnerOf({ language, limits, imageFile }: RunnerCall): ProgramRunner {
  const key = `${language} ${limits.memoryBytes} ${limits.outputBytes}`;
  if (latest?.key !== key) {
    latest?.runner.dispose();
    latest = { key, runner: new ProgramRunner(language, limits, imageFile) };
  }
  return latest.runner;
}

process.on("message", async (call: RunnerCall) => {
  try {
    const result = await runnerOf(call).run(call, () => tell({ type: "begun" }));
    await tell({ type: "result", result });
  } catch (error) {
    await tell({ type: "failure", reason: (error as Error).message });
  }
});
process.on("disconnect", () => process.exit());
