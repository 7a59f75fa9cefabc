// How an arithmetic problem is worked out: the second operand place by place, products over both operands' places.
import type { Random } from "../../random.js";
import type { ArithmeticFields } from "../arithmetic.js";
import { type DerivationStep, type Operand, thinkInSteps } from "./derivation.js";
import type { Thought, ThoughtPlan } from "./thought.js";

/** 347 as 300, 40, 7; zeros are left out, 0 itself is one part. */
function places(value: number): number[] {
  const digits = `${value}`;
  const parts = [...digits].map((digit, i) => Number(digit) * 10 ** (digits.length - 1 - i)).filter((part) => part > 0);
  return parts.length > 0 ? parts : [0];
}

/** Operands of more places than this are multiplied by the places of the other alone, to keep products few. */
const MAX_PRODUCTS = 4;

/** The steps for a∘b. */
export function arithmeticSteps({ a, operator, b }: ArithmeticFields): DerivationStep[] {
  const steps: DerivationStep[] = [];
  const add = (left: Operand, sign: DerivationStep["operator"], right: Operand): Operand => {
    steps.push({ left, operator: sign, right });
    return { step: steps.length - 1 };
  };
  if (operator !== "*") {
    let sum: Operand = a;
    for (const part of places(b)) sum = add(sum, operator as "+" | "-", part);
    return steps;
  }
  const [long, short] = `${a}`.length >= `${b}`.length ? [a, b] : [b, a];
  const whole = places(long).length * places(short).length > MAX_PRODUCTS;
  const products = places(short).flatMap((right) =>
    (whole ? [long] : places(long)).map((left) => add(left, "*", right)),
  );
  products.reduce((sum, product) => add(sum, "+", product));
  return steps;
}

/** Works the problem out. */
export const thinkArithmetic = (fields: ArithmeticFields, plan: ThoughtPlan, random: Random): Thought =>
  thinkInSteps(arithmeticSteps(fields), plan, random);
