// The reward for programs: what counts, where the program is found, and which rows are refused.
import { afterAll, expect, it } from "vitest";
import { scoreSamples } from "../reward.js";
import type { Problem } from "../task.js";
import { type CodeRewardOptions, codeReward } from "./code-reward.js";
import { endIdleRunners } from "./runner-pool.js";

afterAll(endIdleRunners);

const TESTS = [
  { function: "add", arguments: [1, 2], expected: 3 },
  { function: "add", arguments: ["a", "b"], expected: "ab" },
  { input: "", output: "ready" },
  { code: "console.assert(add(0.1, 0.2) > 0.3)" },
];
const score = async (completions: readonly string[], options: CodeRewardOptions = {}, tests: unknown = TESTS) => {
  const problem: Problem = {
    ...{ id: "p", answer: "", difficulty: 0, meta: {}, source: "rows.jsonl:7" },
    split: "train",
    fields: { tests },
  };
  const inputs = completions.map((completion) => ({ prompt: "", completion, completionIds: [], problem }));
  const { totals } = await scoreSamples([codeReward({ language: "javascript", ...options })], inputs);
  return totals;
};
const block = (code: string) => `Here it is:\n\`\`\`js\n${code}\n\`\`\`\n`;
const RIGHT = "const add = (a, b) => a + b;\nconsole.log('ready');";
const HALF = "const add = (a, b) => 3;\nconsole.log('ready');";

it("all tests count together, or each for its share", async () => {
  const replies = [block(RIGHT), block(HALF), block("const add ="), "I do not know."];
  expect(await score(replies)).toEqual([1, 0, 0, 0]);
  expect(await score(replies, { counts: "share" })).toEqual([1, 0.75, 0, 0]);
});

it("the program is that of the answer, not of the thought", async () => {
  expect(await score([`<think>${block(HALF)}</think>${block(RIGHT)}`])).toEqual([1]);
  expect(await score([`<think>${block(RIGHT)}</think>${block(HALF)}`])).toEqual([0]);
  expect(await score([`<think>so</think><answer>${RIGHT}</answer>`])).toEqual([1]);
  expect(await score([`<think>${block(RIGHT)}</think>I am sure.`])).toEqual([0]);
});

it("tests may stand as JSON, and a row without tests is not rewarded", async () => {
  expect(await score([block(RIGHT)], {}, JSON.stringify(TESTS))).toEqual([1]);
  expect(await score([block(RIGHT)], {}, null)).toEqual([null]);
});

it("a row's own language comes before the usual one, and an unknown one is refused", async () => {
  const score = async (language: string) => {
    const problem = {
      ...{ id: "p", answer: "", difficulty: 0, meta: {} },
      split: "train",
      fields: { tests: TESTS, language },
    };
    const input = { prompt: "", completion: block(RIGHT), completionIds: [], problem: problem as Problem };
    return (await scoreSamples([codeReward()], [input])).totals;
  };
  expect(await score("javascript")).toEqual([1]);
  await expect(score("cobol")).rejects.toThrow(
    'problem "p": column "language" must be python or javascript, got "cobol"',
  );
});

it.each([
  ["[", "expected JSON"],
  [[], "expected a list of tests"],
  [5, "expected a list of tests"],
  [[{ stdin: "" }], "test 1: expected {input, output}"],
  [[TESTS[0], { input: "", output: "", outptu: "" }], "test 2: expected {input, output}"],
])("tests %j are refused by row and form", async (tests, message) => {
  await expect(score([block(RIGHT)], {}, tests)).rejects.toThrow(/rows\.jsonl:7: column "tests"/);
  await expect(score([block(RIGHT)], {}, tests)).rejects.toThrow(message);
});
