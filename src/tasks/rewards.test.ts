// Claims about response parsing and the built-in rewards, with values worked out by hand.
import { describe, expect, it } from "vitest";
import { ConfigError, TrainingError } from "../errors.js";
import { createCountdownTask } from "./countdown.js";
import { createReward } from "./named-rewards.js";
import { parseResponse } from "./response.js";
import {
  batchReward,
  joinTables,
  type RewardFunction,
  type RewardInput,
  sampleReward,
  scoreSamples,
} from "./reward.js";
import {
  accuracyReward,
  formatReward,
  languageConsistencyReward,
  lengthReward,
  repetitionPenaltyReward,
  softOverlongPunishment,
  tagCountReward,
} from "./rewards.js";
import type { Problem } from "./task.js";

const task = createCountdownTask() as never as Parameters<typeof accuracyReward>[0];
const problem = (id = "p"): Problem => ({
  id,
  split: "train",
  fields: { numbers: [3, 7, 8], target: 24 },
  answer: "(8-7)*24",
  difficulty: 3,
  meta: {},
});
const input = (completion: string, more: Partial<RewardInput> = {}): RewardInput => ({
  prompt: "Q:\nA:",
  completion,
  completionIds: [1, 2, 3],
  problem: problem(),
  ...more,
});
const score = async (reward: RewardFunction, ...inputs: RewardInput[]) =>
  [...(await scoreSamples([reward], inputs)).byReward.values()][0];

describe("parseResponse", () => {
  it("takes a well-formed response apart", () => {
    expect(parseResponse(" <think>a b</think>\n<answer>c</answer>\n")).toMatchObject({
      think: "a b",
      answer: "c",
      wellFormed: true,
    });
  });

  it.each([
    ["no thinking block", "<answer>c</answer>", { think: null, answer: "c" }],
    ["think never closed", "<think>a<answer>c</answer>", { think: "a", answer: "c" }],
    ["answer never closed", "<think>a</think><answer>c", { think: "a", answer: null }],
    ["answer tag missing", "<think>a</think>c", { think: "a", answer: null }],
    ["answer first", "<answer>c</answer><think>a</think>", { think: "a", answer: "c" }],
    ["text between", "<think>a</think>so<answer>c</answer>", { think: "a", answer: "c" }],
    ["text after", "<think>a</think><answer>c</answer>!", { think: "a", answer: "c" }],
    ["two answers", "<think>a</think><answer>b</answer><answer>c</answer>", { think: "a", answer: "c" }],
    ["nested think", "<think><think>a</think></think><answer>c</answer>", { think: "a", answer: "c" }],
    ["cut off in thought", "<think>a", { think: "a", answer: null }],
    ["nothing", "", { think: null, answer: null }],
  ])("calls it malformed with %s", (_, text, parts) => {
    expect(parseResponse(text)).toMatchObject({ ...parts, wellFormed: false });
  });

  it("accepts only a closing think tag when the prompt opened it", () => {
    expect(parseResponse("a</think><answer>c</answer>", { startsInside: true })).toMatchObject({
      think: "a",
      answer: "c",
      wellFormed: true,
    });
    expect(parseResponse("<think>a</think><answer>c</answer>", { startsInside: true }).wellFormed).toBe(false);
    expect(parseResponse("a</think><answer>c</answer>").wellFormed).toBe(false);
  });
});

describe("built-in rewards", () => {
  it("language consistency is the share of the thought's words in the wanted language", async () => {
    const mixed = input("<think>3 times 4 is 12. 12-5=7;</think><answer>7 apples</answer>");
    expect(await score(languageConsistencyReward(), mixed)).toEqual([0.5]);
    expect(await score(languageConsistencyReward({ language: "symbols" }), mixed)).toEqual([0.5]);
    expect(await score(languageConsistencyReward({ countFormulas: false }), mixed)).toEqual([1]);
    expect(await score(languageConsistencyReward(), input("<answer>7 apples</answer>"))).toEqual([0]);
    expect(await score(languageConsistencyReward(), input("<think>12</think><answer>7</answer>"))).toEqual([0]);
    expect(() => createReward("language_consistency", task, { language: "french" })).toThrow(ConfigError);
  });

  it("accuracy and format are separate: a right answer in a bad format still counts as right", async () => {
    const fields = { numbers: [3, 8], target: 24 };
    const samples = [
      "<think>a</think><answer>3*8</answer>",
      "<answer>3*8</answer>",
      "<think>a</think><answer>3+8</answer>",
      "3*8",
    ].map((completion) => input(completion, { problem: { ...problem(), fields } }));
    expect(await score(accuracyReward(task), ...samples)).toEqual([1, 1, 0, 0]);
    expect(await score(formatReward(), ...samples)).toEqual([1, 0, 1, 0]);
    expect(await score(tagCountReward(), ...samples)).toEqual([1, 0.5, 1, 0]);
  });

  it("tag count takes a prefilled opening tag into account", async () => {
    expect(await score(tagCountReward(), input("a</think><answer>c</answer>", { prompt: "Q <think>\n" }))).toEqual([1]);
  });

  it("length reward ranks within a problem and never rewards a wrong answer", async () => {
    const fields = { numbers: [3, 8], target: 24 };
    const of = (answer: string, length: number, id: string) =>
      input(`<answer>${answer}</answer>`, {
        completionIds: new Int32Array(length),
        problem: { ...problem(id), fields },
      });
    const samples = [
      of("3*8", 10, "a"),
      of("3*8", 20, "a"),
      of("3*8", 30, "a"),
      of("3+8", 10, "a"),
      of("3+8", 30, "a"),
      of("3*8", 99, "b"),
    ];
    expect(await score(lengthReward(task), ...samples)).toEqual([0.5, 0, -0.5, 0, -0.5, 0]);
  });

  it("soft overlong punishment falls linearly over the cache", async () => {
    const reward = softOverlongPunishment({ maxCompletionTokens: 20, cacheTokens: 4 });
    const values = await score(
      reward,
      ...[10, 16, 17, 18, 20, 25].map((length) => input("", { completionIds: new Int32Array(length) })),
    );
    expect(values).toEqual([0, 0, -0.25, -0.5, -1, -1]);
    expect(() => softOverlongPunishment({ maxCompletionTokens: 4, cacheTokens: 20 })).toThrow(ConfigError);
  });

  it("repetition penalty counts repeated n-grams of token ids", async () => {
    const values = await score(
      repetitionPenaltyReward({ ngramSize: 2 }),
      ...[[1, 2, 3, 4], [1, 1, 1, 1, 1], [1]].map((completionIds) => input("", { completionIds })),
    );
    expect(values).toEqual([-0, -0.75, 0]);
  });

  it("are found by name, and unknown names are answered with the known ones", () => {
    expect(createReward("accuracy", task).name).toBe("accuracy_reward");
    expect(() => createReward("beauty", task)).toThrow(
      /unknown reward "beauty"; known rewards: accuracy, format, tag_count, length/,
    );
    expect(() => createReward("soft_overlong_punishment", task, { max: 3 })).toThrow(ConfigError);
  });
});

