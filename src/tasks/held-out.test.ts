// Claims about the problems of an evaluation: none twice, as many as there are, all of a file on request.
import { describe, expect, it } from "vitest";
import { createCountdownTask } from "./countdown.js";
import { createDataTask } from "./data-task.js";
import { heldOutProblems, shortfall } from "./held-out.js";
import type { Task } from "./task.js";

const countdown = createCountdownTask({ numbers: { 3: 0.8, 4: 0.2 }, maxNumber: 9, maxTarget: 50 }) as unknown as Task;
const ids = (task: Task, count: number | "all", seed = 0) => heldOutProblems(task, seed, count).map(({ id }) => id);

function data(rows: readonly { prompt: string; answer: number }[], heldOutFraction: number): Task {
  return createDataTask(
    rows.map((row, i) => ({ row, where: `data.jsonl:${i + 1}` })),
    { heldOutFraction },
  );
}
const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ prompt: `${i}+1`, answer: i + 1 }));

describe("held-out problems", () => {
  it("are distinct, where 200 draws of the main job's task repeat", () => {
    const drawn = Array.from({ length: 200 }, (_, i) => countdown.generate(0, i, "heldout").id);
    expect(new Set(drawn).size).toBe(129);
    const found = ids(countdown, 200);
    expect([found.length, new Set(found).size]).toEqual([200, 200]);
    expect(found.slice(0, 129)).toEqual([...new Set(drawn)]);
  });

  it("begin with those of a smaller evaluation of the same seed, and are others under another seed", () => {
    expect(ids(countdown, 200).slice(0, 50)).toEqual(ids(countdown, 50));
    expect(ids(countdown, 50, 1)).not.toEqual(ids(countdown, 50));
  });

  it("are capped at what a data set holds, and the cap is said", () => {
    const task = data(rows(2), 0.01);
    expect(ids(task, 100)).toHaveLength(1);
    expect(shortfall(task, 100, 1)).toBe(
      "task data has 1 distinct held-out problem, not the 100 asked for; each is counted once " +
        "(heldOutFraction=1 holds out every line)",
    );
    expect([shortfall(task, 1, 1), shortfall(task, "all", 1)]).toEqual([null, null]);
  });

  it("are capped where a generator runs dry", () => {
    const tiny = createCountdownTask({
      numbers: { 2: 1 },
      maxNumber: 5,
      maxTarget: 25,
      heldOutFraction: 0.5,
    }) as unknown as Task;
    const found = ids(tiny, 500);
    expect(found.length).toBeGreaterThan(5);
    expect(found.length).toBeLessThan(60);
    expect(new Set(found).size).toBe(found.length);
  });

  it("are every line of a file with heldOutFraction 1, repeated prompts once", () => {
    const task = data([...rows(30), ...rows(5)], 1);
    expect(ids(task, "all").sort()).toEqual(
      rows(30)
        .map(({ prompt }) => prompt)
        .sort(),
    );
    expect(() => task.generate(0, 0, "train")).toThrow(/has no train row; change heldOutFraction \(now 1\)/);
  });

  it("refuse all of a task without end, and a task that holds out nothing", () => {
    expect(() => ids(countdown, "all")).toThrow(/the number of problems is unlimited/);
    expect(() => ids(data(rows(3), 0), 5)).toThrow(/no problems are held out; set heldOutFraction above 0/);
  });
});
