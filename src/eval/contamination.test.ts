// Claims about contamination: runs of words are found whatever their case and punctuation, and told with their row.
import { expect, it } from "vitest";
import { suitesNamed } from "../tasks/suites/index.js";
import { suiteTask } from "../tasks/suites/suite.js";
import { ContaminationCheck } from "./contamination.js";

const LONG =
  "A baker fills four trays with six rolls each, then sells nine of them before noon; how many rolls are left?";
const [gsm8k] = suitesNamed(["gsm8k"]);
const rows = [
  LONG,
  "What is 4 times 6?",
  "A farmer has nothing that any other text speaks of, so nobody will find him",
];
const task = suiteTask(
  gsm8k,
  rows.map((question, i) => ({ row: { question, answer: `x\n#### ${i}` }, where: `rows.jsonl:${i + 1}` })),
);
const problems = rows.map((_, i) => task.generate(0, i, "heldout"));

function found(texts: readonly unknown[], words?: number) {
  const check = new ContaminationCheck(task, problems, words);
  texts.forEach((text, i) => {
    check.look({ row: { text }, where: `train.jsonl:${i + 1}` });
  });
  return check.report();
}

it("a run of 13 words is found, whatever stands around it and between its words", () => {
  const copy = "He reads: FILLS four trays - with six rolls each. Then sells nine of them, before… and so on";
  const { found: hits, share, rows: numRows, words } = found(["nothing", copy]);
  expect([words, numRows, share]).toEqual([13, 2, 1 / 3]);
  expect(hits).toEqual([
    { id: LONG, where: "train.jsonl:2", words: "fills four trays with six rolls each then sells nine of them before" },
  ]);
});

it("12 words in common are none, unless shorter runs are asked for", () => {
  const copy = "fills four trays with six rolls each then sells nine of them";
  expect(found([copy]).found).toEqual([]);
  expect(found([copy], 8).share).toBe(1 / 3);
});

it("a shorter question is looked for as a whole, in messages too", () => {
  expect(found([[{ role: "user", content: "Well: what is 4 times 6?!" }]]).found.map(({ id }) => id)).toEqual([
    rows[1],
  ]);
  expect(found(["what is 4 times 7"]).found).toEqual([]);
});
