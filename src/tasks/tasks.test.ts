// Claims that hold for every procedural task, and the particulars of each verifier.
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../errors.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import { type ArithmeticProblem, createArithmeticTask } from "./arithmetic.js";
import { consistentAssignments, createKnightsAndKnavesTask } from "./knights-and-knaves.js";
import { createLinearEquationsTask, type LinearEquationsProblem } from "./linear-equations.js";
import { createTask, TASK_NAMES } from "./registry.js";
import type { Task } from "./task.js";
import { COMPACT_PROMPT_ALPHABET, PROMPT_TEMPLATES, questionIn } from "./templates.js";
import { validateTask } from "./validate-task.js";

/** Tasks whose compact prompts keep to the alphabet of the character tokenizer. */
const SYMBOLIC: readonly string[] = ["countdown", "arithmetic", "linear-equations", "knights-and-knaves"];
const PROCEDURAL = TASK_NAMES;
const range = (length: number) => Array.from({ length }, (_, i) => i);

describe.each(PROCEDURAL)("task %s", (name) => {
  const task = createTask(name);

  it("validates itself", async () => {
    const report = await task.validate();
    expect(report).toMatchObject({ task: name, numTrain: 200, numHeldOut: 200 });
    expect(report.numDistinct).toBeGreaterThan(150);
  });

  it("shares no problem between train and held-out, whatever the seed", () => {
    const train = new Set(range(1500).map((index) => task.generate(0, index, "train").id));
    expect(range(1500).filter((index) => train.has(task.generate(1, index, "heldout").id))).toEqual([]);
  });

  it("is a pure function of seed and index", () => {
    expect(createTask(name).generate(3, 5, "train")).toEqual(task.generate(3, 5, "train"));
    expect(
      new Set(range(20).map((index) => JSON.stringify(task.generate(3, index, "train").fields))).size,
    ).toBeGreaterThan(15);
  });

  it("renders every template without leaking the gold answer's tag pair", () => {
    const problem = task.generate(0, 0, "train");
    for (const template of PROMPT_TEMPLATES)
      expect(task.renderPrompt(problem, template)).not.toContain(`<answer>${problem.answer}</answer>`);
  });

  it("finds the question in every framed prompt again", () => {
    const problem = task.generate(0, 1, "train");
    const question = task.renderPrompt(problem, "plain");
    expect(questionIn(task.renderPrompt(problem, "dialogue"))).toBe(question);
    expect(task.renderPrompt(problem, "compact")).toBe(`Q:${questionIn(task.renderPrompt(problem, "compact"))}\nA:`);
    expect(questionIn(task.renderPrompt(problem, "r1-zero"))).toContain(question);
    expect(questionIn(question)).toBe(null);
  });

  it("scores hostile answers 0 without throwing", () => {
    const problem = task.generate(0, 0, "train");
    for (const text of [
      "",
      " ",
      "NaN",
      "Infinity",
      "1e999",
      "-".repeat(1e5),
      "A=knight ".repeat(1e5),
      "\u0000",
      "0x10",
      "1/0",
    ])
      expect(task.verify(problem, text)).toBe(0);
  });
});

describe.each(SYMBOLIC)("task %s, which has no words", (name) => {
  it("writes compact prompts and gold answers within the compact alphabet", () => {
    const task = createTask(name);
    const tokenizer = createCharTokenizer(COMPACT_PROMPT_ALPHABET);
    for (const index of range(300)) {
      const problem = task.generate(0, index, "train");
      expect(() => tokenizer.encode(task.renderPrompt(problem, "compact") + problem.answer)).not.toThrow();
    }
  });
});

describe("validation", () => {
  it("throws a DataError when a gold answer is wrong or the splits overlap", async () => {
    const task = createArithmeticTask();
    const wrong: Task<ArithmeticProblem> = {
      ...task,
      generate: (...place) => ({ ...task.generate(...place), answer: "no" }),
    };
    await expect(validateTask(wrong)).rejects.toThrow(DataError);
    const overlapping: Task<ArithmeticProblem> = {
      ...task,
      generate: (seed, index, split) => ({ ...task.generate(seed, index, "train"), split }),
    };
    await expect(validateTask(overlapping)).rejects.toThrow(/in both splits/);
  });
});

