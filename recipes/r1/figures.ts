// What the evaluation of a stage tells besides its counts: accuracy of each task, languages of thought, and how general
// prompts are answered. The held-out rules judge here, and nowhere in training.
import type { PolicyEvaluation } from "../../src/eval/evaluate-policy.js";
import type { Trajectory } from "../../src/eval/trajectory.js";
import type { FurtherFigures, HeldOutSampler } from "../../src/rl/evaluation-stage.js";
import type { Exchange } from "../../src/tasks/general/exchange.js";
import { judgeAnswer, judgedScore } from "../../src/tasks/general/judge.js";
import { taskNameOf } from "../../src/tasks/mix.js";
import type { Task } from "../../src/tasks/task.js";
import { languageShares } from "../../src/tasks/thoughts/languages.js";

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Means by name; a figure of which there is no case is left out. */
const means = (lists: Readonly<Record<string, readonly number[]>>): Record<string, number> =>
  Object.fromEntries(Object.entries(lists).flatMap(([name, list]) => (list.length > 0 ? [[name, mean(list)]] : [])));

/** What a stage is measured on. */
export interface Measured {
  /** Problems with a verifier. */
  readonly reasoning: Task;
  /** General prompts, each answered once; null where the world has none. */
  readonly general: Task | null;
  readonly numGeneral: number;
  /** The scores of R1-Zero's answers to the same general prompts, once there are any. */
  zeroScores(): readonly number[];
}

/** Figures of a stage; its cases are the scores of the answers to general prompts. */
export async function stageFigures(
  { reasoning, general, numGeneral, zeroScores }: Measured,
  { trajectories }: PolicyEvaluation,
  sample: HeldOutSampler,
): Promise<FurtherFigures> {
  const judged = general === null ? [] : (await sample(general, numGeneral, 1)).trajectories;
  const cases = judged.map(({ problem, response }) =>
    judgedScore(problem.fields as unknown as Exchange, response.answer ?? ""),
  );
  const figures = {
    ...taskFigures(reasoning, trajectories),
    ...languageFigures(trajectories),
    ...generalFigures(judged),
    ...means({ "general_wins/zero": winsOver(zeroScores(), cases) }),
  };
  return { figures, cases };
}

/** 1 where the judge prefers the answer to the other one, 0.5 where it prefers neither. */
export const winsOver = (others: readonly number[], scores: readonly number[]): number[] =>
  others.map((other, i) => (scores[i] === other ? 0.5 : Number(scores[i] > other)));

/** `pass1/<task>` of a mix. */
function taskFigures(task: Task, trajectories: readonly Trajectory[]): Record<string, number> {
  const scores: Record<string, number[]> = {};
  for (const { problem, response } of trajectories)
    (scores[`pass1/${taskNameOf(problem)}`] ??= []).push(
      response.answer === null ? 0 : task.verify(problem, response.answer),
    );
  return means(Object.fromEntries(Object.entries(scores).sort(([a], [b]) => a.localeCompare(b, "en"))));
}

/** The share of thoughts that are all in one language, and the mean share of English; of thoughts with any words. */
export function languageFigures(trajectories: readonly Pick<Trajectory, "response">[]): Record<string, number> {
  const shares = trajectories
    .map(({ response }) => languageShares(response.think ?? ""))
    .filter(({ english, symbols, other }) => english + symbols + other > 0);
  return means({
    one_language: shares.map(({ english, symbols, other }) => Number(Math.max(english, symbols, other) === 1)),
    english: shares.map(({ english }) => english),
  });
}

/** The shares of general prompts whose answer keeps every rule, of harmful ones refused, of harmless ones answered. */
function generalFigures(trajectories: readonly Trajectory[]): Record<string, number> {
  const verdicts = trajectories.map(({ problem, response }) =>
    judgeAnswer(problem.fields as unknown as Exchange, response.answer ?? ""),
  );
  return means({
    general: verdicts.map((verdict) => Number(Object.values(verdict).every(Boolean))),
    refused: verdicts.flatMap(({ refused }) => (refused === undefined ? [] : Number(refused))),
    answered: verdicts.flatMap(({ answered }) => (answered === undefined ? [] : Number(answered))),
  });
}
