// Which sampled answers are learnt from: right, whole and readable ones, each once; and how many of all these were. One
// filter for rejection sampling and for distillation. Knows no model.
import { z } from "zod";
import type { Trajectory } from "../eval/trajectory.js";
import { formatNumber, formatPercent } from "../number-text.js";
import { type ParsedResponse, parseResponse, THINK_CLOSE, THINK_OPEN } from "../tasks/response.js";
import type { Task } from "../tasks/task.js";
import { languageShares } from "../tasks/thoughts/languages.js";

/** The options, as zod checks them. */
export const answerRulesSchema = z.strictObject({
  /** Keep only right answers. Answers to problems without a verifier all count as right. */
  right: z.boolean().default(true),
  /** Keep only answers in the whole form: ended by the model itself, a thought and its answer each in their tags. */
  form: z.boolean().default(true),
  /** Language that thoughts must be in: `english` words or the `symbols` of formulas; null keeps any. */
  language: z.enum(["english", "symbols"]).nullable().default(null),
  /** Smallest share of a thought's words and signs that must be in that language. */
  minLanguage: z.number().min(0).max(1).default(1),
  /** Maximum number of different answers to keep of one problem. */
  keptPerProblem: z.int().min(1).default(4),
});

/** What an answer must be to be learnt from. */
export type AnswerRules = z.output<typeof answerRulesSchema>;

/** Answers counted: each count is of those that the count before it holds. */
export interface AnswerCounts {
  sampled: number;
  right: number;
  /** In the whole form. */
  whole: number;
  /** With a thought in the language. */
  readable: number;
  /** Different ones, no more of a problem than are wanted, and none too long for who learns from them. */
  kept: number;
}

/** No answers yet. */
export const noAnswers = (): AnswerCounts => ({ sampled: 0, right: 0, whole: 0, readable: 0, kept: 0 });

/** Adds counts to others. */
export function addAnswers(to: AnswerCounts, more: AnswerCounts): void {
  for (const key of Object.keys(more) as (keyof AnswerCounts)[]) to[key] += more[key];
}

/** The rules, whose problems they are for, and how an answer is mended before its form and language are looked at. */
export interface AnswerFilter {
  readonly task: Task;
  readonly rules: AnswerRules;
  /** The answer to learn in place of a right one; null where it cannot be mended. Default: as it was sampled. */
  rewrite?(trajectory: Trajectory): string | null;
}

/** An answer that is learnt, and what it was made of. */
export interface KeptAnswer {
  readonly trajectory: Trajectory;
  readonly completion: string;
}

/** What is kept of the answers to one problem, in their order, and the counts. */
export function filterAnswers(
  trajectories: readonly Trajectory[],
  filter: AnswerFilter,
): { readonly kept: readonly KeptAnswer[]; readonly counts: AnswerCounts } {
  const { rules } = filter;
  const right = rules.right ? trajectories.filter((each) => isRight(filter.task, each)) : trajectories;
  const whole = right.map((each) => candidateOf(filter, each)).filter((each) => each !== null);
  const readable = whole.filter(({ response }) => isReadable(response.think ?? "", rules));
  const isFirst = ({ completion }: Candidate, i: number) =>
    readable.findIndex((other) => other.completion === completion) === i;
  const kept = readable.filter(isFirst).slice(0, rules.keptPerProblem);
  const counts: AnswerCounts = {
    sampled: trajectories.length,
    right: right.length,
    whole: whole.length,
    readable: readable.length,
    kept: kept.length,
  };
  return { kept, counts };
}

interface Candidate extends KeptAnswer {
  readonly response: ParsedResponse;
}

const hasVerifier = (task: Task, { problem }: Trajectory): boolean => task.hasVerifier?.(problem) ?? true;

const isRight = (task: Task, trajectory: Trajectory): boolean => {
  const { problem, response } = trajectory;
  return !hasVerifier(task, trajectory) || (response.answer !== null && task.verify(problem, response.answer) === 1);
};

/** The answer as it would be learnt; null where its form is to be whole and is not. */
function candidateOf({ task, rules, rewrite }: AnswerFilter, trajectory: Trajectory): Candidate | null {
  if (rewrite) {
    const completion = rewrite(trajectory);
    return completion === null ? null : { trajectory, completion, response: parseResponse(completion) };
  }
  const { completion, response } = trajectory;
  const isKept = !rules.form || isWhole(trajectory, hasVerifier(task, trajectory));
  return isKept ? { trajectory, completion, response } : null;
}

/**
 * Besides what is well formed: a reply of a model that does not think aloud, with an answer to grade; and where nothing
 * is graded, a closed thought or none, with something said after it.
 */
function isWhole({ finishReason, response }: Trajectory, isGraded: boolean): boolean {
  const { wellFormed, tags, reply, answer } = response;
  if (finishReason !== "stop" || wellFormed) return wellFormed && finishReason === "stop";
  const isClosed = tags.join("") === THINK_OPEN + THINK_CLOSE;
  return isGraded ? tags.length === 0 && answer !== null : (tags.length === 0 || isClosed) && reply.trim() !== "";
}

/** Whether a thought has words of the language, and so large a share of them. */
function isReadable(thought: string, { language, minLanguage }: AnswerRules): boolean {
  if (language === null) return true;
  const share = languageShares(thought)[language];
  return share > 0 && share >= minLanguage;
}

/**
 * The rates in one line: `12 of 512 answers kept (right 9.4%, of those whole 62.5%, of those readable 50.0%): countdown
 * 3 of 128, word-problems 9 of 384`.
 */
export function answerRates(total: AnswerCounts, groups: Readonly<Record<string, AnswerCounts>>): string {
  const share = (part: number, of: number) => formatPercent(of === 0 ? 0 : part / of);
  const { sampled, right, whole, readable, kept } = total;
  const each = Object.entries(groups).map(
    ([name, of]) => `${name} ${formatNumber(of.kept)} of ${formatNumber(of.sampled)}`,
  );
  return (
    `${formatNumber(kept)} of ${formatNumber(sampled)} answers kept (right ${share(right, sampled)}, of those whole ` +
    `${share(whole, right)}, of those readable ${share(readable, whole)}): ${each.join(", ")}`
  );
}
