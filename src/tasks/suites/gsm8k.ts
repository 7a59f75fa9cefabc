// GSM8K: school word problems (Cobbe et al. 2021, arXiv 2110.14168). For example:
//   question  "A baker fills 4 trays with 6 rolls each and sells 9 rolls. How many are left?"
//   answer    "4 * 6 = <<4*6=24>>24 rolls.\n24 - 9 = <<24-9=15>>15 are left.\n#### 15"
// The gold answer stands behind ####.
import { questionOf } from "../../data/columns.js";
import { mathGrader } from "../graders.js";
import type { Suite } from "./suite.js";

/** See the file's head. */
export const gsm8k: Suite = {
  name: "gsm8k",
  title: "GSM8K",
  source: {
    repo: "openai/gsm8k",
    revision: "740312add88f781978c0658806c59bc2815b9866",
    part: "main/test",
    licence: "MIT",
  },
  grader: mathGrader,
  samples: 4,
  read(placed) {
    const { question, answer } = questionOf(placed, { promptColumn: "question" });
    return { question, answer: answer as string };
  },
};
