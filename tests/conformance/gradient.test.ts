// Every gradient rule on every backend, through the real tape, against central differences of the f64 reference.
import { describe, expect, it } from "vitest";
import { backends } from "./backends.js";
import { opNames, specOf } from "./cases.js";
import { checkAccumulation, checkGradient, gradientCases } from "./gradient-check.js";

const differentiable = opNames.filter((op) => specOf(op).vjp);

describe.each(backends)("$label", ({ backend }) => {
  it.each(differentiable)("the gradient of %s is its slope", async (op) => {
    const cases = gradientCases(op);
    expect(cases.length).toBeGreaterThan(0);
    for (const c of cases) await checkGradient(backend, c);
  });

  it.each(differentiable)("the gradients of several uses of the operands of %s add up", async (op) => {
    for (const c of gradientCases(op)) await checkAccumulation(backend, c);
  });
});
