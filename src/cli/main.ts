#!/usr/bin/env node
// The command line's entry: runs the verb and turns whatever goes wrong into one line and an exit code.
// Loads nothing but the table of verbs; their code comes when they run.
import { reportFailure } from "./failure.js";
import { buildProgram } from "./program.js";
import { drainStandardStreams, lostOutput, watchStandardStreams } from "./standard-streams.js";
import { isHangupIgnored } from "./stop-signals.js";

watchStandardStreams();
if (isHangupIgnored()) process.on("SIGHUP", () => {});
/** Until it is over: what is left of the code when nothing in the process will ever go on. */
process.exitCode = 1;
const onEmptyLoop = () => process.stderr.write("error: nothing is left to wait for, but the work is not done: a promise of a task or reward never settles\n");
process.on("exit", onEmptyLoop);

const code = await run();
await drainStandardStreams();
process.off("exit", onEmptyLoop);
const lost = lostOutput();
if (lost) process.stderr.write(`error: standard output took no more (${lost}): what was to be written there is lost\n`);
// A verb is over when its work is: timers or sockets that a module left open hold nothing up.
process.exit(lost ? 1 : code);

async function run(): Promise<number> {
  try {
    await buildProgram().parseAsync(process.argv);
    return 0;
  } catch (error) {
    return reportFailure(error, { debug: process.argv.includes("--debug") });
  }
}
