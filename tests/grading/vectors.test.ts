// The grader's two-sided audit: no different answer is accepted, hardly an equal one refused, whichever of the two is
// the gold one. The table of docs/grader.md is this one.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { gradeAnswer } from "../../src/tasks/index.js";
import { readVectors } from "./vectors.js";

interface Row {
  accepted: number;
  falselyRefused: number;
  refused: number;
  falselyAccepted: number;
}

const vectors = readVectors();
const wrong: string[] = [];
const askew: string[] = [];
const table = new Map<string, Row>();

for (const { kind, same, other } of vectors) {
  const row = table.get(kind) ?? { accepted: 0, falselyRefused: 0, refused: 0, falselyAccepted: 0 };
  table.set(kind, row);
  for (const given of same.slice(1)) row[judge(same[0], given, true) ? "accepted" : "falselyRefused"]++;
  for (const given of other) row[judge(same[0], given, false) ? "falselyAccepted" : "refused"]++;
}

function judge(gold: string, given: string, isSame: boolean): boolean {
  const [there, back] = [gradeAnswer(gold, given), gradeAnswer(given, gold)];
  if (there.rung !== back.rung) askew.push(`${gold} | ${given}: ${there.rung}, ${back.rung}`);
  if (there.isEqual !== isSame) wrong.push(`${gold} | ${given}: ${there.rung}`);
  return there.isEqual;
}

const total = (column: keyof Row): number => [...table.values()].reduce((sum, row) => sum + row[column], 0);

test("of at least 600 equal pairs at most 1% are refused, and of 600 different ones none is accepted", () => {
  expect(total("accepted") + total("falselyRefused")).toBeGreaterThanOrEqual(600);
  expect(total("refused") + total("falselyAccepted")).toBeGreaterThanOrEqual(600);
  expect(total("falselyAccepted"), wrong.join("\n")).toBe(0);
  expect(total("falselyRefused") / (total("accepted") + total("falselyRefused")), wrong.join("\n")).toBeLessThan(0.01);
});

test("every verdict is the same the other way round", () => {
  expect(askew).toEqual([]);
});

test("docs/grader.md shows this confusion matrix", () => {
  const page = readFileSync(new URL("../../docs/grader.md", import.meta.url), "utf8");
  const columns = ["accepted", "falselyRefused", "refused", "falselyAccepted"] as const;
  const lines = [...table].map(([kind, row]) => `| ${kind} | ${columns.map((column) => row[column]).join(" | ")} |`);
  const sum = `| **all** | ${columns.map(total).join(" | ")} |`;
  expect(page).toContain([...lines, sum].join("\n"));
});
