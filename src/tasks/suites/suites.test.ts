// Claims about suites, on made-up rows in the columns of each one's public data: gold answers are right by their own
// graders, answers are found in replies, and what is missing or wrong is named with its row.
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Row } from "../../data/row.js";
import { DataError } from "../../errors.js";
import { gradeAnswers } from "../grade-answers.js";
import type { Problem, Task } from "../task.js";
import { SUITE_NAMES, suitesNamed } from "./index.js";
import { suiteTask } from "./suite.js";

const taskOf = (name: string, ...rows: Row[]): Task =>
  suiteTask(
    suitesNamed([name])[0],
    rows.map((row, i) => ({ row, where: `rows.jsonl:${i + 1}` })),
  );
const first = (task: Task): Problem => task.generate(0, 0, "heldout");

/** What a reply scores, the thought taken off. */
async function graded(task: Task, reply: string, index = 0) {
  const problem = task.generate(0, index, "heldout");
  const [grade] = await gradeAnswers(task, [{ problem, answer: task.answerIn?.(problem, reply) ?? null }]);
  return grade;
}

/** Test cases as LiveCodeBench packs its private ones: base64 of zlib of a pickle (protocol 4) of their JSON. */
function packed(cases: readonly object[]): string {
  const text = Buffer.from(JSON.stringify(cases));
  const head = Buffer.from([0x80, 4, 0x95, ...Array(8).fill(0), 0x58, ...Array(4).fill(0)]);
  head.writeBigUInt64LE(BigInt(text.length + 7), 3);
  head.writeUInt32LE(text.length, 12);
  return deflateSync(Buffer.concat([head, text, Buffer.from([0x94, 0x2e])])).toString("base64");
}

const ROWS: Readonly<Record<string, Row>> = {
  gsm8k: { question: "What is 4 times 6?", answer: "4 * 6 = <<4*6=24>>24\n#### 24" },
  "math-500": {
    problem: "What is the sum of the roots of $x^2 - \\frac{1}{2}x - 5 = 0$?",
    solution: "By Vieta, $\\boxed{\\frac{1}{2}}$.",
    answer: "\\frac{1}{2}",
    subject: "Algebra",
    level: 2,
    unique_id: "test/algebra/1.json",
  },
  "aime-2024": { id: 60, problem: "Find $2+2$.", solution: "", answer: "004", url: "", year: "2024" },
  "aime-2025": { id: "0", problem: "Find $2+2$.", answer: "4" },
  gpqa: {
    "Record ID": "rec1",
    Question: "Which of these has no charge?",
    "Correct Answer": "the neutron",
    "Incorrect Answer 1": "the proton",
    "Incorrect Answer 2": "the electron",
    "Incorrect Answer 3": "the muon",
  },
  "mmlu-pro": {
    question_id: 70,
    question: "Which gas do plants take from the air?",
    options: ["oxygen", "carbon dioxide", "neon"],
    answer: "B",
    answer_index: 1,
    category: "biology",
  },
  ifeval: {
    key: 1001,
    prompt: "Write a poem about rain, without any commas, in at least 5 words.",
    instruction_id_list: ["punctuation:no_comma", "length_constraints:number_words"],
    kwargs: [{ num_words: null }, { num_words: 5, relation: "at least" }],
  },
  "knights-and-knaves": {
    quiz: "You meet 2 inhabitants: Mia, and Ben. Mia said that Ben is a knave. Ben: I am a knight. Who is what?",
    names: ["Mia", "Ben"],
    knight_knave: { knight: "knight", knave: "knave" },
    solution: [false, true],
    solution_text: "Mia is a knave, and Ben is a knight.",
    index: 0,
  },
  zebra: {
    id: "lgp-test-2x2-1",
    size: "2*2",
    puzzle: "There are 2 houses, numbered 1 to 2. Names: Arnold, Eric. Drinks: tea, milk.\n1. Eric drinks tea. …",
    solution: {
      header: ["House", "Name", "Drink"],
      rows: [
        ["1", "Arnold", "milk"],
        ["2", "Eric", "tea"],
      ],
    },
    created_at: "",
  },
  countdown: { nums: [44, 19, 35], target: 98 },
  "humaneval-plus": {
    task_id: "HumanEval/0",
    prompt: 'def double(x: int) -> int:\n    """Twice the number."""\n',
    canonical_solution: "    return 2 * x\n",
    entry_point: "double",
    test: "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(-1) == -2\n",
  },
  livecodebench: {
    question_title: "Sum",
    question_content: "Read two integers and print their sum.",
    platform: "atcoder",
    question_id: "abc1_a",
    contest_date: "2025-02-01T00:00:00",
    starter_code: "",
    difficulty: "easy",
    public_test_cases: JSON.stringify([{ input: "1 2\n", output: "3\n", testtype: "stdin" }]),
    private_test_cases: packed([{ input: "5 -7\n", output: "-2\n", testtype: "stdin" }]),
    metadata: "{}",
  },
};

