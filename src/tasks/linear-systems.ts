// Two linear equations in two unknowns, with one solution in whole numbers. Generator and verifier; knows no model.
import { z } from "zod";
import type { Random } from "../random.js";
import { readPlainNumber } from "./grading/written-number.js";
import { heldOutFractionSchema, parseOptions } from "./options.js";
import { equalRationals, type Rational, rational } from "./rational.js";
import { drawInSplit, type Problem, type Split, type Task } from "./task.js";
import { renderWording } from "./templates.js";
import { validateTask } from "./validate-task.js";

/** The options, as zod checks them. */
export const linearSystemsSchema = z.strictObject({
  /** In ax + by = c, a and b lie in -maxCoefficient … maxCoefficient and are not 0. */
  maxCoefficient: z.number().int().min(1).max(10000).default(5),
  /** Maximum absolute value of x and y. */
  maxSolution: z.number().int().min(1).max(1000000).default(10),
  /** Fraction of all distinct problems that is held out for evaluation. */
  heldOutFraction: heldOutFractionSchema.default(0.1),
});

/** Knobs of the task; every one has a default. */
export type LinearSystemsOptions = z.input<typeof linearSystemsSchema>;
/** ax + by = c. */
export type LinearEquation = { readonly a: number; readonly b: number; readonly c: number };
/** Both equations. */
export type LinearSystemsFields = { readonly first: LinearEquation; readonly second: LinearEquation };
/** One problem of the task. */
export type LinearSystemsProblem = Problem<LinearSystemsFields>;

/** `2x-3y=7`. */
function written({ a, b, c }: LinearEquation): string {
  const times = (factor: number, unknown: string): string =>
    `${factor < 0 ? "-" : ""}${Math.abs(factor) === 1 ? "" : Math.abs(factor)}${unknown}`;
  return `${times(a, "x")}${b > 0 ? "+" : ""}${times(b, "y")}=${c}`;
}

/** The solution by Cramer's rule; null where the equations have none or many. */
function solve({ first, second }: LinearSystemsFields): readonly [Rational, Rational] | null {
  const determinant = first.a * second.b - first.b * second.a;
  if (determinant === 0) return null;
  const x = rational(BigInt(first.c * second.b - first.b * second.c), BigInt(determinant));
  return [x, rational(BigInt(first.a * second.c - first.c * second.a), BigInt(determinant))];
}

/**
 * Reads `x=3, y=-2`, the same the other way round, with `and` or on two lines, or the pair `(3, -2)`; null for anything
 * else.
 */
export function readPair(text: string): readonly [Rational, Rational] | null {
  if (text.length > 200) return null;
  const bare = text
    .replace(/\\boxed\{(.*)\}/s, "$1")
    .replaceAll("$", "")
    .trim();
  const isPair = /^\(.*\)$/s.test(bare);
  const parts = (isPair ? bare.slice(1, -1) : bare)
    .split(/\s*(?:,\s*and\b|[,;\n]|\band\b)\s*/)
    .map((part) => part.trim());
  if (parts.length !== 2) return null;
  const [first, second] = /^y\s*=/.test(parts[0]) ? [parts[1], parts[0]] : parts;
  const isNamed = /^x\s*=/.test(first) && /^y\s*=/.test(second);
  if (!isNamed && (!isPair || /=/.test(bare))) return null;
  const [x, y] = [readPlainNumber(first, "x"), readPlainNumber(second, "y")];
  return x && y && [x, y];
}

const equalPairs = (a: readonly [Rational, Rational], b: readonly [Rational, Rational]): boolean =>
  equalRationals(a[0], b[0]) && equalRationals(a[1], b[1]);

/** The canonical key ignores which equation comes first. @throws ConfigError on bad options */
export function createLinearSystemsTask(input: LinearSystemsOptions = {}): Task<LinearSystemsProblem> {
  const options = parseOptions(linearSystemsSchema, input, "task linear-systems");
  const draw = (random: Random, split: Split): LinearSystemsProblem | null => {
    const signed = (bound: number): number => random.below(2 * bound + 1) - bound;
    const [x, y] = [signed(options.maxSolution), signed(options.maxSolution)];
    const equation = (): LinearEquation => {
      const [a, b] = [signed(options.maxCoefficient), signed(options.maxCoefficient)];
      return { a, b, c: a * x + b * y };
    };
    const fields = { first: equation(), second: equation() };
    const { first, second } = fields;
    if (first.a * first.b * second.a * second.b === 0 || solve(fields) === null) return null;
    const id = [written(first), written(second)].sort().join(";");
    return { id, split, fields, answer: `x=${x},y=${y}`, difficulty: 2, meta: {} };
  };
  const task: Task<LinearSystemsProblem> = {
    name: "linear-systems",
    generate: (seed, index, split) =>
      drawInSplit("linear-systems", { seed, index, split, heldOutFraction: options.heldOutFraction }, (random) =>
        draw(random, split),
      ),
    verify: ({ fields }, answerText) => {
      const [given, solution] = [readPair(answerText), solve(fields)];
      return given && solution && equalPairs(given, solution) ? 1 : 0;
    },
    sameAnswer: (_, a, b) => {
      const [first, second] = [readPair(a), readPair(b)];
      return first !== null && second !== null && equalPairs(first, second);
    },
    renderPrompt: ({ fields: { first, second } }, template) =>
      renderWording(
        {
          compact: `${written(first)};${written(second)}`,
          question: `Solve ${written(first)} and ${written(second)} for x and y.`,
          answerForm: "both values, in the form x=1,y=2",
        },
        template,
      ),
    validate: () => validateTask(task),
  };
  return task;
}
