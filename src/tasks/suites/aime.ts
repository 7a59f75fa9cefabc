// AIME: both papers of a year of the American Invitational Mathematics Examination, 30 problems whose answers are whole
// numbers from 0 to 999. For example:
//   problem  "Find the number of positive integers below 1000 that are divisible by 3 but not by 5."
//   answer   "267"; id: a number
import { textOf } from "../../data/columns.js";
import { mathGrader } from "../graders.js";
import type { Suite, SuiteSource } from "./suite.js";

const aime = (year: number, source: SuiteSource): Suite => ({
  name: `aime-${year}`,
  title: `AIME ${year}`,
  source,
  grader: mathGrader,
  samples: 64,
  read: (placed) => ({
    id: textOf(placed, "id"),
    question: textOf(placed, "problem"),
    answer: textOf(placed, "answer"),
  }),
});

/** The papers of 2024. */
export const aime2024 = aime(2024, {
  repo: "HuggingFaceH4/aime_2024",
  revision: "2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
  part: "train",
  licence: "none stated; problems © Mathematical Association of America",
});

/** The papers of 2025. */
export const aime2025 = aime(2025, {
  repo: "math-ai/aime25",
  revision: "563bb8404243c5f09de6ec262f2db674fe5bce9b",
  part: "test",
  licence: "Apache-2.0; problems © Mathematical Association of America",
});
