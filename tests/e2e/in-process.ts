// Runs the command line inside the test's own process: quick, for all that needs no process of its own. Knows no verb.
import { vi } from "vitest";
import { reportFailure } from "../../src/cli/failure.js";
import { buildProgram } from "../../src/cli/program.js";
import type { Ended } from "./command.js";

/** `luciole <args>` with `env` over the environment, which is as before afterwards. One at a time. */
export async function inProcess(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const before = { ...process.env };
  const written = { stdout: "", stderr: "" };
  const catching = (name: "stdout" | "stderr") =>
    vi.spyOn(process[name], "write").mockImplementation((text: unknown) => {
      written[name] += String(text);
      return true;
    });
  const spies = [catching("stdout"), catching("stderr")];
  Object.assign(process.env, env);
  try {
    await buildProgram().parseAsync(["node", "luciole", ...args]);
    return { code: 0, signal: null, ...written };
  } catch (error) {
    const code = reportFailure(error, { debug: args.includes("--debug") });
    return { code, signal: null, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
    for (const name of Object.keys(env)) if (before[name] === undefined) delete process.env[name];
    Object.assign(process.env, before);
  }
}
