// HumanEval+: functions in Python by their heads and docstrings (Chen et al. 2021, arXiv 2107.03374), with many more
// tests (EvalPlus, Liu et al. 2023, arXiv 2305.01210). For example:
//   task_id             "HumanEval/0"
//   prompt              "def double(x: int) -> int:\n    \"\"\"Twice the number.\"\"\"\n"
//   canonical_solution  "    return 2 * x\n"
//   entry_point         "double"
//   test                "def check(candidate):\n    assert candidate(2) == 4\n"
// Right when `check` runs without raising. It may use what the prompt defines beside the function asked for.
import { textOf } from "../../data/columns.js";
import { programGrader } from "../program-grader.js";
import type { Suite } from "./suite.js";

/** See the file's head. */
export const humanevalPlus: Suite = {
  name: "humaneval-plus",
  title: "HumanEval+",
  source: {
    repo: "evalplus/humanevalplus",
    revision: "d32357cf319e50e9c8d8dab5ea876c72b0fd321b",
    part: "test.jsonl",
    licence: "Apache-2.0",
  },
  grader: programGrader,
  samples: 8,
  read(placed) {
    const [prompt, name] = [textOf(placed, "prompt"), textOf(placed, "entry_point")];
    const test = { kind: "check", code: `${prompt}\n${textOf(placed, "test")}`, function: name };
    return {
      id: textOf(placed, "task_id"),
      question:
        "Complete this function in Python. Give the whole function, with what it imports, in one fenced block.\n\n" +
        `\`\`\`python\n${prompt.trimEnd()}\n\`\`\``,
      answer: prompt + textOf(placed, "canonical_solution"),
      meta: { programs: { language: "python", tests: [test], beginning: { text: prompt, function: name } } },
    };
  },
};
