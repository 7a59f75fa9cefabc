// Claim: `luciole --help` answers within 200 ms.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../src/package-root.js";
import { type Claim, median } from "./claim.js";

const RUNS = 9;

function runSeconds(args: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}: ${stderr.trim().split("\n").at(-1)}`);
  return (performance.now() - started) / 1000;
}

export const startup: Claim = async () => {
  const main = join(packageRoot(), "dist", "src", "cli", "main.js");
  const help: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    help.push(runSeconds([main, "--help"]) * 1000);
    bare.push(runSeconds(["--eval", "0"]) * 1000);
  }
  const ours = median(help);
  const note = `median of ${RUNS}; an empty program of the same Node takes ${median(bare).toFixed(0)} ms`;
  return [{ claim: "startup", what: "luciole --help", unit: "ms", ours, reached: ours, target: { atMost: 200 }, note }];
};