describe("suites", () => {
  it.each(Object.keys(ROWS))("%s takes its public columns, and its gold answer is right", async (name) => {
    const task = taskOf(name, ROWS[name]);
    expect(await task.validate()).toMatchObject({ task: name, numHeldOut: 1, numTrain: 0 });
  });

  it("of a group are found by its name, each once", () => {
    expect(suitesNamed(["aime", "aime-2025", "gsm8k"]).map(({ name }) => name)).toEqual([
      ...["aime-2024", "aime-2025", "gsm8k"],
    ]);
  });

  it("that are unknown are refused with those there are", () => {
    expect(() => suitesNamed(["gsm9k"])).toThrow(/--suite gsm9k: expected one of .*gpqa.*did you mean "gsm8k"/);
    for (const name of SUITE_NAMES) expect(suitesNamed([name]).length).toBeGreaterThan(0);
  });

  it.each(Object.keys(ROWS))("%s names a missing column, the row and the columns there are", (name) => {
    const [column] = Object.keys(ROWS[name]).filter((key) =>
      /question$|question_content|problem$|puzzle|quiz|prompt|nums/i.test(key),
    );
    const { [column]: _, ...others } = ROWS[name];
    expect(() => taskOf(name, ROWS[name], others)).toThrow(DataError);
    expect(() => taskOf(name, ROWS[name], others)).toThrow(
      new RegExp(`^rows\\.jsonl:2: expected a column "${column}".*the row has: ${Object.keys(others)[0]}`),
    );
  });

  it("come in the order of the rows, all of them held out", () => {
    const task = taskOf(
      "gsm8k",
      ...[1, 2, 3].map((i) => ({ question: `What is ${i}?`, answer: `It is ${i}.\n#### ${i}` })),
    );
    expect(task.numProblems).toEqual({ train: 0, heldout: 3 });
    expect([0, 1, 2].map((index) => task.generate(5, index, "heldout").answer)).toEqual(["1", "2", "3"]);
  });
});

describe("answers are found and graded", () => {
  const gsm8k = taskOf("gsm8k", ROWS.gsm8k);
  it.each([
    ["So it is \\boxed{24}.", 1, "form"],
    ["The answer is 24.0.", 1, "value"],
    ["4 times 6 makes 24", 1, "form"],
    ["\\boxed{25}", 0, "different"],
    ["\\boxed{4 \\cdot 6}", 0, "unfinished"],
    ["I do not know.", 0, "no answer"],
    ["", 0, "no answer"],
  ])("gsm8k: %j scores %i by %s", async (reply, score, decidedBy) => {
    expect(await graded(gsm8k, reply)).toEqual({ score, decidedBy });
  });

  it("choices: the letter counts, in a box, in words or alone", async () => {
    const task = taskOf("mmlu-pro", ROWS["mmlu-pro"]);
    expect(task.renderPrompt(first(task), "plain")).toBe(
      "Which gas do plants take from the air?\n\nA) oxygen\nB) carbon dioxide\nC) neon",
    );
    for (const reply of ["\\boxed{B}", "The answer is (B).", "B", "**Answer: B) carbon dioxide**"])
      expect(await graded(task, reply), reply).toEqual({ score: 1, decidedBy: "letter" });
    for (const reply of ["\\boxed{A}", "C", "\\boxed{D}"]) expect((await graded(task, reply)).score, reply).toBe(0);
  });

  it("gpqa: the choices stand in an order that the record decides, right and wrong ones alike", () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({ ...ROWS.gpqa, "Record ID": `rec${i}` }));
    const [task, reversed] = [taskOf("gpqa", ...rows), taskOf("gpqa", ...[...rows].reverse())];
    const letters = rows.map((_, i) => task.generate(0, i, "heldout").answer);
    expect(new Set(letters)).toEqual(new Set(["A", "B", "C", "D"]));
    rows.forEach((_, i) => {
      const problem = task.generate(0, i, "heldout");
      expect(task.renderPrompt(problem, "plain")).toContain(`${problem.answer}) the neutron`);
      expect(reversed.generate(0, 39 - i, "heldout").answer).toBe(problem.answer);
    });
  });
});

