// The gates of `npm test`: each does one check and gives how many things it found right and wrong. Knows nothing of
// their order.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNative } from "./build-native.mjs";
import { buildTypeScript } from "./build-typescript.mjs";
import { buildWeb } from "./build-web.mjs";
import { checkConventions } from "./check-conventions.mjs";
import { findCompiler, installCompiler } from "./compiler.mjs";
import { dependenciesAreCurrent, installDependencies } from "./dependencies.mjs";
import { sanitizedEnvironment } from "./sanitizer.mjs";
import { tryDocumentation } from "./trial.mjs";

const TEST_LIMIT_MS = 17 * 60_000;
const EXAMPLE_LIMIT_MS = 3 * 60_000;

/**
 * A finished gate: counts, and what to print below it. What could not be looked at is skipped, neither passed nor
 * failed.
 */
const outcome = (passed, failed, output = "", skipped = 0) => ({ passed, failed, output, skipped });
const single = (ok, output) => outcome(ok ? 1 : 0, ok ? 0 : 1, ok ? "" : output);

/**
 * Runs a program with this Node in `cwd`, its output caught. Gives how it ended; one that takes too long is killed.
 */
function run(args, { cwd, timeout, env = process.env, stdio = ["ignore", "pipe", "pipe"] }) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd, timeout, env, stdio });
    const output = { stdout: "", stderr: "" };
    for (const name of Object.keys(output))
      child[name]?.setEncoding("utf8").on("data", (chunk) => {
        output[name] += chunk;
      });
    child.on("error", (error) => resolve({ status: null, signal: null, ...output, error }));
    child.on("close", (status, signal) => resolve({ status, signal, ...output }));
  });
}

/** Runs a program of node_modules on the repository. */
const runModule = (root, entry, args, options = {}) =>
  run([join(root, "node_modules", entry), ...args], { cwd: root, ...options });

/** How a program failed, in its own words if it had any. */
const wordsOf = ({ status, signal, stdout, stderr, error }) =>
  error?.message ?? (`${stdout}${stderr}`.trim() || `ended with ${signal ?? status}`);
const byExitStatus = (ended) => single(ended.status === 0, wordsOf(ended));

/** Turns what an action throws into a failure. */
async function attempt(action) {
  try {
    return single(true, await action());
  } catch (error) {
    return single(false, String(error.stderr || error.message).trim());
  }
}

export const packages = (root) => attempt(() => dependenciesAreCurrent(root) || installDependencies(root));
export const types = (root) =>
  attempt(async () => {
    await buildTypeScript(root, { force: true });
    await buildWeb(root);
  });
export const lintAndFormat = async (root) =>
  byExitStatus(await runModule(root, "@biomejs/biome/bin/biome", ["check", "--error-on-warnings"]));
/** No file reaches itself by imports, those of types included; what is emitted keeps to the layers. */
export async function layers(root) {
  // Its parser is a package, which a fresh clone lacks until the first gate has installed it.
  const { importCircles } = await import("./import-circles.mjs");
  const circles = importCircles(root);
  return circles.length > 0 ? outcome(0, circles.length, circles.join("\n")) : emittedLayers(root);
}
const emittedLayers = async (root) =>
  byExitStatus(
    await runModule(root, "dependency-cruiser/bin/dependency-cruise.mjs", [
      "--config",
      ".dependency-cruiser.cjs",
      "dist",
    ]),
  );

/** Compiles the kernels of all instruction sets, which needs no package. */
export const kernelObjects = () => compileKernels({ links: false });
/** Builds the modules of all instruction sets. */
export const kernels = () => compileKernels({ links: true });

/** A compiler warning is a failure. */
function compileKernels({ links }) {
  const said = [];
  const log = (line) => said.push(line);
  const findOrInstall = () => findCompiler() ?? installCompiler(console.error);
  return attempt(async () => {
    await buildNative({ wanted: "all", log, findOrInstall, links });
    const warnings = said.filter((line) => /warning:/.test(line));
    if (warnings.length > 0) throw new Error(warnings.join("\n"));
  });
}

/** Long files are remarked upon, not failed. */
export function conventions(root) {
  const { failures, warnings } = checkConventions(root);
  for (const line of warnings) console.log(`  remark: ${line}`);
  return single(failures.length === 0, failures.join("\n"));
}

/** All test files. */
export const tests = (root) => runTests(root);

/** Test files that reach every kernel, with values at the edges of their types. */
const KERNEL_TESTS = ["forward", "indexes", "packed-weights", "stored-weights"].map(
  (name) => `tests/conformance/${name}.test.ts`,
);

/**
 * The tests of the kernels on a build that stops at the first access outside an object. Skipped where the compiler has
 * no sanitisers.
 */
export async function sanitizedKernels(root) {
  try {
    const env = await sanitizedEnvironment(root, findCompiler(), () => {});
    if (!env)
      return outcome(0, 0, "skipped: this compiler has no address sanitiser to load beside Node", KERNEL_TESTS.length);
    return runTests(root, KERNEL_TESTS, env);
  } catch (error) {
    return single(false, String(error.stderr || error.message).trim());
  }
}

/** Runs test files with vitest. Counts tests; a file that does not load counts as one failure. */
async function runTests(root, more = [], env = process.env) {
  const folder = mkdtempSync(join(tmpdir(), "luciole-test-"));
  const report = join(folder, "tests.json");
  const args = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...more];
  const { status, signal } = await runModule(root, "vitest/vitest.mjs", args, {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: TEST_LIMIT_MS,
    env,
  });
  const found = existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined;
  rmSync(folder, { recursive: true, force: true });
  if (!found) return outcome(0, 1, `the test runner ended without a report (${signal ?? status})`);
  const unloaded = found.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const failed = found.numFailedTests + unloaded;
  const unexplained = status !== 0 && failed === 0 ? 1 : 0;
  return outcome(
    found.numPassedTests,
    failed + unexplained,
    unexplained ? "the test runner failed outside any test: see above" : "",
  );
}

/** The reference pages say what the code says. */
export async function referencePages(root) {
  const scripts = ["write-reference.mjs", "api-docs.mjs"].map((name) => join(root, "scripts", name));
  const results = await Promise.all(
    scripts.map(async (path) => byExitStatus(await run([path, "--check"], { cwd: root }))),
  );
  const output = results.map((result) => result.output).filter(Boolean);
  return single(output.length === 0, output.join("\n"));
}

/** Tries out every command and program of the documentation, as a newcomer would. */
export async function documentation(root) {
  const { passed, failures } = await tryDocumentation(root);
  return outcome(passed, failures.length, failures.join("\n"));
}

/** The names of the programs in a folder, tests left out. */
const programsIn = (folder) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts")) : [];

/** Runs every example as the README shows it, each in a temporary folder of its own. */
export async function examples(root) {
  const named = programsIn(join(root, "examples"));
  const problems = [];
  for (const name of named) {
    const cwd = mkdtempSync(join(tmpdir(), "luciole-gate-"));
    const entry = join(root, "dist", "examples", name.replace(/\.ts$/, ".js"));
    const ended = await run([entry], { cwd, timeout: EXAMPLE_LIMIT_MS });
    rmSync(cwd, { recursive: true, force: true });
    if (ended.status !== 0) problems.push(`examples/${name}: ${wordsOf(ended)}`);
  }
  return outcome(named.length - problems.length, problems.length, problems.join("\n"));
}
