// Tells a result from a calculation that was only written down: sums and products of plain numbers.
import { exactValue } from "./exact-value.js";
import { type Formula, isInverse, some } from "./formula.js";

/** Whether somewhere two numbers are added, multiplied or divided whose result was not worked out. */
export const isUnfinished = (formula: Formula): boolean => some(formula, isCalculation);

function isCalculation(formula: Formula): boolean {
  if (formula.kind === "sum") return formula.parts.filter((part) => exactValue(part) !== null).length > 1;
  if (formula.kind !== "product") return false;
  const factors = formula.parts.filter((part) => part.kind === "number" && part.value.num !== -1n);
  const divisors = formula.parts.filter((part) => isInverse(part) && part.base.kind === "number");
  return factors.length > 1 || divisors.length > 1;
}
