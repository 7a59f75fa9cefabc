// How linear equations are solved: in one unknown by collecting both sides, in two by Cramer's rule.
import type { Random } from "../../random.js";
import type { LinearEquationsFields } from "../linear-equations.js";
import type { LinearSystemsFields } from "../linear-systems.js";
import { formatRational, type Rational } from "../rational.js";
import { type DerivationStep, thinkInSteps } from "./derivation.js";
import type { Thought, ThoughtPlan } from "./thought.js";

/** ax + b = cx + d: x is (d - b) / (a - c). What is zero needs no step. */
export function equationSteps({ a, b, c, d }: LinearEquationsFields): DerivationStep[] {
  const steps: DerivationStep[] = [];
  if (b !== 0) steps.push({ reason: "Right side", left: d, operator: "-", right: b });
  const right = b === 0 ? d : { step: 0 };
  if (c !== 0) steps.push({ reason: "Number of x", left: a, operator: "-", right: c });
  const left = c === 0 ? a : { step: steps.length - 1 };
  steps.push({ reason: "So x", left: right, operator: "/", right: left });
  return steps;
}

/** Solves an equation in one unknown. */
export const thinkEquation = (fields: LinearEquationsFields, plan: ThoughtPlan, random: Random): Thought =>
  thinkInSteps(equationSteps(fields), plan, random);

/** Cramer's rule in steps: the determinant of the coefficients, those of the unknowns, two quotients. */
export function systemSteps({ first, second }: LinearSystemsFields): DerivationStep[] {
  const [p, q] = [first, second];
  const determinant = (reason: string, [a, b]: readonly number[], [c, d]: readonly number[], at: number) =>
    [
      { left: a, operator: "*", right: d },
      { left: b, operator: "*", right: c },
      { reason, left: { step: at }, operator: "-", right: { step: at + 1 } },
    ] as const;
  return [
    ...determinant("Determinant", [p.a, p.b], [q.a, q.b], 0),
    ...determinant("Top of x", [p.c, p.b], [q.c, q.b], 3),
    { reason: "So x", left: { step: 5 }, operator: "/", right: { step: 2 } },
    ...determinant("Top of y", [p.a, p.c], [q.a, q.c], 7),
    { reason: "So y", left: { step: 9 }, operator: "/", right: { step: 2 } },
  ];
}

/** Solves two equations in two unknowns. */
export const thinkSystem = (fields: LinearSystemsFields, plan: ThoughtPlan, random: Random): Thought =>
  thinkInSteps(systemSteps(fields), plan, random, pairAnswer);

/** x is the seventh result; who leaves the last step out takes the one before it for y. */
const pairAnswer = (results: readonly Rational[]): string =>
  `x=${formatRational(results[6])},y=${formatRational(results[results.length - 1])}`;
