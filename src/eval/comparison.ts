// Two evaluations on the same questions, compared question by question: what is common to a question takes no part in
// the difference.
import { DataError } from "../errors.js";
import type { PartRecord } from "./evaluation-record.js";
import { type Estimate, estimate, exactMcNemar } from "./statistics.js";

/** What a comparison of two evaluations came to; a positive difference speaks for the second. */
export interface PairedComparison {
  /** Questions that both have been asked; only these count. */
  readonly questions: number;
  /** pass@1 of each on them. */
  readonly first: Estimate;
  readonly second: Estimate;
  /** The mean difference of pass@1; its standard error is that of the paired differences. */
  readonly difference: Estimate;
  /** Questions whose most frequent answer is right in one of the two alone. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Exact two-sided p-value of McNemar's test on these. */
  readonly pValue: number;
}

/** Compares two evaluations of one suite. @throws DataError where they share no question, or a gold answer differs */
export function comparePaired(first: PartRecord, second: PartRecord): PairedComparison {
  const byId = new Map(second.questions.map((question) => [question.id, question]));
  const pairs = first.questions.flatMap((own) => {
    const other = byId.get(own.id);
    return other === undefined ? [] : [[own, other] as const];
  });
  if (pairs.length === 0)
    throw new DataError(`${first.title}: the evaluations have no question in common; evaluate both on the same data`);
  const changed = pairs.find(([own, other]) => own.gold !== other.gold);
  if (changed)
    throw new DataError(
      `${first.title}: question "${changed[0].id}" has the gold answer "${changed[0].gold}" in one evaluation and ` +
        `"${changed[1].gold}" in the other; evaluate both on the same data`,
    );
  const onlyFirst = pairs.filter(([own, other]) => own.consK === 1 && other.consK !== 1).length;
  const onlySecond = pairs.filter(([own, other]) => own.consK !== 1 && other.consK === 1).length;
  return {
    questions: pairs.length,
    first: estimate(pairs.map(([own]) => own.pass1)),
    second: estimate(pairs.map(([, other]) => other.pass1)),
    difference: estimate(pairs.map(([own, other]) => other.pass1 - own.pass1)),
    ...{ onlyFirst, onlySecond, pValue: exactMcNemar(onlyFirst, onlySecond) },
  };
}
