// Countdown: combine given numbers, each exactly once, with + - * / to reach a target. Generator and verifier; knows no
// search traces.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Random } from "../random.js";
import { canonicalExpression, evaluateExpression } from "./expression.js";
import { plainNotation } from "./grading/notation.js";
import { heldOutFractionSchema, parseOptions, weightsSchema } from "./options.js";
import { drawInSplit, type Problem, type Task } from "./task.js";
import { renderWording } from "./templates.js";
import { validateTask } from "./validate-task.js";
import { weightedIntegerDraw } from "./weighted-draw.js";

/** The options, as zod checks them. */
export const countdownSchema = z.strictObject({
  /** Weights of the possible counts of numbers in a problem: `{3: 0.7, 4: 0.3}`. */
  numbers: weightsSchema.default({ 3: 1 }),
  /** Numbers are drawn uniformly from 1 … maxNumber. */
  maxNumber: z.number().int().min(1).max(100000).default(20),
  /** Targets lie in 1 … maxTarget. */
  maxTarget: z.number().int().min(1).max(1000000000).default(100),
  /** Fraction of all distinct problems that is held out for evaluation. */
  heldOutFraction: heldOutFractionSchema.default(0.1),
});

/** Knobs of the task; every one has a default. */
export type CountdownOptions = z.input<typeof countdownSchema>;
// A type, not an interface, so that it is assignable to Record<string, unknown>.
/** The numbers to use, each once, and what they must make. */
export type CountdownFields = { readonly numbers: readonly number[]; readonly target: number };
/** One problem of the task. */
export type CountdownProblem = Problem<CountdownFields>;

/** a∘b when the result is a whole number not below zero, else -1. Shared by the generator and the search traces. */
export function legalResult(operator: string, a: number, b: number): number {
  if (operator === "+") return a + b;
  if (operator === "*") return a * b;
  if (operator === "-") return a >= b ? a - b : -1;
  return b !== 0 && a % b === 0 ? a / b : -1;
}

/** The operators a solution may use. */
export const OPERATORS = ["+", "-", "*", "/"] as const;

/** A sub-expression and how tightly its last operator binds: 1 for + and -, 2 for * and /, 3 for a lone number. */
export interface Term {
  readonly value: number;
  readonly text: string;
  readonly precedence: 1 | 2 | 3;
}

/** A lone number as a term. */
export const numberTerm = (value: number): Term => ({ value, text: `${value}`, precedence: 3 });

/** Writes a∘b with no more parentheses than its value needs. */
export function combineTerms(operator: string, a: Term, b: Term, value: number): Term {
  const precedence = operator === "+" || operator === "-" ? 1 : 2;
  const left = a.precedence < precedence ? `(${a.text})` : a.text;
  // a-(b+c) and a/(b*c) need them on equal precedence too; a+(b-c) and a*(b/c) do not.
  const tight = operator === "-" || operator === "/" ? b.precedence <= precedence : b.precedence < precedence;
  return { value, text: `${left}${operator}${tight ? `(${b.text})` : b.text}`, precedence };
}

/**
 * Merges random pairs until one term is left; null when a step is negative, fractional or zero, which would make the
 * problem odd.
 */
function randomSolution(numbers: readonly number[], random: Random): Term | null {
  const terms = numbers.map(numberTerm);
  while (terms.length > 1) {
    const [a] = terms.splice(random.below(terms.length), 1);
    const [b] = terms.splice(random.below(terms.length), 1);
    const operator = random.pick(OPERATORS);
    const value = legalResult(operator, a.value, b.value);
    if (value <= 0) return null;
    terms.push(combineTerms(operator, a, b, value));
  }
  return terms[0];
}

function parseCounts(weights: Record<string, number>): Record<string, number> {
  for (const key of Object.keys(weights)) {
    const count = Number(key);
    if (!Number.isInteger(count) || count < 2 || count > 8)
      throw new ConfigError(`task countdown: option "numbers": keys must be 2 … 8, got "${key}"`);
  }
  return weights;
}

/**
 * The Countdown task. Solvable by construction: a random expression over random numbers gives the target. The canonical
 * key is the sorted numbers and the target, so one problem in another order is the same problem. Rules as in TinyZero:
 * every number exactly once.
 * @throws ConfigError on unknown or impossible options
 */
export function createCountdownTask(input: CountdownOptions = {}): Task<CountdownProblem> {
  const options = parseOptions(countdownSchema, input, "task countdown");
  const count = weightedIntegerDraw(parseCounts(options.numbers));
  const draw = (random: Random, split: CountdownProblem["split"]): CountdownProblem | null => {
    const numbers = Array.from({ length: count.draw(random) }, () => 1 + random.below(options.maxNumber));
    const solution = randomSolution(numbers, random);
    if (solution === null || solution.value > options.maxTarget) return null;
    const target = solution.value;
    const id = `${[...numbers].sort((a, b) => a - b).join(" ")}=${target}`;
    return { id, split, fields: { numbers, target }, answer: solution.text, difficulty: numbers.length, meta: {} };
  };
  const task: Task<CountdownProblem> = {
    name: "countdown",
    generate: (seed, index, split) =>
      drawInSplit("countdown", { seed, index, split, heldOutFraction: options.heldOutFraction }, (random) =>
        draw(random, split),
      ),
    verify: (problem, answerText) => verifyCountdown(problem.fields, answerText),
    sameAnswer: (_, a, b) => sameExpression(a, b),
    renderPrompt: (problem, template) => renderWording(countdownWording(problem.fields), template),
    validate: () => validateTask(task),
  };
  return task;
}

/** 1 when the text is an expression over exactly the given numbers that equals the target, else 0. */
export function verifyCountdown(fields: CountdownFields, answerText: string): number {
  const evaluated = evaluateExpression(plainNotation(answerText));
  if (evaluated === null || evaluated.integers.length !== fields.numbers.length) return 0;
  const used = [...evaluated.integers].sort((a, b) => a - b);
  const given = [...fields.numbers].sort((a, b) => a - b);
  if (used.some((value, i) => value !== given[i])) return 0;
  return evaluated.value.den === 1n && evaluated.value.num === BigInt(fields.target) ? 1 : 0;
}

/** Whether two answers are one expression, but for the order of terms and factors and parentheses without effect. */
export function sameExpression(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => canonicalExpression(plainNotation(text)));
  return first !== null && first === second;
}

/** A problem in words. */
export const countdownWording = ({ numbers, target }: CountdownFields) => ({
  compact: `${numbers.join(" ")}=${target}`,
  question:
    `Write an expression that equals ${target}, using each of the numbers ${numbers.join(", ")} exactly ` +
    "once, with + - * / and parentheses.",
  answerForm: "only the expression, without an equals sign",
});
