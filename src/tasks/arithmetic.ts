// Multi-digit addition, subtraction and multiplication. Generator and verifier; knows no model.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import type { Random } from "../random.js";
import { readPlainNumber, sameWrittenNumber } from "./grading/written-number.js";
import { heldOutFractionSchema, parseOptions } from "./options.js";
import { drawInSplit, type Problem, type Split, type Task } from "./task.js";
import { renderWording } from "./templates.js";
import { validateTask } from "./validate-task.js";
import { weightedDraw } from "./weighted-draw.js";

const weight = z.number().nonnegative().default(0);
/** The options, as zod checks them. */
export const arithmeticSchema = z.strictObject({
  /** Minimum number of digits of an operand; drawn uniformly from minDigits … maxDigits. */
  minDigits: z.number().int().min(1).max(15).default(1),
  /** Maximum number of digits of an operand. */
  maxDigits: z.number().int().min(1).max(15).default(3),
  /** Weights of the operators. */
  operators: z
    .strictObject({ "+": weight, "-": weight, "*": weight })
    .refine((weights) => Object.values(weights).some((w) => w > 0), { message: "needs at least one weight above 0" })
    .default({ "+": 1, "-": 1, "*": 1 }),
  /** Whether differences may be negative; if not, the larger operand comes first. */
  negative: z.boolean().default(false),
  /** Fraction of all distinct problems that is held out for evaluation. */
  heldOutFraction: heldOutFractionSchema.default(0.1),
});

/** Knobs of the task; every one has a default. */
export type ArithmeticOptions = z.input<typeof arithmeticSchema>;
/** The operands and what stands between them. */
export type ArithmeticFields = { readonly a: number; readonly operator: string; readonly b: number };
/** One problem of the task. */
export type ArithmeticProblem = Problem<ArithmeticFields>;

/** An integer of exactly `digits` digits; one digit includes 0. */
function drawInteger(digits: number, random: Random): number {
  const low = digits === 1 ? 0 : 10 ** (digits - 1);
  return low + Math.floor(random.float() * (10 ** digits - low));
}

function exactResult({ a, operator, b }: ArithmeticFields): bigint {
  if (operator === "+") return BigInt(a) + BigInt(b);
  return operator === "-" ? BigInt(a) - BigInt(b) : BigInt(a) * BigInt(b);
}

/**
 * The canonical key of a sum or product does not depend on the order of its operands. @throws ConfigError on bad
 * options
 */
export function createArithmeticTask(input: ArithmeticOptions = {}): Task<ArithmeticProblem> {
  const options = parseOptions(arithmeticSchema, input, "task arithmetic");
  if (options.minDigits > options.maxDigits) {
    throw new ConfigError(
      `task arithmetic: minDigits must not exceed maxDigits, got ${options.minDigits} and ${options.maxDigits}`,
    );
  }
  const operators = weightedDraw(Object.entries(options.operators));
  const draw = (random: Random, split: Split): ArithmeticProblem => {
    const operator = operators.draw(random);
    const digits = (): number => options.minDigits + random.below(options.maxDigits - options.minDigits + 1);
    const [numDigitsA, numDigitsB] = [digits(), digits()];
    let [a, b] = [drawInteger(numDigitsA, random), drawInteger(numDigitsB, random)];
    if (operator === "-" && !options.negative && a < b) [a, b] = [b, a];
    const swap = operator !== "-" && a > b;
    const fields = { a, operator, b };
    return {
      id: swap ? `${b}${operator}${a}` : `${a}${operator}${b}`,
      split,
      fields,
      answer: `${exactResult(fields)}`,
      difficulty: Math.max(numDigitsA, numDigitsB),
      meta: {},
    };
  };
  const task: Task<ArithmeticProblem> = {
    name: "arithmetic",
    generate: (seed, index, split) =>
      drawInSplit("arithmetic", { seed, index, split, heldOutFraction: options.heldOutFraction }, (random) =>
        draw(random, split),
      ),
    verify: ({ fields }, answerText) => {
      const value = readPlainNumber(answerText);
      return value !== null && value.den === 1n && value.num === exactResult(fields) ? 1 : 0;
    },
    sameAnswer: (_, a, b) => sameWrittenNumber(a, b),
    renderPrompt: ({ fields }, template) => {
      const expression = `${fields.a}${fields.operator}${fields.b}`;
      return renderWording(
        { compact: expression, question: `Compute ${expression}.`, answerForm: "only the resulting integer" },
        template,
      );
    },
    validate: () => validateTask(task),
  };
  return task;
}
