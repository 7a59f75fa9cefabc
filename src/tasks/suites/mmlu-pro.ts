// MMLU-Pro: questions of 14 subjects with up to ten choices (Wang et al. 2024, arXiv 2406.01574). For example:
//   question     "Which gas do plants take from the air for photosynthesis?"
//   options      ["oxygen", "carbon dioxide", "nitrogen", …]
//   answer       "B"; question_id: 70; category: "biology"
import { listOf, textOf } from "../../data/columns.js";
import { choiceGrader, withChoices } from "../graders.js";
import type { Suite } from "./suite.js";

/** See the file's head. */
export const mmluPro: Suite = {
  name: "mmlu-pro",
  title: "MMLU-Pro",
  source: {
    repo: "TIGER-Lab/MMLU-Pro",
    revision: "b189ec765aa7ed75c8acfea42df31fdae71f97be",
    part: "test",
    licence: "MIT",
  },
  grader: choiceGrader,
  samples: 1,
  read(placed) {
    const choices = listOf(placed, "options").map(String);
    return {
      id: textOf(placed, "question_id"),
      question: withChoices(textOf(placed, "question"), choices),
      answer: textOf(placed, "answer").trim(),
      meta: { numChoices: choices.length },
    };
  },
};
