// `luciole setup`: builds the kernels, with a compiler from the system's package manager where one is missing and may
// be installed.
import { resolve } from "node:path";
import { buildKernels } from "../backends/native/kernel-files.js";
import { writeResult } from "./run-verb.js";

/** Flags as commander gives them. */
export interface SetupFlags {
  readonly to?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** Builds what is not up to date and says where it lies. */
export async function setup({ to, all, json }: SetupFlags): Promise<void> {
  const into = to === undefined ? undefined : resolve(to);
  const folder = await buildKernels({
    into,
    all,
    installsCompiler: true,
    log: (line) => console.error(`setup: ${line}`),
  });
  writeResult(json, { kernels: folder }, () => [`the kernels are in ${folder}`]);
}
