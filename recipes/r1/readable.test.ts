// How chains are rewritten to be learnt from, and what is counted of answers.
import { expect, test } from "vitest";
import type { Trajectory } from "../../src/eval/trajectory.js";
import { parseResponse } from "../../src/tasks/response.js";
import { languageFigures, winsOver } from "./figures.js";
import { rewrittenChain } from "./readable.js";

const answerOf = (completion: string): Trajectory =>
  ({
    problem: { id: "1", split: "train", fields: {}, answer: "7", difficulty: 1, meta: { task: "arithmetic" } },
    completion,
    response: parseResponse(completion, { form: "tagged" }),
  }) as unknown as Trajectory;

const english = "<think>3 plus 4 is 7.</think><answer>7</answer>";

test("a chain in symbols, and one that lacks a tag, is rewritten in English and in the whole form", () => {
  expect(rewrittenChain(answerOf("<think>3+4=7;</think><answer>7</answer>"))).toBe(english);
  expect(rewrittenChain(answerOf("3+4=7;</think><answer>7</answer>"))).toBe(english);
  expect(rewrittenChain(answerOf("<think>3+4=7;<answer> 7 </answer>"))).toBe(english);
});

test("a chain without a thought or an answer is not rewritten", () => {
  expect(rewrittenChain(answerOf("<answer>7</answer>"))).toBeNull();
  expect(rewrittenChain(answerOf("<think>3 plus 4 is 7."))).toBeNull();
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