describe("scoreSamples", () => {
  it("calls a reward for the problems that it is for alone, and counts it in their totals", async () => {
    const seen: string[] = [];
    const reward = batchReward("some", (samples) => {
      seen.push(...samples.map(({ completion }) => completion));
      return samples.map(() => 5);
    });
    const marked = inputs.map((input, i) => ({ ...input, problem: { ...input.problem, id: `${i}` } }));
    const when = ({ id }: { readonly id: string }) => id === "1";
    const { totals, byReward } = await scoreSamples(
      [sampleReward("all", () => 1), { reward, weight: 2, when }],
      marked,
    );
    expect(seen).toEqual([marked[1].completion]);
    expect(byReward.get("some")).toEqual(marked.map((_, i) => (i === 1 ? 5 : null)));
    expect(totals).toEqual(marked.map((_, i) => (i === 1 ? 11 : 1)));
  });

  const inputs = [input("<think>a</think><answer>b</answer>"), input("c")];

  it("adds weighted rewards of every kind, null meaning 'does not apply'", async () => {
    const plain = ({ answer }: { answer: string | null }) => (answer === null ? null : 1);
    const slow = sampleReward("slow", async ({ completion }) => completion.length);
    const whole = batchReward("whole", (samples) => samples.map((_, i) => i));
    const table = await scoreSamples([plain, { reward: slow, weight: 0.1 }, { reward: whole, weight: 2 }], inputs);
    expect([...table.byReward.keys()]).toEqual(["plain", "slow", "whole"]);
    expect(table.byReward.get("plain")).toEqual([1, null]);
    expect(table.totals[0]).toBeCloseTo(1 + 3.4);
    expect(table.totals[1]).toBeCloseTo(0.1 + 2);
  });

  it("gives no total where no reward applies, which is not a total of 0", async () => {
    const table = await scoreSamples([({ answer }) => (answer === null ? null : 0)], inputs);
    expect(table.totals).toEqual([0, null]);
  });

  it("joins tables of several rounds: totals in order, logged values averaged over all", async () => {
    const reward: RewardFunction = ({ log, completion }) => {
      log("length", completion.length);
      return completion.length;
    };
    const rounds = await Promise.all(
      [["a", "bbb"], ["ccccc"]].map((round) =>
        scoreSamples(
          [reward],
          round.map((completion) => input(completion)),
        ),
      ),
    );
    const joined = joinTables(rounds);
    expect(joined.totals).toEqual([1, 3, 5]);
    expect(joined.byReward.get("reward")).toEqual([1, 3, 5]);
    expect(joined.logged.get("length")).toEqual({ sum: 9, count: 3 });
  });

  it("passes columns by name and averages logged metrics", async () => {
    const reward: RewardFunction = ({ columns, log, completionIds }) => {
      log("target", Number(columns.target));
      return completionIds.length;
    };
    const table = await scoreSamples([reward], inputs);
    expect(Object.fromEntries(table.logged)).toEqual({ target: { sum: 48, count: 2 } });
    expect(table.totals).toEqual([3, 3]);
  });

  it("keeps two functions of one name apart", async () => {
    const table = await scoreSamples([sampleReward("r", () => 1), sampleReward("r", () => 2)], inputs);
    expect([...table.byReward.keys()]).toEqual(["r", "r_2"]);
  });

  it.each([
    ["NaN", () => Number.NaN],
    ["a string", () => "1" as never],
    ["undefined", () => undefined as never],
  ])("stops with the reward's name and sample when it returns %s", async (_, fn) => {
    const scoring = scoreSamples([sampleReward("mine", fn)], inputs);
    await expect(scoring).rejects.toThrow(TrainingError);
    await expect(scoring).rejects.toThrow(/reward "mine" returned .* for sample 0/);
  });

  it("stops when a batch reward returns the wrong number of values", async () => {
    await expect(scoreSamples([batchReward("short", () => [1])], inputs)).rejects.toThrow(
      /"short" must return 2 values/,
    );
  });
});
