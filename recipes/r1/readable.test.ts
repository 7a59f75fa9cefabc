// What of sampled answers is fit to learn from: right answers said in English and in the whole form, others not.
import { expect, test } from "vitest";
import type { Trajectory } from "../../src/eval/trajectory.js";
import { parseResponse } from "../../src/tasks/response.js";
import { languageFigures, winsOver } from "./figures.js";
import { readableAnswer, rewrittenChain } from "./readable.js";

const answerOf = (completion: string): Trajectory =>
  ({
    problem: { id: "1", split: "train", fields: {}, answer: "7", difficulty: 1, meta: { task: "arithmetic" } },
    completion,
    response: parseResponse(completion, { form: "tagged" }),
  }) as unknown as Trajectory;

const english = "<think>3 plus 4 is 7.</think><answer>7</answer>";

test("a chain in symbols, and one that lacks a tag, is rewritten in English and in the whole form", () => {
  expect(rewrittenChain(answerOf("<think>3+4=7;</think><answer>7</answer>"), 1)).toBe(english);
  expect(rewrittenChain(answerOf("3+4=7;</think><answer>7</answer>"), 1)).toBe(english);
  expect(rewrittenChain(answerOf("<think>3+4=7;<answer> 7 </answer>"), 1)).toBe(english);
});

test("a chain that stays in symbols, or says nothing, is not kept", () => {
  expect(rewrittenChain(answerOf("<think>3+=7</think><answer>7</answer>"), 1)).toBeNull();
  expect(rewrittenChain(answerOf("<think>7</think><answer>7</answer>"), 0)).toBeNull();
  expect(rewrittenChain(answerOf("<answer>7</answer>"), 0)).toBeNull();
  expect(rewrittenChain(answerOf("<think>3 plus 4 is 7."), 0)).toBeNull();
});

test("rejection sampling keeps the answer as it was given, or not at all", () => {
  expect(readableAnswer(answerOf(english), 1)).toBe(english);
  expect(readableAnswer(answerOf("<think>3+4=7;</think><answer>7</answer>"), 1)).toBeNull();
  expect(readableAnswer(answerOf("<think>3 plus 4 is 7.<answer>7</answer>"), 1)).toBeNull();
  const mixed = answerOf("<think>3 plus 4 is 7. 3+4=7;</think><answer>7</answer>");
  expect(readableAnswer(mixed, 1)).toBeNull();
  expect(readableAnswer(mixed, 0.4)).toBe(mixed.completion);
});

test("languages are counted over thoughts with words: all English, all symbols, mixed, none", () => {
  const thoughts = ["3 plus 4 is 7.", "3+4=7;", "plus is 3+4=7", "7"];
  const figures = languageFigures(thoughts.map((thought) => answerOf(`<think>${thought}</think><answer>7</answer>`)));
  expect(figures.one_language).toBeCloseTo(2 / 3, 12);
  expect(figures.english).toBeCloseTo(1.5 / 3, 12);
});

test("an answer wins where its score is higher, and half where it is equal", () => {
  expect(winsOver([0.5, 1, 1], [1, 1, 0])).toEqual([1, 0.5, 0]);
  expect(winsOver([], [1, 1])).toEqual([]);
});
