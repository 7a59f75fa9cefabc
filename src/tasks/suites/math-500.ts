// MATH-500: 500 problems of competitions (Hendrycks et al. 2021, arXiv 2103.03874; chosen by Lightman et al. 2023,
// arXiv 2305.20050). For example:
//   problem    "What is the sum of the roots of $x^2 - 7x + 10 = 0$?"
//   answer     "7"
//   unique_id  "test/algebra/1.json"; level: 1 … 5
import { textOf } from "../../data/columns.js";
import { mathGrader } from "../graders.js";
import type { Suite } from "./suite.js";

/** See the file's head. */
export const math500: Suite = {
  name: "math-500",
  title: "MATH-500",
  source: {
    repo: "HuggingFaceH4/MATH-500",
    revision: "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
    part: "test",
    licence: "MIT",
  },
  grader: mathGrader,
  samples: 4,
  read: (placed) => ({
    id: textOf(placed, "unique_id"),
    question: textOf(placed, "problem"),
    answer: textOf(placed, "answer"),
    difficulty: Number(textOf(placed, "level")),
  }),
};
