// Two evaluations on the same questions: how much better one is, and how sure that is. Knows records, no files.
import { ConfigError } from "../errors.js";
import { bootstrapInterval, type Estimate, estimate, exactMcNemar, type Interval } from "../statistics.js";
import type { EvaluationRecord, PartRecord, QuestionRecord } from "./evaluation-record.js";

/** One suite or task of two evaluations. Differences are those of the second from the first, question by question. */
export interface PartComparison {
  readonly task: string;
  readonly title: string;
  /** Questions that both evaluations hold. */
  readonly questions: number;
  /** Questions that only one of them holds; they do not count. */
  readonly unpaired: number;
  readonly pass1: PairedDifference;
  readonly consK: PairedDifference;
  /** New tokens of a sample: those of the second less those of the first. */
  readonly tokens: Estimate;
  /** Of the majority's answer, right or wrong. */
  readonly mcNemar: McNemar;
}

/** Means of both over the shared questions, and the mean of the differences with its error and bootstrap interval. */
export interface PairedDifference {
  readonly first: number;
  readonly second: number;
  readonly difference: Estimate;
  /** 95%, by the bootstrap over questions. */
  readonly interval: Interval;
}

/** McNemar's test, exact. */
export interface McNemar {
  readonly bothRight: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly bothWrong: number;
  /** Two-sided; how likely so uneven a split is where both are equally good. */
  readonly pValue: number;
}

/** Compares the suites and tasks that both evaluations hold. Throws ConfigError where they share none. */
export function compareEvaluations(first: EvaluationRecord, second: EvaluationRecord): PartComparison[] {
  const comparisons = first.evaluations.flatMap((a) => {
    const b = second.evaluations.find(({ task }) => task === a.task);
    return b ? [compareParts(a, b)] : [];
  });
  if (comparisons.length > 0) return comparisons;
  const [one, other] = [first, second].map(({ evaluations }) => evaluations.map(({ task }) => task).join(", "));
  throw new ConfigError(`the evaluations share no suite or task: one has ${one}, the other ${other}`);
}

function compareParts(a: PartRecord, b: PartRecord): PartComparison {
  const byKey = new Map(b.questions.map((question) => [keyOf(question), question]));
  const pairs = a.questions.flatMap((question) => {
    const other = byKey.get(keyOf(question));
    return other ? [[question, other] as const] : [];
  });
  if (pairs.length === 0)
    throw new ConfigError(
      `${a.task}: the evaluations share no question; evaluate both with the same --problems and --seed`,
    );
  const by = (value: (question: QuestionRecord) => number) => pairs.map(([x, y]) => [value(x), value(y)] as const);
  return {
    task: a.task,
    title: a.title,
    questions: pairs.length,
    unpaired: a.questions.length + b.questions.length - 2 * pairs.length,
    pass1: difference(by(({ pass1 }) => pass1)),
    consK: difference(by(({ consK }) => consK)),
    tokens: estimate(by(tokensOf).map(([x, y]) => y - x)),
    mcNemar: mcNemar(by(({ consK }) => consK)),
  };
}

/** Questions are the same when their words and their gold answers are. */
const keyOf = ({ id, question, gold }: QuestionRecord): string => JSON.stringify([id, question, gold]);

const tokensOf = ({ samples }: QuestionRecord): number =>
  samples.reduce((sum, { numTokens }) => sum + numTokens, 0) / samples.length;

type Pairs = readonly (readonly [first: number, second: number])[];

function difference(pairs: Pairs): PairedDifference {
  const differences = pairs.map(([x, y]) => y - x);
  const meanOf = (side: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[side], 0) / pairs.length;
  return {
    first: meanOf(0),
    second: meanOf(1),
    difference: estimate(differences),
    interval: bootstrapInterval(differences),
  };
}

function mcNemar(pairs: Pairs): McNemar {
  const count = (x: boolean, y: boolean) => pairs.filter(([a, b]) => (a === 1) === x && (b === 1) === y).length;
  const [onlyFirst, onlySecond] = [count(true, false), count(false, true)];
  return {
    bothRight: count(true, true),
    onlyFirst,
    onlySecond,
    bothWrong: count(false, false),
    pValue: exactMcNemar(onlyFirst, onlySecond),
  };
}