describe("registry", () => {
  it("names the known tasks when asked for an unknown one", () => {
    expect(() => createTask("chess")).toThrow(
      /unknown task "chess"; known tasks: countdown, arithmetic, linear-equations, linear-systems, knights-and-knaves, /,
    );
    expect(() => createTask("toString")).toThrow(ConfigError);
  });
  it("passes options through to be checked", () => {
    expect(() => createTask("arithmetic", { digit: 3 })).toThrow(
      /unknown option "digit"; known options: minDigits, maxDigits/,
    );
  });
});

describe("arithmetic", () => {
  it("keeps its digit bounds, subtracts without going below zero, and is exact at 15 digits", () => {
    const task = createArithmeticTask({ minDigits: 2, maxDigits: 4 });
    for (const index of range(300)) {
      const { fields, answer } = task.generate(0, index, "train");
      for (const operand of [fields.a, fields.b])
        expect(`${operand}`.length >= 2 && `${operand}`.length <= 4).toBe(true);
      expect(answer.startsWith("-")).toBe(false);
    }
    const product: ArithmeticProblem = {
      id: "",
      split: "train",
      fields: { a: 999999999999999, operator: "*", b: 999999999999999 },
      answer: "",
      difficulty: 15,
      meta: {},
    };
    expect(task.verify(product, "999999999999998000000000000001")).toBe(1);
    expect(task.verify(product, "999999999999998000000000000002")).toBe(0);
    for (const text of [
      "\\boxed{999{,}999{,}999{,}999{,}998{,}000{,}000{,}000{,}000{,}001}",
      "$999,999,999,999,998,000,000,000,000,001$",
    ])
      expect(task.verify(product, text)).toBe(1);
    for (const text of ["999999999999998000000000000001 cm", "x=999999999999998000000000000001"])
      expect(task.verify(product, text)).toBe(0);
  });
  it("has gold answers that are the value of the prompt's expression, read anew", () => {
    const task = createArithmeticTask({ maxDigits: 5, negative: true });
    for (const index of range(300)) {
      const problem = task.generate(1, index, "train");
      const [, a, operator, b] = /^Q:(\d+)([-+*])(\d+)\nA:$/.exec(task.renderPrompt(problem, "compact")) ?? [];
      const [left, right] = [Number(a), Number(b)];
      const value = operator === "+" ? left + right : operator === "-" ? left - right : left * right;
      expect(problem.answer).toBe(`${value}`);
    }
  });
  it("refuses crossed digit bounds", () => {
    expect(() => createArithmeticTask({ minDigits: 4, maxDigits: 2 })).toThrow(ConfigError);
  });
});

describe("linear equations", () => {
  const problem = (a: number, b: number, c: number, d: number): LinearEquationsProblem => ({
    id: "",
    split: "train",
    fields: { a, b, c, d },
    answer: "",
    difficulty: 1,
    meta: {},
  });

  it("accepts the solution as x=…, fraction or decimal, and nothing else", () => {
    const task = createLinearEquationsTask();
    const half = problem(2, 1, -2, 7); // 2x+1 = -2x+7, so x = 3/2
    for (const text of [
      "3/2",
      "x=3/2",
      "x = 6/4",
      "1.5",
      " 1.50 ",
      "-3/-2",
      "\\boxed{\\frac{3}{2}}",
      "$x = 1\\tfrac12$",
    ])
      expect(task.verify(half, text)).toBe(1);
    for (const text of ["3", "2/3", "-3/2", "x=3/2=1.5", "3/2 or so", "3/0", "y=3/2"])
      expect(task.verify(half, text)).toBe(0);
    expect(task.renderPrompt(half, "compact")).toBe("Q:2x+1=-2x+7\nA:");
    expect(task.renderPrompt(problem(-1, 0, 0, 4), "compact")).toBe("Q:-x=4\nA:");
  });

  it("have gold answers that solve the equation of the prompt, read anew", () => {
    const sideAt = (side: string, x: number): number =>
      (side.match(/[+-]?\d*x|[+-]?\d+/g) ?? []).reduce((sum, term) => {
        const factor = term.replace("x", "");
        const number = /\d/.test(factor) ? Number(factor) : Number(`${factor}1`);
        return sum + (term.endsWith("x") ? number * x : number);
      }, 0);
    const task = createLinearEquationsTask();
    for (const index of range(300)) {
      const problem = task.generate(1, index, "train");
      const [, left, right] = /^Q:(.*)=(.*)\nA:$/.exec(task.renderPrompt(problem, "compact")) ?? [];
      const x = Number(problem.answer);
      expect([left, right, sideAt(left, x)]).toEqual([left, right, sideAt(right, x)]);
      expect(sideAt(left, x + 1)).not.toBe(sideAt(right, x + 1));
    }
  });

  it("has integer solutions by default, fractions on request", () => {
    const solutions = (kind: "integer" | "rational") =>
      range(200).map((index) => createLinearEquationsTask({ solutions: kind }).generate(0, index, "train").answer);
    expect(solutions("integer").every((answer) => /^-?\d+$/.test(answer))).toBe(true);
    expect(solutions("rational").some((answer) => answer.includes("/"))).toBe(true);
  });
});

