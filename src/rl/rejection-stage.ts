// Rejection sampling as a stage of a run: several answers to each problem, of which those that pass the filter are kept
// as rows in a file of the run. Knows neither who answers nor what the rows are for.
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeDirectory, writeFileAtomically } from "../atomic-file.js";
import { TrainingError } from "../errors.js";
import { prompterOf } from "../eval/problem-prompt.js";
import { type Policy, rollout } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { hashString } from "../random.js";
import { JsonLinesWriter, readJsonLines } from "../run/json-lines.js";
import { opensThought, THINK_OPEN } from "../tasks/response.js";
import type { Problem, Task } from "../tasks/task.js";
import type { StageState } from "../train/saved-state.js";
import type { TrainingSession } from "../train/session.js";
import type { Stage } from "../train/stage.js";
import {
  type AnswerCounts,
  type AnswerFilter,
  addAnswers,
  answerRates,
  filterAnswers,
  noAnswers,
} from "./answer-filter.js";

/** Who answers while a stage lasts. */
export interface Answerers {
  /** Who answers a problem. */
  policyOf(problem: Problem): Policy;
  /** Frees what was opened for the stage. */
  close(): void;
}

/** Who learns from the rows. They are put in its prompts, and those that are too long for it are not kept. */
export interface Learner extends Pick<Policy, "tokenizer" | "template"> {
  /** Tokens of prompt and completion together, the end token included. */
  readonly maxTokens: number;
}

/** What is sampled, and what of it is kept. */
export interface RejectionSampling extends Omit<AnswerFilter, "task"> {
  /** Opens those who answer, when the stage begins. */
  answerers(): Promise<Answerers>;
  readonly task: Task;
  /** Training problems. */
  readonly problems: number;
  readonly samplesPerProblem: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly maxNewTokens: number;
  /** Answers sampled at the same time. */
  readonly maxSequences: number;
  /** The group in whose rates a problem is counted. */
  groupOf(problem: Problem): string;
  /** Who learns from the rows; default: whoever answered, to the same prompts. */
  readonly learner?: Learner;
  /** What to change where nothing is kept. */
  readonly mend: string;
}

/** What sampling came to, in all and by group. It has no steps. */
export interface RejectionState extends StageState {
  total: AnswerCounts;
  groups: Record<string, AnswerCounts>;
}

/** A stage of rejection sampling. */
export interface RejectionStage extends Stage {
  readonly state: RejectionState;
}

/** The file of a run that holds what a stage kept: rows with prompt and completion. */
export const keptRowsPath = (runPath: string, stage: string): string => join(runPath, "stages", `${stage}.jsonl`);

