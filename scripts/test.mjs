// `npm test`: sets up, runs every gate, and closes with a line `N passed, N failed` (`, N skipped` where the machine
// lacks something). Exit status 1 when anything failed.
// Usage: node scripts/test.mjs [--quick]      (--quick leaves out the test files, examples and documentation)
import "./node-version.mjs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as gates from "./gates.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const quick = process.argv.includes("--quick");

/**
 * Cheap gates first, so that a slip shows early. The lists of a row go side by side, the gates of a list one after the
 * other: many tests wait for something, and what runs beside them takes the idle core.
 */
const ORDER = [
  [
    [
      ["packages", gates.packages],
      ["type check and build", gates.types],
      ["lint and format", gates.lintAndFormat],
      ["layer rules and import cycles", gates.layers],
      ["conventions", gates.conventions],
      ["reference pages are current", gates.referencePages],
    ],
    [["native kernels, compiled", gates.kernelObjects]],
  ],
  [[["native kernels, every instruction set", gates.kernels]]],
  ...(quick
    ? []
    : [
        [
          [
            ["tests", gates.tests],
            ["kernels under sanitisers", gates.sanitizedKernels],
          ],
          [
            ["examples", gates.examples],
            ["documentation, command by command", gates.documentation],
          ],
        ],
      ]),
];

const started = Date.now();
const secondsSince = (ms) => ((Date.now() - ms) / 1000).toFixed(1);
const total = { passed: 0, failed: 0, skipped: 0 };

let hasPackages = true;

/** Performs a gate; gives what to say of it. */
async function perform([name, gate]) {
  const gateStarted = Date.now();
  const result = await gate(root);
  for (const key of Object.keys(total)) total[key] += result[key];
  if (gate === gates.packages) hasPackages = result.failed === 0;
  const mark = result.failed > 0 ? "✗" : result.skipped > 0 ? "–" : "✓";
  const line = `${mark} ${name}: ${result.passed} passed, ${result.failed} failed (${secondsSince(gateStarted)} s)`;
  return result.output ? `${line}\n${result.output.replace(/^/gm, "    ")}` : line;
}

async function performAll(list) {
  const said = [];
  // Nothing can be said without the packages.
  for (const each of list) if (hasPackages) said.push(await perform(each));
  return said;
}

for (const row of ORDER) {
  // Told together: the tests write their own lines meanwhile.
  for (const line of (await Promise.all(row.map(performAll))).flat()) console.log(line);
}
const { passed, failed, skipped } = total;
console.log(`all gates in ${secondsSince(started)} s`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed === 0 ? 0 : 1;
