// `luciole bench`: a model's speed is measured here; all else is handed over to the measurements that lie in bench/ of
// a checkout.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import { benchDrafts } from "./bench-drafts.js";
import { type BenchModelFlags, benchModel, MODEL_MEASURES } from "./bench-model.js";

/** Flags as commander gives them. */
export interface BenchFlags extends BenchModelFlags {
  readonly quick?: boolean;
  readonly peers: boolean;
}

/** Measures a model, or runs the named measurements, or all, and ends with their exit code. */
export async function bench(names: readonly string[], flags: BenchFlags): Promise<void> {
  const kind = MODEL_MEASURES.find((name) => name === names[0]);
  if (kind) return benchModel(kind, names[1], flags);
  if (flags.adapter !== undefined)
    throw new ConfigError(`--adapter is for luciole bench ${MODEL_MEASURES.join("|")} MODEL; leave it out here`);
  if (names[0] === "drafts") return benchDrafts(names[1], flags);
  const { json, threads, quick, peers } = flags;
  const script = join(packageRoot(), "dist", "bench", "run.js");
  if (!existsSync(script))
    throw new ConfigError(
      "the benchmarks are not part of the installed package: clone the repository and run npm run bench there",
    );
  const only = names.length > 0 ? ["--only", names.join(",")] : [];
  const rest = [...(json ? ["--json"] : []), ...(quick ? ["--quick"] : []), ...(peers ? [] : ["--no-peers"])];
  process.exitCode = await runScript(script, [
    ...only,
    ...rest,
    ...(threads === undefined ? [] : ["--threads", `${threads}`]),
  ]);
}

function runScript(path: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