/** Writes the rows that a stage keeps to its file, and gives the path. */
export function writeKeptRows(runPath: string, stage: string, rows: readonly object[]): string {
  const path = keptRowsPath(runPath, stage);
  makeDirectory(dirname(path));
  writeFileAtomically(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** A row that is kept. */
interface KeptRow {
  readonly prompt: string;
  readonly completion: string;
  readonly group: string;
}

/** What came of problems that were sampled together. */
interface SampledPart {
  /** What the problems are, so that those of other data do not count. */
  readonly key: number;
  readonly groups: Record<string, AnswerCounts>;
  readonly rows: readonly KeptRow[];
}

/**
 * Samples, and writes the rows that are kept to the run's own file. A run that goes on samples only what it had not
 * sampled before. Throws TrainingError with the rates where nothing is kept.
 */
export function rejectionStage(name: string, sampling: RejectionSampling): RejectionStage {
  const state: RejectionState = { step: 0, total: noAnswers(), groups: {} };
  return {
    name,
    state,
    async run(session) {
      Object.assign(state, { total: noAnswers(), groups: {} });
      const { run, progress } = session.parts;
      makeDirectory(join(run.path, "stages"));
      const parts = await sampleParts(session, name, sampling, state);
      const rows = parts.flatMap((part) => part.rows);
      const rates = answerRates(state.total, state.groups);
      if (rows.length === 0) throw new TrainingError(`${name}: ${rates}; nothing to learn from: ${sampling.mend}`);
      writeKeptRows(run.path, name, rows);
      progress.note(`${name}: ${rates}`);
      progress.endStage();
    },
  };
}

/** Samples part by part, each kept in a file as soon as it is there. */
async function sampleParts(
  session: TrainingSession,
  name: string,
  sampling: RejectionSampling,
  state: RejectionState,
): Promise<SampledPart[]> {
  const { seed, run, progress } = session.parts;
  // Problems and samples of its own: not those that reinforcement sees.
  const ownSeed = hashString(`${seed} ${name}`);
  const path = join(run.path, "stages", `${name}.parts.jsonl`);
  const parts: SampledPart[] = [];
  const take = (part: SampledPart, numDone: number) => {
    parts.push(part);
    countPart(state, part);
    progress.update(numDone, { kept: state.total.kept });
  };
  progress.stage(name, sampling.problems);
  const problems = partsOf(sampling, ownSeed);
  const done = samplesBefore(path, problems);
  done.forEach((part, i) => {
    take(part, problems[i].from + problems[i].list.length);
  });
  const rest = problems.slice(done.length);
  if (rest.length === 0) return parts;
  const file = JsonLinesWriter.open(path);
  try {
    const answerers = await sampling.answerers();
    try {
      for (const each of rest) {
        const part = await samplePart(session, sampling, answerers, each, ownSeed);
        file.append(part);
        take(part, each.from + each.list.length);
      }
    } finally {
      answerers.close();
    }
  } finally {
    file.close();
    session.parts.model.device.trim(); // the next stage's tensors have other sizes
  }
  return parts;
}

/** Problems that are sampled together, between two looks at whether to stop. */
interface PlannedPart {
  readonly from: number;
  readonly list: readonly Problem[];
  readonly key: number;
}

/** As many that the engine is seldom short of answers to sample. */
function partsOf({ task, problems: count, samplesPerProblem, maxSequences }: RejectionSampling, seed: number) {
  const size = Math.max(1, Math.floor((2 * maxSequences) / samplesPerProblem));
  return Array.from({ length: Math.ceil(count / size) }, (_, part): PlannedPart => {
    const from = part * size;
    const list = Array.from({ length: Math.min(size, count - from) }, (_, i) => task.generate(seed, from + i, "train"));
    return { from, list, key: hashString(list.map(({ id }) => id).join("\n")) };
  });
}

/** The parts that were sampled before the run was stopped; those of other problems are removed. */
function samplesBefore(path: string, planned: readonly PlannedPart[]): SampledPart[] {
  if (!existsSync(path)) return [];
  JsonLinesWriter.open(path).close(); // drops a line that was not written to its end
  const parts = readJsonLines<SampledPart>(path);
  const isSame = parts.every(({ key }, i) => planned[i]?.key === key);
  if (!isSame) rmSync(path);
  return isSame ? parts : [];
}

async function samplePart(
  { parts: { signal } }: TrainingSession,
  sampling: RejectionSampling,
  answerers: Answerers,
  { from, list }: PlannedPart,
  seed: number,
): Promise<SampledPart> {
  const { task, samplesPerProblem, temperature, topP, maxNewTokens, maxSequences, groupOf } = sampling;
  const options = { numGenerations: samplesPerProblem, maxNewTokens, temperature, topP, maxSequences, signal, seed };
  const part = { groups: {} as SampledPart["groups"], rows: [] as KeptRow[] };
  for (const [policy, places] of byPolicy(list, answerers)) {
    const problems = places.map((place) => list[place]);
    // Of several who answer, each draws from the place of its first problem on.
    const trajectories = await rollout(policy, task, problems, { ...options, firstProblem: from + places[0] });
    problems.forEach((problem, i) => {
      const own = trajectories.slice(i * samplesPerProblem, (i + 1) * samplesPerProblem);
      const { kept, counts } = filterAnswers(own, sampling);
      const rows = kept.flatMap((each) => rowOf(sampling, each.trajectory, each.completion) ?? []);
      const group = groupOf(problem);
      addAnswers((part.groups[group] ??= noAnswers()), { ...counts, kept: rows.length });
      part.rows.push(...rows.map((row) => ({ ...row, group })));
    });
  }
  return { key: hashString(list.map(({ id }) => id).join("\n")), ...part };
}

/** The places of the problems that each of those who answer gets. */
function byPolicy(problems: readonly Problem[], answerers: Answerers): Map<Policy, number[]> {
  const places = new Map<Policy, number[]>();
  problems.forEach((problem, place) => {
    const policy = answerers.policyOf(problem);
    places.set(policy, [...(places.get(policy) ?? []), place]);
  });
  return places;
}

/**
 * The answer as one to the learner's prompt, null where it is too long for it. The tag that opens the thought stands in
 * one of the two, once.
 */
function rowOf({ task, learner }: RejectionSampling, { problem, prompt }: Trajectory, completion: string) {
  if (!learner) return { prompt, completion };
  const asked = prompterOf(learner)(task, problem);
  const answer = opensThought(prompt) ? THINK_OPEN + completion : completion;
  const own = asked.startsInside && answer.startsWith(THINK_OPEN) ? answer.slice(THINK_OPEN.length) : answer;
  const numTokens = asked.ids.length + learner.tokenizer.encode(own).length + 1;
  return numTokens <= learner.maxTokens ? { prompt: asked.text, completion: own } : null;
}

function countPart(state: RejectionState, { groups }: SampledPart): void {
  for (const [name, counts] of Object.entries(groups)) {
    addAnswers((state.groups[name] ??= noAnswers()), counts);
    addAnswers(state.total, counts);
  }
}
