// Claims about which environment a model is put in: by name, of a module, that of its training; and what is said of one
// that cannot be used. The built-in ones are played here.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../random.js";
import { environmentSchema } from "../tasks/environment.js";
import { parseResponse } from "../tasks/response.js";
import type { Problem, Reply, Task } from "../tasks/task.js";
import { type TaskRequest, taskFor } from "./find-task.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-environments-"));
afterAll(() => rmSync(folder, { recursive: true }));
const module = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

interface Asked extends Partial<Omit<TaskRequest, "options">> {
  readonly taskOptions?: Record<string, unknown>;
  readonly limits?: object;
  readonly generation?: Record<string, unknown>;
}
const find = ({ taskOptions = {}, limits = {}, generation = {}, task = null, ...request }: Asked) =>
  taskFor({ ...request, task, options: { task: taskOptions, environment: environmentSchema.parse(limits) } }, {
    generation,
  } as Parameters<typeof taskFor>[1]);

/** Plays the turns in the environment of a task's first problem, which `says` makes; gives the replies. */
async function replies(
  task: Task,
  says: (fields: Record<string, unknown>) => readonly [string, string | null][],
  problem = task.generate(1, 3, "train"),
) {
  const episode = await (task.environment as NonNullable<Task["environment"]>).environment.begin(
    problem,
    new Random(1),
  );
  const all: Reply[] = [];
  for (const [index, [text, stop]] of says(problem.fields).entries())
    all.push(await episode.reply({ index, text, stop, response: parseResponse(text) }));
  return all;
}

test("the calculator goes with any task, evaluates its calls, and leaves the answer to the model", async () => {
  const { task, recorded } = await find({
    environment: "calculator",
    task: "arithmetic",
    taskOptions: { maxDigits: 2 },
  });
  const close = "</calc>";
  const calls: [string, string | null][] = [
    [`<think>so <calc>12*(3+4)${close}`, close],
    [`and <calc>1/3${close}`, close],
    [`<calc>1/0${close}`, close],
    [`12*3${close}`, close],
    ["</think><answer>84</answer>", null],
  ];
  expect(await replies(task, () => calls)).toEqual(["=84", "=1/3", "=?", "=?", null]);
  const problem = task.generate(0, 0, "train");
  expect(task.renderPrompt(problem, "plain")).toMatch(/^Compute .*\nYou may use a calculator: write <calc>/);
  expect(task.renderPrompt(problem, "compact")).not.toContain("calculator");
  expect(recorded).toEqual({
    ...{ task: "arithmetic", task_options: { maxDigits: 2 }, environment: "calculator" },
    environment_options: { maxTurns: 16, timeoutSeconds: 10, options: {} },
  });
});

describe("guess the number", () => {
  test("says higher or lower, ends with the number, or without when no guess is left", async () => {
    const { task } = await find({ environment: "guess-the-number", limits: { options: { maxWidth: 8 } } });
    expect(await task.validate()).toMatchObject({ task: "guess-the-number", numTrain: 200 });
    const all = Array.from({ length: 20 }, (_, index) => task.generate(1, index, "train"));
    const problem = all.find(({ difficulty }) => difficulty === 3) as Problem;
    const guesses = ({ number }: Record<string, unknown>): [string, string | null][] => [
      [`${(number as number) - 1}`, null],
      [`<think>9</think><answer>${(number as number) + 1}</answer>`, null],
      [`is it 1 or ${number}?`, null],
    ];
    const found = await replies(task, guesses, problem);
    expect(found).toEqual(["higher", "lower", { answer: problem.answer }]);
    expect(task.verify(problem, problem.answer)).toBe(1);
    const wild = await replies(task, () => Array.from({ length: 3 }, () => ["what?", null]), problem);
    expect(wild).toEqual(["a number, please", "a number, please", { answer: null }]);
  });

  test("halving finds every number in the guesses that there are", async () => {
    const { task } = await find({ environment: "guess-the-number" });
    for (let index = 0; index < 100; index++) {
      const problem = task.generate(0, index, "train");
      const episode = await task.environment!.environment.begin(problem, new Random(0));
      let { low, high } = problem.fields as { low: number; high: number };
      let reply: Reply = "";
      for (let turn = 0; typeof reply === "string"; turn++) {
        const guess = (low + high) >> 1;
        reply = await episode.reply({
          index: turn,
          text: "",
          stop: null,
          response: parseResponse(`\\boxed{${guess}}`),
        });
        if (reply === "higher") low = guess + 1;
        else high = guess - 1;
      }
      expect(reply).toEqual({ answer: problem.answer });
    }
  });
});

test("what a model was trained in comes back with its task, and with no other", async () => {
  const generation = {
    ...{ task: "arithmetic", task_options: { maxDigits: 1 }, environment: "calculator" },
    environment_options: { maxTurns: 3, timeoutSeconds: 2, options: {} },
  };
  const { task } = await find({ generation, limits: { timeoutSeconds: 7 } });
  expect(task.environment).toMatchObject({ maxTurns: 3, timeoutSeconds: 7, environment: { name: "calculator" } });
  expect((await find({ generation, task: "arithmetic" })).task.environment).toBeUndefined();
  const game = await find({ generation, environment: "guess-the-number" });
  expect([game.task.name, game.task.environment?.maxTurns]).toEqual(["guess-the-number", 16]);
});

test("a module may export an environment or a function, and its own imports are known", async () => {
  module("words.ts", "export const yes: string = 'yes';");
  const path = module(
    "talk.ts",
    'import { yes } from "./words.ts";\nexport default { begin: () => ({ reply: () => yes }) };',
  );
  const { task, files } = await find({ environment: path, task: "arithmetic" });
  expect(task.environment?.environment.name).toBe("talk");
  expect(await replies(task, () => [["x", null]])).toEqual(["yes"]);
  expect(files).toEqual([path, join(folder, "words.ts")]);
});

test.each<[string, () => Asked, RegExp]>([
  ["an unknown name", () => ({ environment: "calculater" }), /^--environment calculater: expected calculator, .*mean/],
  ["a module that is not there", () => ({ environment: join(folder, "none.ts") }), /none\.ts: no such file/],
  [
    "a module of something else",
    () => ({ environment: module("other.ts", "export default { generate() {} };") }),
    /other\.ts: .* it lacks begin$/,
  ],
  [
    "a function that throws",
    () => ({ environment: module("bad.ts", "export default () => { throw new Error('no key'); };") }),
    /bad\.ts: its function failed: no key \(at .*bad\.ts:1:\d+\)$/,
  ],
  [
    "stops that are empty",
    () => ({ environment: module("stops.ts", "export default { stops: [''], begin() {} };") }),
    /stops\.ts: stops must be a list of texts that are not empty/,
  ],
  [
    "a game and a task",
    () => ({ environment: "guess-the-number", task: "countdown" }),
    /^environment guess-the-number has problems of its own; leave out --task$/,
  ],
  [
    "options that nobody takes",
    () => ({ environment: "calculator", task: "countdown", limits: { options: { x: 1 } } }),
    /^environment\.options has no effect: calculator exports an environment/,
  ],
  [
    "options of a task that is not asked for",
    () => ({ environment: "guess-the-number", taskOptions: { maxWidth: 3 } }),
    /^task\.maxWidth has no effect: options of environment guess-the-number are environment\.options/,
  ],
  ["a tool without a task", () => ({ environment: "calculator" }), /^expected a task .* or a game/],
])("%s is refused in one line", async (_, asked, message) => {
  await expect(find({ task: null, ...asked() })).rejects.toThrow(message);
});