describe("programs", () => {
  it("humaneval-plus: a whole function, or one that goes on from the head, passes the check or not", async () => {
    const task = taskOf("humaneval-plus", ROWS["humaneval-plus"]);
    expect(task.hasVerifier?.(first(task))).toBe(false); // rewards for accuracy do not wait for programs
    const right = { score: 1, decidedBy: "tests" };
    expect(await graded(task, "```python\ndef double(x):\n    return x + x\n```")).toEqual(right);
    expect(await graded(task, "```python\n    return x * 2\n```")).toEqual(right);
    expect(await graded(task, "```python\ndef double(x):\n    return x ** 2\n```")).toEqual({
      ...{ score: 0, decidedBy: "test: raised" },
    });
    expect((await graded(task, "I cannot.")).decidedBy).toBe("no answer");
  });

  it("humaneval-plus: the check may use what the prompt defines, which is not the model's", async () => {
    const task = taskOf("humaneval-plus", {
      ...ROWS["humaneval-plus"],
      prompt: `def twice(x):\n    return 2 * x\n\n${ROWS["humaneval-plus"].prompt}`,
      test: "def check(candidate):\n    assert candidate(2) == twice(2)\n",
    });
    expect((await graded(task, "```python\ndef double(x):\n    return 2 * x\n```")).score).toBe(1);
    const tricked = "def twice(x):\n    return 5\ndef double(x):\n    return 5";
    expect((await graded(task, `\`\`\`python\n${tricked}\n\`\`\``)).score).toBe(0);
  });

  it("livecodebench: public and private tests count, of programs and of functions", async () => {
    const sum = (body: string) => `\`\`\`python\na, b = map(int, input().split())\nprint(${body})\n\`\`\``;
    const task = taskOf("livecodebench", ROWS.livecodebench);
    expect(await graded(task, sum("a + b"))).toEqual({ score: 1, decidedBy: "tests" });
    expect(await graded(task, sum("abs(a) + abs(b)"))).toEqual({ score: 0, decidedBy: "test: wrong" });
    const method = taskOf("livecodebench", {
      ...ROWS.livecodebench,
      starter_code: "class Solution:\n    def add(self, a: int, b: int) -> int:\n        ",
      public_test_cases: JSON.stringify([{ input: "1\n2", output: "3", testtype: "functional" }]),
      private_test_cases: "[]",
      metadata: '{"func_name": "add"}',
    });
    expect(method.renderPrompt(first(method), "plain")).toContain("Go on from this beginning:");
    const reply = "```python\nclass Solution:\n    def add(self, a, b):\n        return a + b\n```";
    expect(await graded(method, reply)).toEqual({ score: 1, decidedBy: "tests" });
    const imported = "class Solution:\n    def add(self, a: Optional[int], b):\n        return reduce(add, [a, b])";
    expect(await graded(method, `\`\`\`python\n${imported}\n\`\`\``)).toEqual({ score: 1, decidedBy: "tests" });
  });

  it("livecodebench: test cases that cannot be read, or a function without a name, are told with the row", () => {
    const bad = (change: Row) => () => taskOf("livecodebench", { ...ROWS.livecodebench, ...change });
    expect(bad({ private_test_cases: "AAAA" })).toThrow(
      /^rows\.jsonl:1: column "private_test_cases" must hold test cases in JSON, plain or as base64/,
    );
    const called = JSON.stringify([{ input: "1", output: "1", testtype: "functional" }]);
    expect(bad({ public_test_cases: called })).toThrow(/rows\.jsonl:1: column "metadata" names no func_name/);
  });
});

