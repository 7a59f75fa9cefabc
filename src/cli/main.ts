#!/usr/bin/env node
// The command line's entry: runs the verb and turns whatever goes wrong into one line and an exit code.
// Loads nothing but the table of verbs; their code comes when they run.
import { reportFailure } from "./failure.js";
import { buildProgram } from "./program.js";
import { drainStandardStreams, lostOutput, watchStandardStreams } from "./standard-streams.js";
import { isHangupIgnored } from "./stop-signals.js";

let isOver = false;
process.on("exit", () => {
  if (isOver) return;
  process.stderr.write("error: the run cannot continue: a promise of a task or reward never settles\n");
  process.exitCode = 1;
});
watchStandardStreams({ onReaderLeft: () => end(0) });
if (isHangupIgnored()) process.on("SIGHUP", () => {});

const code = await run();
await drainStandardStreams();
const lost = lostOutput();
if (lost) process.stderr.write(`error: cannot write to standard output (${lost}): the rest of the output is lost\n`);
end(lost ? 1 : code);

async function run(): Promise<number> {
  try {
    await buildProgram().parseAsync(process.argv);
    return Number(process.exitCode ?? 0); // some verbs end well and say by the code that not all was
  } catch (error) {
    return reportFailure(error, { debug: process.argv.includes("--debug") });
  }
}

/** A verb is over when its work is: timers or sockets that a module left open hold nothing up. */
function end(exitCode: number): never {
  isOver = true;
  process.exit(exitCode);
}
