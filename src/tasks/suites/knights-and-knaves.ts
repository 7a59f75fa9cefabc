// Knights and knaves: who on an island always tells the truth and who always lies (Xie et al. 2024, arXiv 2410.23123;
// 2 to 8 people, 100 puzzles of each). For example:
//   quiz          "A very special island is inhabited only by knights and knaves. … You meet 2 inhabitants: Mia, and
//                 Ben. Mia said that Ben is a knave. Ben said that he is a knight. So who is a knight and who is a
//                 knave?"
//   names         ["Mia", "Ben"]
//   solution      [false, true]: whether each is a knight
// Right when everyone's kind is; the share of the people is told as well.
import { listOf, textOf } from "../../data/columns.js";
import { finalAnswer } from "../grading/final-answer.js";
import type { Grader } from "../listed-task.js";
import type { Problem } from "../task.js";
import type { Suite } from "./suite.js";

const namesOf = ({ meta }: Problem): readonly string[] => meta.names as readonly string[];

const knightsGrader: Grader = {
  name: "knights and knaves",
  instruction:
    "Please reason step by step, and end with the line CONCLUSION: and a line for everyone, such as: Zoe is a knight.",
  answerForm: "a line for everyone, such as: Zoe is a knight.",
  find: (problem, reply) => conclusionIn(reply, namesOf(problem)),
  grade(problem, answer) {
    const names = namesOf(problem);
    const [right, given] = [problem.answer, answer].map((text) => kindsIn(text, names));
    const number = names.filter((name) => given.get(name) === right.get(name)).length;
    return {
      score: number === names.length && given.size === right.size ? 1 : 0,
      decidedBy: "kinds",
      shares: { people: { number, of: names.length } },
    };
  },
  same(problem, a, b) {
    const [first, second] = [a, b].map((text) => kindsIn(text, namesOf(problem)));
    return namesOf(problem).every((name) => first.get(name) === second.get(name));
  },
};

/** What stands behind the last CONCLUSION, in the last box, or in the last lines; null where it names nobody's kind. */
function conclusionIn(reply: string, names: readonly string[]): string | null {
  const at = reply.toUpperCase().lastIndexOf("CONCLUSION");
  const last =
    at >= 0
      ? reply.slice(at)
      : (finalAnswer(reply) ??
        reply
          .split("\n")
          .slice(-names.length - 2)
          .join("\n"));
  const kinds = kindsIn(last, names);
  return kinds.size === 0 ? null : written(kinds);
}

/** Each person's kind where it is said; nobody's who is said to be both. */
function kindsIn(text: string, names: readonly string[]): Map<string, string> {
  const kinds = new Map<string, string>();
  for (const name of names) {
    const said = [
      ...text.matchAll(new RegExp(`\\b${name}\\b[\\s*:=_]*(?:is\\s+)?(?:an?\\s+)?[\\s*_]*(knight|knave)`, "gi")),
    ];
    const found = new Set(said.map(([, kind]) => kind.toLowerCase()));
    if (found.size === 1) kinds.set(name, [...found][0]);
  }
  return kinds;
}

const written = (kinds: ReadonlyMap<string, string>): string =>
  [...kinds].map(([name, kind]) => `${name} is a ${kind}`).join(", ");

/** See the file's head. */
export const knightsAndKnaves: Suite = {
  name: "knights-and-knaves",
  title: "Knights and knaves",
  source: {
    repo: "K-and-K/knights-and-knaves",
    revision: "2f68547989981b1af37cb3dde5fdefa847aa8619",
    part: "test",
    licence: "CC-BY-NC-SA-4.0",
  },
  grader: knightsGrader,
  samples: 4,
  read(placed) {
    const names = listOf(placed, "names").map(String);
    const kinds = listOf(placed, "solution").map((isKnight) => (isKnight === true ? "knight" : "knave"));
    return {
      question: textOf(placed, "quiz"),
      answer: written(new Map(names.map((name, i) => [name, kinds[i]]))),
      difficulty: names.length,
      meta: { names },
    };
  },
};