describe("logic", () => {
  it("knights and knaves: everyone's kind counts, behind the conclusion or in the last lines", async () => {
    const task = taskOf("knights-and-knaves", ROWS["knights-and-knaves"]);
    const people = (number: number) => ({ people: { number, of: 2 } });
    const right = { score: 1, decidedBy: "kinds", shares: people(2) };
    for (const reply of [
      "If Mia is a knight, Ben lies.\nCONCLUSION:\n(1) Mia is a knave\n(2) Ben is a knight",
      "Suppose Mia is a knight. No.\n\n**Conclusion:** Mia = knave; **Ben**: knight.",
      "Long story.\n.\n.\nMia is a knave.\nBen is a knight.",
      "\\boxed{\\text{Mia is a knave, Ben is a knight}}",
    ])
      expect(await graded(task, reply), reply).toEqual(right);
    const half = "CONCLUSION: Mia is a knave, Ben is a knave";
    expect(await graded(task, half)).toEqual({ score: 0, decidedBy: "kinds", shares: people(1) });
    const both = "CONCLUSION: Mia is a knave, Ben is a knight. Ben is a knave.";
    expect((await graded(task, both)).score).toBe(0);
    expect((await graded(task, "No idea.")).decidedBy).toBe("no answer");
    expect(task.sameAnswer?.(first(task), "Mia is a knave, Ben is a knight", "Ben: knight\nMia: knave")).toBe(true);
  });

  it("zebra: every cell counts, in any case and order, in the last JSON of the reply", async () => {
    const task = taskOf("zebra", ROWS.zebra);
    const reply = (drink: string) =>
      `First {"a": 1}. So:\n\`\`\`json\n{"House 2": {"Drink": "tea", "name": "Eric"}, "house 1": {"Name": "arnold", ` +
      `"Drink": "${drink}"}}\n\`\`\``;
    const cells = (number: number) => ({ cells: { number, of: 4 } });
    expect(await graded(task, reply("milk"))).toEqual({ score: 1, decidedBy: "cells", shares: cells(4) });
    expect(await graded(task, reply("tea"))).toEqual({ score: 0, decidedBy: "cells", shares: cells(3) });
    expect((await graded(task, "House 1: Arnold")).decidedBy).toBe("no answer");
    const inText = { ...ROWS.zebra, solution: JSON.stringify(ROWS.zebra.solution) };
    expect(first(taskOf("zebra", inText)).answer).toBe(first(task).answer);
    expect(() => taskOf("zebra", { ...ROWS.zebra, solution: { header: ["House"] } })).toThrow(
      /rows\.jsonl:1: column "solution" must be a table with header and rows, got an object/,
    );
  });

  it("countdown: any expression over the numbers that makes the target is right", async () => {
    const task = taskOf("countdown", ROWS.countdown);
    expect(task.hasVerifier?.(first(task))).toBe(true);
    expect(await graded(task, "So \\boxed{44+19+35}")).toEqual({ score: 1, decidedBy: "value" });
    expect(await graded(task, "<answer>35+(44+19)=98</answer>")).toEqual({ score: 1, decidedBy: "value" });
    for (const reply of ["\\boxed{98}", "\\boxed{44+19+35+0}", "\\boxed{44*19-35}"])
      expect((await graded(task, reply)).score, reply).toBe(0);
  });
});

describe("a gold answer that its own grader refuses", () => {
  it("is named with its row", async () => {
    const bad = { ...ROWS["mmlu-pro"], question_id: 71, answer: "the second" };
    await expect(taskOf("mmlu-pro", ROWS["mmlu-pro"], bad).validate()).rejects.toThrow(
      'rows.jsonl:2: the gold answer "the second" scores 0 by its own grader (letter), expected 1; correct or remove',
    );
  });
});
