// Grading processes never outlast the program that grades, nor keep it from ending.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.js";

const TASKS = join(packageRoot(), "dist", "src", "tasks", "index.js");
const START_MS = 60_000;

/** A program that grades one in JavaScript and says when it is done. */
const grading = (program: string, timeoutSeconds: number) =>
  spawn(process.execPath, [
    ...["--input-type=module", "--eval"],
    `import { gradeProgram } from ${JSON.stringify(TASKS)};
    const test = { kind: "output", input: "", output: "1" };
    const program = ${JSON.stringify(program)};
    const limits = { timeoutSeconds: ${timeoutSeconds} };
    await gradeProgram({ language: "javascript", program, tests: [test], limits });
    console.log("done");`,
  ]);

/** Numbers of the processes that a process has started, as Linux tells. */
const childrenOf = (parent: number): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((number) => statOf(number)?.[1] === String(parent));
/** State, parent and what follows; undefined where there is no such process. */
function statOf(number: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${number}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
const isGone = (number: number) => [undefined, "Z"].includes(statOf(number)?.[0]);

it("a program that has graded ends at once", async () => {
  const child = grading("console.log(1)", 5);
  let doneAt = Number.NaN;
  child.stdout.on("data", (text) => {
    if (String(text).includes("done")) doneAt = performance.now();
  });
  await new Promise((resolve) => child.once("exit", resolve));
  expect(performance.now() - doneAt).toBeLessThan(5000); // its grading process would wait half a minute for more
});

it.runIf(existsSync("/proc/self/stat"))("a program that is killed takes its grading process along", async () => {
  const child = grading("for (;;);", 600);
  await expect.poll(() => childrenOf(child.pid!).length, { timeout: START_MS }).toBe(1);
  const [runner] = childrenOf(child.pid!);
  // Long enough that the program runs, and its process hears nothing.
  await expect.poll(() => Number(statOf(runner)?.[11] ?? 0), { timeout: START_MS }).toBeGreaterThan(150);
  child.kill("SIGKILL");
  await expect.poll(() => isGone(runner), { timeout: 10_000 }).toBe(true);
});
