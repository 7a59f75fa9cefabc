// What a suite is: where its questions come from, what a row of them means, and who grades the answers. Its task is a
// task like any other, with all problems held out. Knows no file.
import type { PlacedRow } from "../../data/row.js";
import { type Grader, type ListedProblem, listedTask } from "../listed-task.js";
import type { Problem, Task } from "../task.js";

/** Where the data of a suite is pulled from. */
export interface SuiteSource {
  /** The data set on the hub. */
  readonly repo: string;
  /** The commit that the columns were written down from. */
  readonly revision: string;
  /** The split, configuration/split or file of it. */
  readonly part: string;
  readonly licence: string;
}

/** A benchmark. */
export interface Suite {
  readonly name: string;
  /** As papers call it. */
  readonly title: string;
  readonly source: SuiteSource;
  readonly grader: Grader;
  /** Samples for each question under the protocol `r1`: more where there are few questions. */
  readonly samples: number;
  /** Rows that count, where the data set has more than a benchmark needs. Default: all. */
  readonly maxRows?: number;
  /** The problem that a row holds. Throws DataError naming the row, and the columns it has where one is missing. */
  read(placed: PlacedRow): SuiteProblem;
}

/** A problem as a suite reads it from a row. */
export interface SuiteProblem {
  /** Its name in the data set; default: the question. */
  readonly id?: string;
  readonly question: string;
  /** "" where the data set has none. */
  readonly answer: string;
  readonly difficulty?: number;
  readonly meta?: Problem["meta"];
}

/** The task of a suite, whose problems come in the order of the rows. Throws DataError for a bad row, naming it. */
export function suiteTask(suite: Suite, rows: readonly PlacedRow[]): Task<Problem> {
  const listed = rows.map((placed): ListedProblem => {
    const { id, question, answer, difficulty = 0, meta } = suite.read(placed);
    return { id: id ?? question, question, answer, difficulty, meta, fields: placed.row, source: placed.where };
  });
  return listedTask(listed, { name: suite.name, grader: suite.grader, heldOutFraction: 1, isShuffled: false });
}
