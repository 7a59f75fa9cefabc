// Measures a mix on held-out problems: accuracy, tokens, FLOPs and time of an answer. Each is kept in a file,
// so that a run that goes on measures nothing twice.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory, writeFileAtomically } from "../../src/atomic-file.js";
import type { Trajectory } from "../../src/eval/trajectory.js";
import type { MemberWork } from "../../src/inference/runtime/request.js";
import { openMix } from "../../src/mix/open-mix.js";
import { mixRollout } from "../../src/mix/rollout.js";
import { totalWork } from "../../src/mix/tally.js";
import { estimate, mean } from "../../src/statistics.js";
import { heldOutProblems } from "../../src/tasks/held-out.js";
import { taskNameOf } from "../../src/tasks/mix.js";
import type { RunContext } from "../../src/train/run-context.js";
import { comparedTask, MIX_FILES, type MixName } from "./mixes.js";
import { type MixRecipeOptions, openingOf } from "./options.js";

/** What a mix came to. */
export interface Measurement {
  readonly name: MixName;
  /** Mean accuracy of an answer, and its standard error over problems. */
  readonly pass1: number;
  readonly stderr: number | null;
  /** Accuracy on each task. */
  readonly byTask: Readonly<Record<string, number>>;
  /** New tokens of all members for one answer. */
  readonly tokensPerAnswer: number;
  readonly flopsPerAnswer: number;
  readonly answers: number;
  readonly seconds: number;
  readonly members: readonly MemberWork[];
  /** Mean accuracy on each problem, in the order of the problems, which is the same for all mixes. */
  readonly scores: readonly number[];
}

/** Measures a mix of the run, or reads what was measured. Throws Interrupted when the signal fires. */
export async function measure(
  name: MixName,
  options: MixRecipeOptions,
  seed: number,
  { path, signal, progress }: RunContext,
): Promise<Measurement> {
  const file = join(path, "measurements", `${name}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8"));
  progress.note(`measuring ${MIX_FILES[name]}`);
  const measured = await sample(name, join(path, MIX_FILES[name]), options, seed, signal);
  makeDirectory(join(path, "measurements"));
  writeFileAtomically(file, `${JSON.stringify(measured)}\n`);
  return measured;
}

async function sample(
  name: MixName,
  file: string,
  options: MixRecipeOptions,
  seed: number,
  signal: AbortSignal,
): Promise<Measurement> {
  const { maxSequences, evaluation, rl } = options;
  const { problems: count, samplesPerProblem: numGenerations } = options.measure;
  const task = comparedTask(options, seed);
  const problems = heldOutProblems(task, seed, count);
  const { mix, dispose } = await openMix(file, openingOf(options));
  const works: (readonly MemberWork[])[] = [];
  let trajectories: Trajectory[];
  const startedMs = performance.now();
  try {
    trajectories = await mixRollout(mix, task, problems, {
      ...{ numGenerations, maxSequences, seed, signal, maxNewTokens: rl.maxCompletionLength },
      ...{ temperature: evaluation.temperature, topP: evaluation.topP, onWork: (work) => works.push(work) },
    });
  } finally {
    await dispose();
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const right = trajectories.map(({ problem, response: { answer } }) =>
    answer === null ? 0 : task.verify(problem, answer),
  );
  const scores = problems.map((_, i) => mean(right.slice(i * numGenerations, (i + 1) * numGenerations)));
  const { value: pass1, stderr } = estimate(scores);
  const members = totalWork(works);
  const perAnswer = (key: "tokens" | "flops") => members.reduce((sum, work) => sum + work[key], 0) / works.length;
  const tasks = [...new Set(problems.map(taskNameOf))].sort();
  const ofTask = (own: string) => mean(scores.filter((_, i) => taskNameOf(problems[i]) === own));
  return {
    ...{ name, pass1, stderr, scores, members, seconds, answers: works.length },
    byTask: Object.fromEntries(tasks.map((own) => [own, ofTask(own)])),
    ...{ tokensPerAnswer: perAnswer("tokens"), flopsPerAnswer: perAnswer("flops") },
  };
}