describe("knights and knaves", () => {
  it("finds the classic puzzle's one solution: A says that both are knaves", () => {
    const bothKnaves = { kind: "and", first: { who: 0, knight: false }, second: { who: 1, knight: false } } as const;
    const aKnight = { kind: "is", who: 0, knight: true } as const;
    // "B says A is a knight" makes B a knave as well, which would make A's lie true: no assignment is left.
    expect(consistentAssignments([bothKnaves, aKnight])).toEqual([]);
    expect(consistentAssignments([bothKnaves, { kind: "is", who: 0, knight: false }])).toEqual([0b10]);
    expect(consistentAssignments([aKnight, { kind: "is", who: 1, knight: true }])).toHaveLength(4);
  });

  it("have one solution, the gold answer, by a reading of the compact prompt alone, with 2 to 4 people", () => {
    const holds = (said: string, kinds: readonly boolean[]): boolean => {
      const isKnight = (letter: string): boolean => kinds["ABCD".indexOf(letter)];
      const claim = (text: string): boolean => isKnight(text[0]) === (text[1] === "1");
      if (/^\d$/.test(said)) return kinds.filter(Boolean).length === Number(said);
      if (said.includes("*")) return said.split("*").every(claim);
      if (said.includes("+")) return said.split("+").some(claim);
      if (said[1] === "=" || said[1] === "/") return (isKnight(said[0]) === isKnight(said[2])) === (said[1] === "=");
      return claim(said);
    };
    const task = createKnightsAndKnavesTask({ people: { 2: 1, 3: 1, 4: 1 } });
    for (const index of range(300)) {
      const problem = task.generate(2, index, "train");
      const said = task.renderPrompt(problem, "compact").slice(2, -3).split(";");
      const fitting = range(1 << said.length)
        .map((number) => said.map((_, person) => ((number >> person) & 1) === 1))
        .filter((kinds) => said.every((line, person) => holds(line.slice(2), kinds) === kinds[person]));
      expect(fitting.map((kinds) => kinds.map(Number).join(""))).toEqual([problem.answer]);
    }
  });

  it("reads digits and sentences, and rejects contradictions and omissions", () => {
    const task = createKnightsAndKnavesTask({ people: { 2: 1 } });
    const base = task.generate(0, 0, "train");
    const statements = [
      { kind: "and", first: { who: 0, knight: false }, second: { who: 1, knight: false } },
      { kind: "is", who: 0, knight: false },
    ] as const;
    const verify = (text: string) => task.verify({ ...base, fields: { statements } }, text);
    for (const text of ["01", "A=knave, B=knight", "A is a knave and B is a knight.", "b: Knight; a: Knave"])
      expect(verify(text)).toBe(1);
    for (const text of ["10", "0", "011", "A=knave", "A=knave, B=knight, B=knave", "A=knave, C=knight", "knave knight"])
      expect(verify(text)).toBe(0);
  });
});
