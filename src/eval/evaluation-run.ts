// An evaluation of one or several tasks on one engine, each sample kept as soon as it is graded, so that one that was
// cut short goes on where it stopped. Knows not where the samples are kept.
import { DataError } from "../errors.js";
import { gradeAnswers } from "../tasks/grade-answers.js";
import type { Grade, Problem, Task } from "../tasks/task.js";
import { answerWithin, type BudgetAnswer } from "./budget-forcing.js";
import type { GradedResponse, ProblemSamples } from "./evaluate.js";
import { type ProblemPrompt, prompterOf } from "./problem-prompt.js";
import { type PlayOptions, type Policy, playEach } from "./rollout.js";
import { responseOf, type Trajectory } from "./trajectory.js";

/** A task with the problems that are asked of it. */
export interface EvaluationPart {
  /** Its name among the parts. */
  readonly name: string;
  readonly task: Task;
  readonly problems: readonly Problem[];
  readonly samplesPerProblem: number;
}

/** An answer within a budget of thinking tokens, with its grade. */
export interface GradedBudgetAnswer extends BudgetAnswer, Grade {}

/** One graded sample, as kept. */
export interface KeptSample extends GradedResponse {
  readonly part: string;
  /** Which problem of the part: 0, 1, … */
  readonly index: number;
  /** Its id. */
  readonly problem: string;
  /** Which sample of the problem: 0, 1, … */
  readonly sample: number;
  /** What it would have answered with less thought, where budgets were asked for. */
  readonly budgets?: readonly GradedBudgetAnswer[];
}

/** A sample that is missing. */
export interface MissingSample {
  readonly task: Task;
  readonly problem: Problem;
  readonly seed: string;
  readonly place: Pick<KeptSample, "part" | "index" | "problem" | "sample">;
}

/** A trajectory, and what the model would have answered with less thought. */
export type TakeSample = (
  missing: MissingSample,
  trajectory: Trajectory,
  within?: readonly BudgetAnswer[],
) => Promise<void>;

/** Who is asked: takes all samples that are missing, each handed over as it ends. Throws Interrupted. */
export type Sampler = (missing: readonly MissingSample[], take: TakeSample) => Promise<void>;

/** The samples of a part, problem by problem, in order. */
export type PartSamples = readonly ProblemSamples<KeptSample>[];

/** What is there already, and who hears of the rest. */
export interface EvaluationRunOptions {
  /** Samples of before. */
  readonly done: readonly KeptSample[];
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Receives every new sample as it is graded, in whatever order they end. */
  readonly onSample: (kept: KeptSample, trajectory: Trajectory) => void;
}

/**
 * The samples of all parts, those of before included: the same as of an evaluation in one go. Throws Interrupted when
 * the signal fires.
 */
export async function runEvaluation(
  sampler: Sampler,
  parts: readonly EvaluationPart[],
  { done, seed, signal, onSample }: EvaluationRunOptions,
): Promise<PartSamples[]> {
  const kept = new Map(done.map((each) => [placeOf(each), each]));
  for (const part of parts) refuseOthers(part, done);
  const missing = allSamples(parts, seed).filter(({ place }) => !kept.has(placeOf(place)));
  const take: TakeSample = async ({ task, problem, place }, trajectory, within) => {
    const response = responseOf(trajectory);
    const answers = [response, ...(within ?? [])].map(({ answer }) => ({ problem, answer }));
    const [grade, ...grades] = await gradeAnswers(task, answers);
    if (signal?.aborted) return; // what was cut short does not count
    const budgets = within?.map((each, i) => ({ ...each, ...grades[i] }));
    const each: KeptSample = { ...place, ...response, ...grade, ...(budgets && { budgets }) };
    kept.set(placeOf(place), each);
    onSample(each, trajectory);
  };
  if (missing.length > 0) await sampler(missing, take);
  return parts.map(({ name, problems, samplesPerProblem }) =>
    problems.map((problem, index) => ({
      problem,
      responses: Array.from(
        { length: samplesPerProblem },
        (_, sample) => kept.get(placeOf({ part: name, index, sample })) as KeptSample,
      ),
    })),
  );
}

/** Tokens of an answer behind a forced end of the thought. */
const ANSWER_TOKENS = 1024;

/** Asks a model. `budgets`: tokens of thought within which each sample is to answer as well. */
export function policySampler(policy: Policy, options: PlayOptions, budgets: readonly number[] = []): Sampler {
  const prompter = prompterOf(policy);
  const { maxNewTokens } = options;
  const plan = { budgets, answerTokens: ANSWER_TOKENS, maxNewTokens, tokenizer: policy.tokenizer };
  return async (missing, take) => {
    const prompts = new Map(missing.map(({ task, problem }) => [problem, prompter(task, problem)]));
    const starts = missing.map((each) => ({ ...each, prompt: prompts.get(each.problem) as ProblemPrompt }));
    const playing = { ...options, areContinued: budgets.length > 0 };
    await playEach(policy, starts, playing, async (trajectory, index, sample) => {
      const within = budgets.length > 0 ? await answerWithin(plan, starts[index], trajectory, sample) : undefined;
      await take(missing[index], trajectory, within);
    });
  };
}

const placeOf = ({ part, index, sample }: Pick<KeptSample, "part" | "index" | "sample">): string =>
  `${part}/${index}/${sample}`;

/** Samples in the order of an evaluation: part by part, problem by problem. */
export function inOrder(samples: readonly KeptSample[], parts: readonly Pick<EvaluationPart, "name">[]): KeptSample[] {
  const rank = new Map(parts.map(({ name }, i) => [name, i]));
  const rankOf = ({ part }: KeptSample) => rank.get(part) ?? 0;
  return [...samples].sort((a, b) => rankOf(a) - rankOf(b) || a.index - b.index || a.sample - b.sample);
}

/** All samples of all parts. The n-th problem of a part draws from the seeds (seed, n, sample), whatever the others. */
const allSamples = (parts: readonly EvaluationPart[], seed: number): MissingSample[] =>
  parts.flatMap(({ name, task, problems, samplesPerProblem }) =>
    problems.flatMap((problem, index) =>
      Array.from({ length: samplesPerProblem }, (_, sample) => ({
        task,
        problem,
        seed: `${seed}/${index}/${sample}`,
        place: { part: name, index, problem: problem.id, sample },
      })),
    ),
  );

/** Kept samples count only for the problem they were made for. */
function refuseOthers({ name, problems }: EvaluationPart, done: readonly KeptSample[]): void {
  const other = done.find(({ part, index, problem }) => part === name && problems[index]?.id !== problem);
  if (!other) return;
  throw new DataError(
    `problem ${other.index} of ${name} was "${other.problem}" when it was sampled and is ` +
      `"${problems[other.index]?.id ?? "none"}" now: the task or the data has changed; start a new ` +
      "evaluation with another --out",
  );
}
