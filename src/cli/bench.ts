// `luciole bench`: hands over to the measurements that lie in bench/ of a checkout. Knows none of them.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { packageRoot } from "../tensor/backends/native/addon.js";

/** Flags as commander gives them. */
export interface BenchFlags {
  readonly json?: boolean;
  readonly threads?: number;
  readonly quick?: boolean;
  readonly peers: boolean;
}

/** Runs the named measurements, or all; ends with their exit code. */
export async function bench(names: readonly string[], { json, threads, quick, peers }: BenchFlags): Promise<void> {
  const script = join(packageRoot(), "dist", "bench", "run.js");
  if (!existsSync(script)) throw new ConfigError("the measurements are not part of an installed package: clone the repository and run npm run bench there");
  const only = names.length > 0 ? ["--only", names.join(",")] : [];
  const rest = [...(json ? ["--json"] : []), ...(quick ? ["--quick"] : []), ...(peers ? [] : ["--no-peers"])];
  process.exitCode = await runScript(script, [...only, ...rest, ...(threads === undefined ? [] : ["--threads", `${threads}`])]);
}

function runScript(path: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
