// The gates of `npm test`: each does one check and gives how many things it found right and wrong. Knows nothing of
// their order.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNative } from "./build-native.mjs";
import { buildTypeScript } from "./build-typescript.mjs";
import { checkConventions } from "./check-conventions.mjs";
import { findCompiler, installCompiler } from "./compiler.mjs";
import { dependenciesAreCurrent, installDependencies } from "./dependencies.mjs";
import { sanitizedEnvironment } from "./sanitizer.mjs";
import { tryDocumentation } from "./trial.mjs";

const TEST_LIMIT_MS = 17 * 60_000;
const RECIPE_LIMIT_MS = 3 * 60_000;

/** The few-steps form of each recipe in recipes/. */
const RECIPES = {
  "r1-zero.ts": ["zero", "--preset", "smoke", "--json"],
  "r1.ts": ["r1", "--preset", "smoke", "--json"],
};

/** What the summary of a run must say (the recipe's own promise). */
const SUMMARY_KEYS = (
  "base final problems samplesPerProblem seed params activeParams pretrainTokens rlSteps wallSeconds " +
  "peakRssBytes tokensPerSecond mfu runDir"
).split(" ");

/**
 * A finished gate: counts, and what to print below it. What could not be looked at is skipped, neither passed nor
 * failed.
 */
const outcome = (passed, failed, output = "", skipped = 0) => ({ passed, failed, output, skipped });
const single = (ok, output) => outcome(ok ? 1 : 0, ok ? 0 : 1, ok ? "" : output);

/** Runs a program of node_modules with this Node, its output caught. */
function runModule(root, entry, args, options = {}) {
  return spawnSync(process.execPath, [join(root, "node_modules", entry), ...args], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    ...options,
  });
}

function byExitStatus({ status, stdout, stderr, error }) {
  return single(status === 0, `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`.trim());
}

/** Turns what an action throws into a failure. */
async function attempt(action) {
  try {
    return single(true, await action());
  } catch (error) {
    return single(false, String(error.stderr || error.message).trim());
  }
}

export const packages = (root) => attempt(() => dependenciesAreCurrent(root) || installDependencies(root));
export const types = (root) => attempt(() => buildTypeScript(root, { force: true }));
export const lintAndFormat = (root) =>
  byExitStatus(runModule(root, "@biomejs/biome/bin/biome", ["check", "--error-on-warnings"]));
/** No file reaches itself by imports, those of types included; what is emitted keeps to the layers. */
export async function layers(root) {
  // Its parser is a package, which a fresh clone lacks until the first gate has installed it.
  const { importCircles } = await import("./import-circles.mjs");
  const circles = importCircles(root);
  return circles.length > 0 ? outcome(0, circles.length, circles.join("\n")) : emittedLayers(root);
}
const emittedLayers = (root) =>
  byExitStatus(
    runModule(root, "dependency-cruiser/bin/dependency-cruise.mjs", ["--config", ".dependency-cruiser.cjs", "dist"]),
  );

/** Builds all instruction sets; a compiler warning is a failure. */
export function kernels() {
  const said = [];
  const log = (line) => said.push(line);
  return attempt(async () => {
    await buildNative({ wanted: "all", log, findOrInstall: () => findCompiler() ?? installCompiler(console.error) });
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
    return runTests(root, [...KERNEL_TESTS, "--testTimeout=300000"], env);
  } catch (error) {
    return single(false, String(error.stderr || error.message).trim());
  }
}

/** Runs test files with vitest. Counts tests; a file that does not load counts as one failure. */
function runTests(root, more = [], env = process.env) {
  const folder = mkdtempSync(join(tmpdir(), "luciole-test-"));
  const report = join(folder, "tests.json");
  const args = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...more];
  const { status, signal } = runModule(root, "vitest/vitest.mjs", args, {
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
export function referencePages(root) {
  const scripts = ["write-reference.mjs", "api-docs.mjs"];
  const results = scripts.map((name) =>
    byExitStatus(
      spawnSync(process.execPath, [join(root, "scripts", name), "--check"], { cwd: root, encoding: "utf8" }),
    ),
  );
  const output = results.map((result) => result.output).filter(Boolean);
  return single(output.length === 0, output.join("\n"));
}

/** Tries out every command and program of the documentation, as a newcomer would. */
export async function documentation(root) {
  const { passed, failures } = await tryDocumentation(root);
  return outcome(passed, failures.length, failures.join("\n"));
}

/** Runs every recipe a few steps and looks at the summary it prints. */
export function recipes(root) {
  const named = readdirSync(join(root, "recipes")).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const problems = named.map((name) => recipeProblem(root, name)).filter(Boolean);
  return outcome(named.length - problems.length, problems.length, problems.join("\n"));
}

function recipeProblem(root, name) {
  if (!RECIPES[name]) return `recipes/${name} has no few-steps form in scripts/gates.mjs`;
  const folder = mkdtempSync(join(tmpdir(), "luciole-recipe-"));
  const args = [join(root, "dist/src/cli/main.js"), ...RECIPES[name], "--out", join(folder, "run")];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    timeout: RECIPE_LIMIT_MS,
    maxBuffer: 1 << 26,
  });
  const hasReport = existsSync(join(folder, "run", "report.html"));
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) return `recipes/${name}: ${error?.message ?? stderr.trim()}`;
  if (!hasReport) return `recipes/${name}: no report.html was written`;
  try {
    const missing = SUMMARY_KEYS.filter((key) => !(key in JSON.parse(stdout)));
    return missing.length > 0 ? `recipes/${name}: the summary lacks ${missing.join(", ")}` : "";
  } catch {
    return `recipes/${name}: standard output is not one JSON object: ${stdout.slice(0, 200)}`;
  }
}

/** Runs every example as the README shows it. */
export function examples(root) {
  const folder = join(root, "examples");
  const named = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    : [];
  const problems = named.flatMap((name) => {
    const cwd = mkdtempSync(join(tmpdir(), "luciole-example-"));
    const entry = join(root, "dist", "examples", name.replace(/\.ts$/, ".js"));
    const { status, stdout, stderr, error } = spawnSync(process.execPath, [entry], {
      cwd,
      encoding: "utf8",
      timeout: RECIPE_LIMIT_MS,
      maxBuffer: 1 << 26,
    });
    rmSync(cwd, { recursive: true, force: true });
    return status === 0 ? [] : [`examples/${name}: ${error?.message ?? `${stdout}${stderr}`.trim()}`];
  });
  return outcome(named.length - problems.length, problems.length, problems.join("\n"));
}
