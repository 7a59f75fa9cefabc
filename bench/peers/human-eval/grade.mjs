// Grades HumanEval's canonical solutions and one mutant of each; prints rates and times.
// node grade.mjs HumanEval.jsonl.gz [seed] — see README.md for how to get that file; nothing of it is committed.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { gradeProgram } from "../../../dist/src/tasks/index.js";
import { mutants } from "./mutate.mjs";

const [file, seed = "0"] = process.argv.slice(2);
const problems = gunzipSync(readFileSync(file))
  .toString()
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

const grade = ({ prompt, test, entry_point }, solution) =>
  gradeProgram({
    language: "python",
    program: prompt + solution,
    tests: [{ kind: "check", code: `${prompt}\n${test}`, function: entry_point }],
  });
/** The same number for the same problem and seed. */
const drawn = (id, length) =>
  [...`${id} ${seed}`].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, 7) % length;
const timed = async (body) => {
  const begun = performance.now();
  return [await body(), (performance.now() - begun) / 1000];
};

const [, coldSeconds] = await timed(() => grade(problems[0], problems[0].canonical_solution));
await Promise.all([0, 1, 2, 3].map((i) => grade(problems[i], problems[i].canonical_solution)));
const [canonical, seconds] = await timed(() =>
  Promise.all(problems.map((each) => grade(each, each.canonical_solution))),
);
const warm = [];
for (const problem of problems.slice(0, 20))
  warm.push((await timed(() => grade(problem, problem.canonical_solution)))[1]);

problems.forEach(({ task_id }, i) => {
  if (!canonical[i].isRight) console.log(`refused: ${task_id}: ${JSON.stringify(canonical[i].tests)}`);
});
const changed = problems.map((problem) => {
  const all = mutants(problem.canonical_solution);
  return { problem, ...all[drawn(problem.task_id, all.length)] };
});
const verdicts = await Promise.all(changed.map(({ problem, code }) => grade(problem, code)));

const byKind = new Map();
changed.forEach(({ problem, kind, code }, i) => {
  const row = byKind.get(kind) ?? { mutants: 0, refused: 0 };
  byKind.set(kind, { mutants: row.mutants + 1, refused: row.refused + (verdicts[i].isRight ? 0 : 1) });
  if (verdicts[i].isRight) console.log(`accepted mutant: ${problem.task_id} (${kind}):\n${code}`);
});
const numAccepted = canonical.filter(({ isRight }) => isRight).length;
const numRefused = verdicts.filter(({ isRight }) => !isRight).length;
console.log(`\n| kind of mutation | mutants | refused |\n|---|---|---|`);
for (const [kind, row] of [...byKind].sort()) console.log(`| ${kind} | ${row.mutants} | ${row.refused} |`);
console.log(`| **all** | ${changed.length} | ${numRefused} |`);
console.log(`\ncanonical solutions accepted: ${numAccepted} of ${problems.length}`);
console.log(
  `mutants refused: ${numRefused} of ${changed.length} (${((100 * numRefused) / changed.length).toFixed(1)}%)`,
);
console.log(
  `cold: ${coldSeconds.toFixed(2)} s; warm: ${(1000 * warm.sort((a, b) => a - b)[10]).toFixed(0)} ms (median)`,
);
console.log(`${(problems.length / seconds).toFixed(1)} programs a second on all cores`);
process.exit(0);
