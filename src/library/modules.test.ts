// A person's own tasks and rewards: what a module may be, what it gets, and what is said of one that cannot be used.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTask, type RewardSample, type SampleReward, type WeightedReward } from "../tasks/index.js";
import { loadRewards, loadTask } from "./modules.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "luciole-modules-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const module = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const countdown = createTask("countdown");

describe("rewards", () => {
  test("are built in by name, with a weight where one is given", async () => {
    const rewards = (await loadRewards(["accuracy", "format:0.5"], countdown)).rewards as WeightedReward[];
    expect(rewards.map(({ weight }) => weight)).toEqual([1, 0.5]);
  });
  test("take options by name, and options of a reward that is not asked for are refused", async () => {
    const options = { repetition_penalty: { ngramSize: 1, maxPenalty: -2 } };
    const [{ reward }] = (await loadRewards(["repetition_penalty"], countdown, options)).rewards as WeightedReward[];
    expect((reward as SampleReward)({ completionIds: Int32Array.of(5, 5) } as unknown as RewardSample)).toBe(-1);
    await expect(loadRewards(["accuracy"], countdown, options)).rejects.toThrow(
      "rewards.repetition_penalty is set, but the run has no --reward",
    );
    await expect(loadRewards(["repetition_penalty"], countdown, { repetition_penalty: { ngram: 1 } })).rejects.toThrow(
      'unknown option "ngram"',
    );
  });
  test("of a module may be TypeScript with its own imports: one, weighted, or several", async () => {
    module("score.ts", "enum Points { Right = 2 }\nexport const score = (n: number): number => n * Points.Right;");
    const one = module(
      "one.ts",
      'import { score } from "./score.ts";\nexport default function doubled({ completion }: { completion: ' +
        "string }) { return score(completion.length); }",
    );
    const many = module(
      "many.ts",
      "export default [() => 1, { reward: () => 0, weight: 0.1 }, { name: 'batch', scoreBatch: (s: " +
        "unknown[]) => s.map(() => 1) }];",
    );
    const { rewards, files } = await loadRewards([one, many], countdown);
    const [doubled, ...rest] = rewards;
    expect((doubled as (sample: RewardSample) => number)({ completion: "abc" } as RewardSample)).toBe(6);
    expect(rest).toHaveLength(3);
    expect(files).toEqual([one, join(folder, "score.ts"), many]);
  });
  test.each([
    ["a name that is none", () => "acuracy", /expected accuracy, format.*did you mean "accuracy"\?/],
    ["a weight that is no number", () => "format:much", /weight must be a number, got "much"/],
    ["a file that is not there", () => join(folder, "none.ts"), /no such file/],
    [
      "a module without a default export",
      () => module("named.ts", "export const reward = () => 1;"),
      /expected a default export, found reward/,
    ],
    ["a default export of another kind", () => module("text.ts", 'export default "1";'), /must be a reward function/],
    ["a module that does not parse", () => module("broken.ts", "export default (((;"), /broken\.ts cannot be loaded: /],
  ])("%s is refused in one line", async (_, name, message) => {
    await expect(loadRewards([name()], countdown)).rejects.toThrow(message);
  });
});

describe("tasks", () => {
  test("are built in by name, with their options checked", async () => {
    expect((await loadTask("arithmetic", { maxDigits: 1 })).task.name).toBe("arithmetic");
    await expect(loadTask("arithmetic", { digit: 1 })).rejects.toThrow(/unknown option "digit"/);
    await expect(loadTask("aritmetic", {})).rejects.toThrow(/did you mean "arithmetic"\?/);
    await expect(loadTask("arithmetic", {}, ["own.csv"])).rejects.toThrow(
      "--data has no effect with --task arithmetic",
    );
  });
  test("of a data set are read from its files, with columns by name", async () => {
    const files = [join(folder, "one.csv"), join(folder, "two.jsonl")];
    writeFileSync(files[0], "in;out;unit\n2 + 2;4;apples\n");
    writeFileSync(files[1], '{"in":"3 + 3","out":6}\n');
    const options = { promptColumn: "in", answerColumn: "out", heldOutFraction: 0 };
    const loaded = await loadTask("data", options, files);
    expect(loaded).toMatchObject({ task: { name: "data", numProblems: { train: 2, heldout: 0 } }, files });
    const problems = [0, 1].map((i) => loaded.task.generate(0, i, "train"));
    expect(problems.find(({ id }) => id === "2 + 2")).toMatchObject({ answer: "4", fields: { unit: "apples" } });
    await expect(loadTask("data", {})).rejects.toThrow("the model was trained on a data set: give one with --data");
    await expect(loadTask("data", { promptColumn: "q" }, files)).rejects.toThrow(
      /one\.csv:2: expected a column "q"; the row has: in, out, unit/,
    );
  });
  test("of a module are one, or made by a function of the options", async () => {
    const body =
      "({ name: 'echo', generate: () => ({}), verify: () => 1, renderPrompt: () => 'x', validate: () => " +
      "({}), options })";
    const path = module("task.ts", `export default (options: unknown) => ${body};`);
    expect(await loadTask(path, { a: 1 })).toMatchObject({ task: { name: "echo", options: { a: 1 } }, files: [path] });
    expect(await loadTask(path, {}, ["own.csv"])).toMatchObject({
      task: { options: { files: ["own.csv"] } },
      files: [path, "own.csv"],
    });
    await expect(loadTask(module("half.ts", "export default { generate() {} };"), {})).rejects.toThrow(
      /it lacks verify, renderPrompt/,
    );
  });
});
