// Operands that say where memory is read or written: whatever stands in them, a kernel touches nothing outside its
// operands.
import { describe, expect, it } from "vitest";
import { Device } from "../../src/tensor/device.js";
import { dispatch, empty, scope } from "../../src/tensor/engine.js";
import type { IndexRule } from "../../src/tensor/op.js";
import type { OpName } from "../../src/tensor/ops/index.js";
import { backends } from "./backends.js";
import { type Case, casesOf, opNames, specOf } from "./cases.js";
import { upload } from "./upload.js";
import { copyOf, type HostOperand } from "./values.js";

const LARGEST = 0x7fffffff;
const rulesOf = (c: Case): readonly IndexRule[] => specOf(c.op).indexes?.(c.inputs, c.params) ?? [];
const casesByOp = new Map(opNames.map((op) => [op, casesOf(op)]));
const knownCases = (op: OpName): Case[] => casesByOp.get(op) as Case[];
const withData = (c: Case, input: number, data: Float64Array): Case => ({
  ...c,
  inputs: c.inputs.map((x, i) => (i === input && x ? { ...x, data } : x)),
});

/** Contents that break a rule, by what is wrong with them. */
function broken(rule: IndexRule, operand: HostOperand): [string, Float64Array][] {
  const changed = (at: number, value: number) => {
    const { data } = copyOf(operand);
    data[at] = value;
    return data;
  };
  const last = operand.data.length - 1;
  if ("below" in rule) {
    const values = [rule.below, (rule.from ?? 0) - 1, LARGEST, -LARGEST - 1];
    return values.flatMap((value) =>
      [0, last].map((at): [string, Float64Array] => [`index ${value} at ${at}`, changed(at, value)]),
    );
  }
  if (!("risesTo" in rule)) return [];
  return [
    ["an end beyond the rows", changed(last, rule.risesTo + 1)],
    ["a start before the first row", changed(0, -1)],
    ["the largest number in the middle", changed(last >> 1, LARGEST)],
    ["offsets that fall", operand.data.toReversed().fill(rule.risesTo, 0, 1)],
  ];
}

/** Every way of breaking an op's rules, on its first case that has the operand. */
const brokenCases = opNames.flatMap((op: OpName) => {
  const seen = new Set<number>();
  return knownCases(op).flatMap((c) =>
    rulesOf(c).flatMap((rule) => {
      const operand = c.inputs[rule.input];
      if (!operand || operand.data.length === 0 || seen.has(rule.input)) return [];
      seen.add(rule.input);
      return broken(rule, operand).map(
        ([what, data]) => [`${op}, input ${rule.input}: ${what}`, withData(c, rule.input, data)] as const,
      );
    }),
  );
});

describe("the declarations", () => {
  it("say of every i32 input what it may hold", () => {
    const untold = opNames.flatMap((op) =>
      knownCases(op).flatMap((c) => {
        const told = new Set(rulesOf(c).map((rule) => rule.input));
        return c.inputs.flatMap((x, i) => (x?.dtype === "i32" && !told.has(i) ? [`${op} input ${i}`] : []));
      }),
    );
    expect([...new Set(untold)]).toEqual([]);
  });

  it("name i32 inputs only", () => {
    for (const op of opNames)
      for (const c of knownCases(op))
        for (const rule of rulesOf(c))
          expect([undefined, "i32", ...(op === "cast" ? ["f32", "bf16", "f16"] : [])]).toContain(
            c.inputs[rule.input]?.dtype,
          );
  });
});

describe.each(backends)("$label", ({ backend }) => {
  const device = new Device(backend);

  it.each(brokenCases)("refuses %s", (_, c) => {
    const call = () =>
      scope(() => {
        const inputs = c.inputs.map((x) => x && upload(x, device));
        const outputs = specOf(c.op)
          .infer(c.inputs, c.params)
          .map(({ shape, dtype }) => empty(shape, dtype, device));
        dispatch(specOf(c.op), inputs, c.params, outputs);
        return [];
      });
    expect(call).toThrow(new RegExp(`${c.op}: expected (indexes in|offsets that never fall)`));
  });
});
