// Linear equations ax+b=cx+d in one unknown, with integer or rational solutions. Generator and verifier; knows no
// model.
import { z } from "zod";
import type { Random } from "../random.js";
import { readPlainNumber, sameWrittenNumber } from "./grading/written-number.js";
import { heldOutFractionSchema, parseOptions } from "./options.js";
import { equalRationals, formatRational, type Rational, rational } from "./rational.js";
import { drawInSplit, type Problem, type Split, type Task } from "./task.js";
import { renderWording } from "./templates.js";
import { validateTask } from "./validate-task.js";

/** The options, as zod checks them. */
export const linearEquationsSchema = z.strictObject({
  /** In ax + b = cx + d, a and c lie in -maxCoefficient … maxCoefficient. Only c may be 0. */
  maxCoefficient: z.number().int().min(1).max(10000).default(9),
  /** b (and, for rational solutions, d) lies in -maxConstant … maxConstant. */
  maxConstant: z.number().int().min(0).max(1000000).default(20),
  /** Maximum absolute value of integer solutions. */
  maxSolution: z.number().int().min(1).max(1000000).default(20),
  /** Kind of solutions. `rational` draws all four coefficients freely; the answer is a fraction in lowest terms. */
  solutions: z.enum(["integer", "rational"]).default("integer"),
  /** Fraction of all distinct problems that is held out for evaluation. */
  heldOutFraction: heldOutFractionSchema.default(0.1),
});

/** Knobs of the task; every one has a default. */
export type LinearEquationsOptions = z.input<typeof linearEquationsSchema>;
/** The coefficients of ax + b = cx + d. */
export type LinearEquationsFields = { readonly a: number; readonly b: number; readonly c: number; readonly d: number };
/** One problem of the task. */
export type LinearEquationsProblem = Problem<LinearEquationsFields>;

/** `3x-5`, `-x`, `7`: one side of an equation, without unneeded signs, ones and zeros. */
function side(coefficient: number, constant: number): string {
  const unknown = coefficient === 0 ? "" : coefficient === 1 ? "x" : coefficient === -1 ? "-x" : `${coefficient}x`;
  if (unknown === "") return `${constant}`;
  return constant === 0 ? unknown : `${unknown}${constant > 0 ? "+" : ""}${constant}`;
}

const solve = ({ a, b, c, d }: LinearEquationsFields): Rational => rational(BigInt(d - b), BigInt(a - c));

const signed = (bound: number, random: Random): number => random.below(2 * bound + 1) - bound;

/** The canonical key ignores which side of the equation comes first. @throws ConfigError on bad options */
export function createLinearEquationsTask(input: LinearEquationsOptions = {}): Task<LinearEquationsProblem> {
  const options = parseOptions(linearEquationsSchema, input, "task linear-equations");
  const draw = (random: Random, split: Split): LinearEquationsProblem | null => {
    const [a, c] = [signed(options.maxCoefficient, random), signed(options.maxCoefficient, random)];
    const b = signed(options.maxConstant, random);
    const last = signed(options.solutions === "integer" ? options.maxSolution : options.maxConstant, random);
    if (a === 0 || a === c) return null;
    const d = options.solutions === "integer" ? (a - c) * last + b : last;
    const fields = { a, b, c, d };
    const solution = solve(fields);
    const id = [side(a, b), side(c, d)].sort().join("=");
    // Harder: the unknown on both sides, a fraction as the solution.
    const difficulty = 1 + Number(c !== 0) + Number(solution.den !== 1n);
    return { id, split, fields, answer: formatRational(solution), difficulty, meta: {} };
  };
  const task: Task<LinearEquationsProblem> = {
    name: "linear-equations",
    generate: (seed, index, split) =>
      drawInSplit("linear-equations", { seed, index, split, heldOutFraction: options.heldOutFraction }, (random) =>
        draw(random, split),
      ),
    verify: ({ fields }, answerText) => {
      const value = readPlainNumber(answerText, "x");
      return value !== null && equalRationals(value, solve(fields)) ? 1 : 0;
    },
    sameAnswer: (_, a, b) => sameWrittenNumber(a, b),
    renderPrompt: ({ fields: { a, b, c, d } }, template) => {
      const equation = `${side(a, b)}=${side(c, d)}`;
      return renderWording(
        {
          compact: equation,
          question: `Solve ${equation} for x.`,
          answerForm: "only the value of x, as an integer or a fraction",
        },
        template,
      );
    },
    validate: () => validateTask(task),
  };
  return task;
}
