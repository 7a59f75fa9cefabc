// Runs our grader on Math-Verify's own labelled pairs and prints where it differs from a label.
// node compare.mjs cases.jsonl — see README.md for how to get that file; nothing of it is committed.
import { readFileSync } from "node:fs";
import { extractAnswer, gradeAnswer } from "../../../dist/src/tasks/index.js";

const cases = readFileSync(process.argv[2], "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const withoutThought = (text) => text.slice(text.lastIndexOf("</think>") + 1 && text.lastIndexOf("</think>") + 8);
const found = (text) => extractAnswer(withoutThought(text))?.text ?? "";

let numAsLabelled = 0;
for (const { file, test, gold, pred, label, precision } of cases) {
  const [a, b] = [found(gold), found(pred)];
  const { isEqual, rung } = gradeAnswer(a, b, precision === undefined ? {} : { decimals: precision });
  if (isEqual === label) numAsLabelled++;
  else console.log(JSON.stringify({ file, test, label, rung, gold: a, pred: b, text: pred.slice(-60) }));
}
console.log(`${numAsLabelled} of ${cases.length} as labelled (${((100 * numAsLabelled) / cases.length).toFixed(1)}%)`);
process.exit(0);
