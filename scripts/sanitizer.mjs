// The native kernels under the compiler's address and undefined-behaviour sanitisers, and what a process needs to load
// them: the sanitisers' runtime, which must be there before the program's own libraries. Knows nothing of what is
// tested with them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { baseIsa, buildNative, KINDS } from "./build-native.mjs";

/** The runtime as g++ and clang++ name it. */
const RUNTIMES = ["libasan.so", `libclang_rt.asan-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so`];

/** The path of a library that the compiler links; undefined where it has none. */
function libraryOf(compiler, name) {
  const path = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: "utf8" }).stdout?.trim() ?? "";
  return isAbsolute(path) && existsSync(path) ? path : undefined;
}

/** The libraries to load before a program; undefined where this compiler or system offers no sanitisers. */
function preloads(compiler) {
  if (process.platform !== "linux" || !compiler) return undefined;
  const runtime = RUNTIMES.map((name) => libraryOf(compiler, name)).find(Boolean);
  // Loaded beside it, or the sanitiser would not find the functions that throw exceptions.
  const standard = libraryOf(compiler, "libstdc++.so.6") ?? libraryOf(compiler, "libstdc++.so");
  if (!runtime || !standard || !links(compiler)) return undefined;
  return [runtime, standard];
}

/**
 * Whether the compiler links a library with all sanitisers: their runtimes are packages of their own on some systems.
 */
function links(compiler) {
  const folder = mkdtempSync(join(tmpdir(), "luciole-sanitizer-"));
  const args = ["-shared", "-fPIC", ...KINDS.sanitized.linkFlags, "-x", "c++", "-", "-o", join(folder, "probe.so")];
  const { status } = spawnSync(compiler, args, {
    input: "int one() { return 1; }",
    stdio: ["pipe", "ignore", "ignore"],
  });
  rmSync(folder, { recursive: true, force: true });
  return status === 0;
}

/**
 * Builds the kernels of one instruction set under the sanitisers and gives the environment in which a process uses them
 * and stops at the first fault; undefined where they cannot be had. Throws an Error with the compiler's words when the
 * source does not compile.
 */
export async function sanitizedEnvironment(root, compiler, log) {
  const isa = baseIsa();
  const libraries = isa && preloads(compiler);
  if (!libraries) return undefined;
  const folder = join(root, "build", "sanitized");
  await buildNative({ wanted: isa, outDir: folder, kind: KINDS.sanitized, log, findOrInstall: () => compiler });
  return {
    ...process.env,
    LD_PRELOAD: libraries.join(":"),
    // Node itself leaves memory to the end of the process, and its workers' stacks lie in memory that it frees.
    ASAN_OPTIONS: "detect_leaks=0:abort_on_error=0:detect_stack_use_after_return=0",
    UBSAN_OPTIONS: "print_stacktrace=1",
    LUCIOLE_KERNELS: folder,
  };
}
