// Claims about what of sampled answers is learnt from: right, whole and readable ones, each once, and rates that say
// where the others went.
import { describe, expect, test } from "vitest";
import type { Trajectory } from "../eval/trajectory.js";
import { createArithmeticTask } from "../tasks/arithmetic.js";
import { parseResponse, type ResponseForm } from "../tasks/response.js";
import type { Task } from "../tasks/task.js";
import { answerRates, answerRulesSchema, filterAnswers } from "./answer-filter.js";

const arithmetic = createArithmeticTask({ maxDigits: 1 }) as unknown as Task;
const problem = arithmetic.generate(0, 0, "train");
const right = problem.answer;

const answer = (completion: string, form: ResponseForm = "tagged", finishReason = "stop"): Trajectory =>
  ({ problem, completion, finishReason, response: parseResponse(completion, { form }) }) as unknown as Trajectory;
const said = (thought: string, result = right) => `<think>${thought}</think><answer>${result}</answer>`;
const rules = (given: object = {}) => answerRulesSchema.parse(given);
const kept = (answers: readonly Trajectory[], given: object = {}, task = arithmetic) =>
  filterAnswers(answers, { task, rules: rules(given) }).kept.map(({ completion }) => completion);

describe("an answer is kept", () => {
  test("if it is right, where the problem has a verifier and the rules ask for it", () => {
    const wrong = said("so it is", "-999");
    expect(kept([answer(wrong)])).toEqual([]);
    expect(kept([answer(wrong)], { right: false })).toEqual([wrong]);
    expect(kept([answer(wrong)], {}, { ...arithmetic, hasVerifier: () => false })).toEqual([wrong]);
  });

  test("if it is whole: ended by the model, every tag in its place", () => {
    const open = `<think>so it is<answer>${right}</answer>`;
    expect(kept([answer(open)])).toEqual([]);
    expect(kept([answer(open)], { form: false })).toEqual([open]);
    expect(kept([answer(said("so"), "tagged", "length")])).toEqual([]);
  });

  test("of a model that does not think aloud, if there is something to grade", () => {
    expect(kept([answer(`It is \\boxed{${right}}.`, "chat")])).toHaveLength(1);
    expect(kept([answer(`It is \\boxed{${right}}.`, "chat", "length")])).toEqual([]);
    expect(kept([answer(`<think>It is \\boxed{${right}}.`, "chat")], { right: false })).toEqual([]);
  });

  test("in a chat where nothing is graded, if its thought is closed and something is said after it", () => {
    const free = { ...arithmetic, hasVerifier: () => false };
    const of = (text: string) => kept([answer(text, "chat")], {}, free);
    expect(of("<think>hm</think>Hello.")).toHaveLength(1);
    expect(of("Hello.")).toHaveLength(1);
    expect(of("<think>hm</think> ")).toEqual([]);
    expect(of("<think>hm")).toEqual([]);
  });

  test("if so large a share of its thought is in the language", () => {
    const [english, mixed, symbols, none] = ["3 plus 4 is 7.", "plus is 3+4=7;", "3+4=7;", "7"].map((t) => said(t));
    const all = [english, mixed, symbols, none].map((each) => answer(each));
    const wanted = { keptPerProblem: 9 };
    expect(kept(all, { ...wanted, language: "english" })).toEqual([english]);
    expect(kept(all, { ...wanted, language: "english", minLanguage: 0.5 })).toEqual([english, mixed]);
    expect(kept(all, { ...wanted, language: "english", minLanguage: 0 })).toEqual([english, mixed]);
    expect(kept(all, { ...wanted, language: "symbols" })).toEqual([symbols]);
    expect(kept(all, wanted)).toHaveLength(4);
  });

  test("once, and no more of a problem than are wanted", () => {
    const texts = ["a", "b", "a", "c"].map((each) => said(`it is ${each}${each}`));
    expect(kept(texts.map((each) => answer(each)))).toEqual([texts[0], texts[1], texts[3]]);
    expect(
      kept(
        texts.map((each) => answer(each)),
        { keptPerProblem: 2 },
      ),
    ).toEqual([texts[0], texts[1]]);
  });

  test("as it was rewritten, judged by what it has become", () => {
    const rewrite = ({ response }: Trajectory) => (response.think ? said("three and four") : null);
    const answers = [answer("<think>3+4;"), answer(`<think>3+4;<answer>${right}</answer>`, "tagged", "length")];
    const filter = { task: arithmetic, rules: rules({ language: "english" }), rewrite };
    const { kept: list, counts } = filterAnswers(answers, filter);
    expect(list.map(({ completion }) => completion)).toEqual([said("three and four")]);
    expect(counts).toEqual({ sampled: 2, right: 1, whole: 1, readable: 1, kept: 1 });
  });
});

test("the rates say at which rule answers were lost", () => {
  const english = said("it is so");
  const answers = [english, english, said("3+4;"), `<answer>${right}</answer>`, said("it is", "-999")];
  const { counts } = filterAnswers(
    answers.map((each) => answer(each)),
    { task: arithmetic, rules: rules({ language: "english" }) },
  );
  expect(counts).toEqual({ sampled: 5, right: 4, whole: 3, readable: 2, kept: 1 });
  expect(answerRates(counts, { arithmetic: counts })).toBe(
    "1 of 5 answers kept (right 80.0%, of those whole 75.0%, of those readable 66.7%): arithmetic 1 of 5",
  );
});
