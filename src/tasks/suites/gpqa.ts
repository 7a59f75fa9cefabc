// GPQA Diamond: 198 questions of biology, physics and chemistry, by experts (Rein et al. 2023, arXiv 2311.12022). For
// example:
//   Question            "Which of these particles has no electric charge?"
//   Correct Answer      "the neutron"
//   Incorrect Answer 1  "the proton"; 2 and 3 likewise
//   Record ID           "rec06pnAkLOr2t2mp"
// The choices stand in an order that the record's id decides, so every run and every model gets the same one.
import { textOf } from "../../data/columns.js";
import { hashString, Random } from "../../random.js";
import { choiceGrader, choiceLetters, withChoices } from "../graders.js";
import type { Suite } from "./suite.js";

/** See the file's head. */
export const gpqa: Suite = {
  name: "gpqa",
  title: "GPQA Diamond",
  source: {
    repo: "Idavidrein/gpqa",
    revision: "633f5ee89ab8ad4522a9f850766b73f62147ffdd",
    part: "gpqa_diamond.csv",
    licence: "CC-BY-4.0; the authors ask that the questions are not shown in public",
  },
  grader: choiceGrader,
  samples: 16,
  read(placed) {
    const id = textOf(placed, "Record ID");
    const right = textOf(placed, "Correct Answer").trim();
    const wrong = [1, 2, 3].map((i) => textOf(placed, `Incorrect Answer ${i}`).trim());
    const order = new Random(hashString(id)).shuffle(Int32Array.from([0, 1, 2, 3]));
    const choices = Array.from(order, (i) => [right, ...wrong][i]);
    return {
      id,
      question: withChoices(textOf(placed, "Question").trim(), choices),
      answer: choiceLetters(4)[order.indexOf(0)],
      meta: { numChoices: 4 },
    };
  },
};
