// llama.cpp held to an older instruction set: a copy of the installed package that has one of its CPU builds alone.
// Knows no rounds.
import { cpSync, existsSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Isa } from "../src/backends/native/cpu.js";

/** The CPU build of llama.cpp with the instructions of ours. AVX-512 is what llama.cpp chooses by itself. */
const CPU_BUILDS: Readonly<Partial<Record<Isa, string>>> = { "x86-64-v3": "haswell" };
/** Packages to copy; what they need beside each other is found in the folders above. */
const PACKAGES = ["node-llama-cpp", join("@node-llama-cpp", "linux-x64")];

/** Whether a file of the package is left out: a CPU build other than this one. */
const isOtherBuild = (path: string, build: string): boolean =>
  /^libggml-cpu-.+\.so$/.test(basename(path)) && basename(path) !== `libggml-cpu-${build}.so`;

/**
 * The entry of node-llama-cpp, below `folder` where it is installed, whose library has the instructions of `isa` and no
 * newer ones. The copy is made once. Throws an Error where llama.cpp has no such build.
 */
export function llamaEntry(folder: string, isa: Isa): string {
  const build = CPU_BUILDS[isa];
  const known = Object.keys(CPU_BUILDS).join(", ");
  if (build === undefined) throw new Error(`llama.cpp cannot be held to ${isa}, only to ${known}; leave out --isa`);
  const installed = join(folder, "node_modules");
  const library = join(PACKAGES[1], "bins", "linux-x64", `libggml-cpu-${build}.so`);
  if (!existsSync(join(installed, library)))
    throw new Error(`llama.cpp's build for ${isa} is not installed (no ${join(installed, library)})`);
  const copy = join(folder, "build", isa);
  if (!existsSync(copy)) {
    const temporary = `${copy}.${process.pid}`;
    for (const name of PACKAGES)
      cpSync(join(installed, name), join(temporary, "node_modules", name), {
        recursive: true,
        filter: (path) => !isOtherBuild(path, build),
      });
    rmSync(copy, { recursive: true, force: true });
    renameSync(temporary, copy);
  }
  return join(copy, "node_modules", "node-llama-cpp", "dist", "index.js");
}
