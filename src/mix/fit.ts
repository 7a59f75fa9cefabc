// Fits what a policy must learn, on problems of a task: the thresholds of a cascade, the router of a route. They are of
// the task's training split, so that evaluations hold out what was fitted on.
import { basename, dirname, join } from "node:path";
import { ConfigError } from "../errors.js";
import type { PromptStyle } from "../eval/problem-prompt.js";
import { hashString } from "../random.js";
import type { Problem, Task } from "../tasks/task.js";
import { Interrupted } from "../train/interrupted.js";
import { confidenceOf, holdStage } from "./cascade.js";
import { type CascadeCase, type CascadeFit, fitThresholds } from "./cascade-fit.js";
import { Course } from "./course.js";
import type { Member } from "./member.js";
import { mixFileOf, parseMix, readMix, writeMix } from "./mix-file.js";
import { type MixOpening, openMembers } from "./open-mix.js";
import { cascadeStages } from "./policy.js";
import type { PolicyOf } from "./policy-options.js";
import { problemQuestion } from "./rollout.js";
import { type RouterCase, type RouterFile, trainRouter, writeRouter } from "./router.js";
import type { Vote } from "./vote.js";

/** On what, and how, a policy is fitted. */
export interface FitOptions {
  readonly task: Task;
  /** Distinct problems. */
  readonly problems: number;
  /** Samples of each member for a problem, of which a router learns who is right. */
  readonly samples: number;
  /** The share of the last member's accuracy that a cascade keeps. */
  readonly keep: number;
  readonly seed: number;
  readonly maxNewTokens?: number;
  /** How problems are put; default: each member's own way. */
  readonly template?: PromptStyle;
  /** Problems that are answered at the same time; default 32. */
  readonly atOnce?: number;
  /** Told after some of them. */
  readonly onProblem?: (done: number, total: number) => void;
  /** Ends the fit, which then throws Interrupted. */
  readonly signal?: AbortSignal;
}

/** What was fitted. */
export type MixFit =
  | { readonly kind: "cascade"; readonly fit: CascadeFit }
  | { readonly kind: "route"; readonly router: Omit<RouterFile, "mean" | "scale" | "weights">; readonly file: string };

/**
 * Fits the policy of the mix at `path` and writes what it learnt into mix.json or beside it. Throws ConfigError for a
 * policy that has nothing to fit, and as `openMix`.
 */
export async function fitMix(path: string, options: FitOptions, opening: MixOpening = {}): Promise<MixFit> {
  const file = readMix(path);
  const { policy } = file;
  if (policy.kind !== "cascade" && policy.kind !== "route")
    throw new ConfigError(`${file.file}: policy ${policy.kind} has nothing to fit; only cascade and route have`);
  const opened = await openMembers(file, opening);
  try {
    return policy.kind === "cascade"
      ? await fitCascade(file.file, policy, opened.members, options)
      : await fitRoute(file.file, policy, opened.members, options);
  } finally {
    await opened.dispose();
  }
}

async function fitCascade(
  file: string,
  policy: PolicyOf<"cascade">,
  members: readonly Member[],
  options: FitOptions,
): Promise<MixFit> {
  if (members.length < 2) throw new ConfigError(`${file}: a cascade needs at least two members, the smallest first`);
  const last = members[members.length - 1];
  const stages = cascadeStages(file, policy, members);
  const choosers = [
    ...stages.map((choose) => ({ choose, samples: policy.samples })),
    { choose: () => last, samples: policy.lastSamples },
  ];
  const cases = await forEachProblem(options, async (problem): Promise<CascadeCase> => {
    const outcomes = choosers.map(async ({ choose, samples }) => {
      const course = courseOf(problem, options);
      const vote = (await holdStage(course, choose, samples)) as Vote; // each of these choosers chooses somebody
      const { answer } = vote.winner;
      const right = answer === null ? 0 : options.task.verify(problem, answer);
      const flops = course.tally.works.reduce((sum, work) => sum + work.flops, 0);
      return { ...confidenceOf(vote), right, flops };
    });
    return { stages: await Promise.all(outcomes) };
  });
  const { thresholds, fit } = fitThresholds(cases, options.keep);
  const whole = { task: options.task.name, problems: cases.length, keep: options.keep, ...fit };
  const given = parseMix(mixFileOf(file));
  writeMix(file, { ...given, policy: { ...policy, thresholds, fit: whole } });
  return { kind: "cascade", fit };
}

async function fitRoute(
  file: string,
  policy: PolicyOf<"route">,
  members: readonly Member[],
  options: FitOptions,
): Promise<MixFit> {
  const encoder = members.find(({ name }) => name === policy.encoder) ?? members[0];
  const cases = await forEachProblem(options, async (problem): Promise<RouterCase> => {
    const question = problemQuestion(options.task, problem, options.template);
    const state = await encoder.parts.engine.promptState(question.prompt(encoder).ids);
    const scores = await Promise.all(
      members.map(async (member) => {
        const course = courseOf(problem, options);
        const draws = Array.from({ length: options.samples }, (_, draw) => course.sample(member, draw));
        const answers = (await Promise.all(draws)).map(({ answer }) => answer);
        const rights = answers.map((answer): number => (answer === null ? 0 : options.task.verify(problem, answer)));
        return rights.reduce((sum, right) => sum + right, 0) / rights.length;
      }),
    );
    return { state, scores };
  });
  const names = { members: members.map(({ name }) => name), encoder: encoder.name, task: options.task.name };
  const { mean, scale, weights, ...told } = await trainRouter(cases, names);
  const name = policy.router ?? routerName(file);
  writeRouter(join(dirname(file), name), { mean, scale, weights, ...told });
  writeMix(file, { ...parseMix(file), policy: { ...policy, router: name, encoder: encoder.name } });
  return { kind: "route", router: told, file: join(dirname(file), name) };
}

const routerName = (file: string): string => basename(file).replace(/mix\.json$/, "router.json");

function courseOf(problem: Problem, { task, seed, maxNewTokens, template }: FitOptions): Course {
  const sampling = { seed: hashString(`${seed}/fit/${problem.id}`) };
  return new Course(problemQuestion(task, problem, template), { sampling, maxNewTokens, loop: false, events: false });
}

/** Results for distinct problems of the training split, so many at a time. */
async function forEachProblem<T>(
  { task, problems: wanted, seed, atOnce = 32, onProblem, signal }: FitOptions,
  body: (problem: Problem) => Promise<T>,
): Promise<T[]> {
  const problems = trainingProblems(task, seed, wanted);
  const results: T[] = [];
  while (results.length < problems.length) {
    if (signal?.aborted) throw new Interrupted();
    const part = problems.slice(results.length, results.length + atOnce);
    results.push(...(await Promise.all(part.map(body))));
    onProblem?.(results.length, problems.length);
  }
  return results;
}

const MAX_REPEATS = 1000;

function trainingProblems(task: Task, seed: number, wanted: number): Problem[] {
  const limit = task.numProblems?.train ?? Number.POSITIVE_INFINITY;
  const byId = new Map<string, Problem>();
  for (let index = 0, repeats = 0; byId.size < wanted && index < limit && repeats < MAX_REPEATS; index++, repeats++) {
    const problem = task.generate(seed, index, "train");
    if (byId.has(problem.id)) continue;
    byId.set(problem.id, problem);
    repeats = 0;
  }
  if (byId.size === 0) throw new ConfigError(`task ${task.name}: it has no training problems to fit on`);
  return [...byId.values()];
}
