// `npm test`: sets up, runs every gate, and closes with a line `N passed, N failed` (`, N skipped` where the machine
// lacks something). Exit status 1 when anything failed.
// Usage: node scripts/test.mjs [--quick]      (--quick leaves out the test files, recipes and examples)
import "./node-version.mjs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as gates from "./gates.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const quick = process.argv.includes("--quick");

/** Cheap gates first, so that a slip shows early. */
const ORDER = [
  ["packages", gates.packages],
  ["type check and build", gates.types],
  ["lint and format", gates.lintAndFormat],
  ["layer rules and import cycles", gates.layers],
  ["conventions", gates.conventions],
  ["reference pages are current", gates.referencePages],
  ["native kernels, every instruction set", gates.kernels],
  ...(quick
    ? []
    : [
        ["tests", gates.tests],
        ["kernels under sanitisers", gates.sanitizedKernels],
        ["recipes, a few steps each", gates.recipes],
        ["examples", gates.examples],
        ["documentation, command by command", gates.documentation],
      ]),
];

const started = Date.now();
const secondsSince = (ms) => ((Date.now() - ms) / 1000).toFixed(1);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const [name, gate] of ORDER) {
  const gateStarted = Date.now();
  const result = await gate(root);
  passed += result.passed;
  failed += result.failed;
  skipped += result.skipped;
  const mark = result.failed > 0 ? "✗" : result.skipped > 0 ? "–" : "✓";
  console.log(`${mark} ${name}: ${result.passed} passed, ${result.failed} failed (${secondsSince(gateStarted)} s)`);
  if (result.output) console.log(result.output.replace(/^/gm, "    "));
  if (name === "packages" && result.failed > 0) break;
}
console.log(`all gates in ${secondsSince(started)} s`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed === 0 ? 0 : 1;
