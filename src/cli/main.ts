#!/usr/bin/env node
// The command line's entry: runs the verb and turns whatever goes wrong into one line and an exit code.
// Loads nothing but the table of verbs; their code comes when they run.
import { reportFailure } from "./failure.js";
import { buildProgram } from "./program.js";

// A reader that closes the pipe early (head, a pager) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await buildProgram().parseAsync(process.argv);
} catch (error) {
  process.exitCode = reportFailure(error, { debug: process.argv.includes("--debug") });
}
