// Every op on every backend against its reference in f64: values, guard bytes, untouched inputs.
import { afterAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/tensor/backend.js";
import { backends, nativeBackends } from "./backends.js";
import { casesOf, declaredCases, opNames } from "./cases.js";
import { checkForward } from "./forward-check.js";

describe.each(backends)("$label", ({ backend }) => {
  it.each(opNames)("%s equals its reference", async (op) => {
    // The reference backend runs the reference itself: its storage and rounding are tested, which small samples do.
    const cases = backend.name === "reference" ? declaredCases(op) : casesOf(op);
    for (const c of cases) await checkForward(backend, c);
  });
});

describe("the samples", () => {
  it.each(opNames)("cover %s", (op) => {
    expect(casesOf(op).length).toBeGreaterThan(0);
  });
});

describe("the native kernels", () => {
  it("were built for at least one instruction set that this CPU runs", () => {
    expect(nativeBackends.map((b) => b.isa)).not.toEqual([]);
  });
});

afterAll(() => {
  const mark = (backend: Backend, op: string) =>
    typeof (backend.kernels as Record<string, unknown>)[op] === "function" ? "yes" : "no";
  const rows = opNames.map(
    (op) =>
      `${op.padEnd(22)}${backends.map(({ label, backend }) => mark(backend, op).padEnd(label.length + 2)).join("")}`,
  );
  console.log([`${"op".padEnd(22)}${backends.map((b) => `${b.label}  `).join("")}`, ...rows].join("\n"));
});
