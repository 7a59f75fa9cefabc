// What is asked in an evaluation: suites, whose data is found and whose gold answers are graded first, or one task.
// Opens no model.

import type { PlacedRow } from "../data/row.js";
import { readRows } from "../data/rows.js";
import { ConfigError, didYouMean } from "../errors.js";
import type { PartFacts } from "../eval/evaluation-record.js";
import type { EvaluationPart } from "../eval/evaluation-run.js";
import { PROTOCOLS } from "../eval/protocol.js";
import { isPulledDataset, resolveDataset } from "../hub/resolve-dataset.js";
import type { ModelFacts } from "../inference/opening/open-model.js";
import { completionsHost } from "../rl/memory-plan.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import { heldOutProblems, shortfall } from "../tasks/held-out.js";
import { suitesNamed } from "../tasks/suites/index.js";
import { type Suite, suiteTask } from "../tasks/suites/suite.js";
import type { Task } from "../tasks/task.js";
import { ownCommand, shellWord } from "../terminal/own-command.js";
import { refuseHostNeed } from "../train/host-memory.js";
import { dataFiles } from "./data-files.js";
import type { EvaluationRequest } from "./evaluation-request.js";
import { taskFor } from "./find-task.js";

/** A suite and the files of its data. */
export interface SuiteRequest {
  readonly name: string;
  readonly files: readonly string[];
  /** Whether they are a person's own, and not those of the suite's data set. */
  readonly isOwn: boolean;
}

/**
 * The suites of some names with their files: those given as `name=path`, else the pulled data set. Throws ConfigError
 * for an unknown suite, and for data that is not there, with the command that pulls it.
 */
export function requestSuites(names: readonly string[], given: readonly string[]): SuiteRequest[] {
  const suites = suitesNamed(names);
  const places = new Map(given.map((text) => placeIn(text, suites)));
  return suites.map((suite) => {
    const place = places.get(suite.name);
    const isOwn = place !== undefined;
    return { name: suite.name, files: isOwn ? dataFiles([place]) : pulledFiles(suite), isOwn };
  });
}

function placeIn(text: string, suites: readonly Suite[]): [name: string, path: string] {
  const [, name, path] = /^([\w-]+)=(.+)$/.exec(text) ?? [];
  const known = suites.map((suite) => suite.name);
  if (path !== undefined && known.includes(name)) return [name, path];
  throw new ConfigError(
    `--suite-data ${text}: expected NAME=file, where NAME is one of the suites asked for: ${known.join(", ")}` +
      (name === undefined ? "" : didYouMean(name, known)),
  );
}

function pulledFiles({ name, source: { repo, revision, part } }: Suite): string[] {
  const dataset = `${repo}@${revision}:${part}`;
  const files = isPulledDataset(dataset) ? resolveDataset(dataset) : undefined;
  if (files) return files;
  throw new ConfigError(
    `--suite ${name}: its data is not there; pull it with: ${ownCommand()} pull --dataset ${shellWord(dataset)}, or ` +
      `name a file with --suite-data ${name}=<file>`,
  );
}

/** A part, and what is said of it. */
export interface FoundPart {
  readonly part: EvaluationPart;
  readonly facts: Omit<PartFacts, "contamination">;
}

type Tell = (line: string) => void;

/**
 * The parts of the suites asked for; null where a task is. Throws DataError for a bad row or gold answer, naming the
 * row.
 */
export async function suiteParts(request: EvaluationRequest, tell: Tell): Promise<FoundPart[] | null> {
  if (!request.suites) return null;
  const found: FoundPart[] = [];
  for (const { name, files, isOwn } of request.suites) {
    const [suite] = suitesNamed([name]);
    const task = suiteTask(suite, await firstRows(files, suite.maxRows));
    await task.validate();
    found.push({ part: partOf(task, suite.samples, request, tell), facts: factsOf(suite, files, isOwn) });
  }
  return found;
}

/** The part that is one task: the model's own, or the one asked for. */
export async function taskPart(
  request: EvaluationRequest,
  opened: Pick<ModelFacts, "generation">,
  tell: Tell,
): Promise<FoundPart> {
  const task = await taskOf(request, opened);
  const { problems, protocol } = request;
  const held = task.numProblems?.heldout;
  const count = problems === "all" ? (held ?? 1) : Math.min(problems, held ?? problems);
  const numSamples = protocol ? PROTOCOLS[protocol].samplesPerProblem : SAMPLES_PER_PROBLEM;
  const mend = "lower --problems or --samples";
  const numAll = count * (request.samplesPerProblem ?? numSamples);
  refuseHostNeed(completionsHost("the evaluation", numAll, request.maxNewTokens ?? 1, mend));
  const source = request.data ? { files: fileRecords(request.data) } : null;
  const { grader = "marked math" } = request.taskOptions as { grader?: string };
  const facts = { title: task.name, grader: request.data ? grader : task.name, source };
  return { part: partOf(task, numSamples, request, tell), facts };
}

/** Samples of a task's problem where nothing says how many. */
const SAMPLES_PER_PROBLEM = 16;

async function taskOf(request: EvaluationRequest, opened: Pick<ModelFacts, "generation">): Promise<Task> {
  const { taskOptions, environmentOptions: environment } = request;
  const { task } = await taskFor({ ...request, options: { task: taskOptions, environment } }, opened);
  const { maxTurns, timeoutSeconds, options } = environment;
  const isSet = maxTurns !== null || timeoutSeconds !== null || Object.keys(options).length > 0;
  if (isSet && !task.environment)
    throw new ConfigError("environment has no effect: the evaluation has no --environment; leave it out");
  return task;
}

/** The rows of files, at most so many. */
async function firstRows(files: readonly string[], maxRows = Number.POSITIVE_INFINITY): Promise<PlacedRow[]> {
  const rows: PlacedRow[] = [];
  for await (const row of readRows(files)) {
    rows.push(row);
    if (rows.length >= maxRows) break;
  }
  return rows;
}

/** A task's problems as a part, with `samples` of each unless others are asked for. */
function partOf(task: Task, samples: number, request: EvaluationRequest, tell: Tell): EvaluationPart {
  const { problems: count, samplesPerProblem, seed } = request;
  const problems = heldOutProblems(task, seed, count);
  const notice = shortfall(task, count, problems.length);
  if (notice) tell(`note: ${notice}`);
  return { name: task.name, task, problems, samplesPerProblem: samplesPerProblem ?? samples };
}

function factsOf({ title, grader, source }: Suite, files: readonly string[], isOwn: boolean): FoundPart["facts"] {
  const { repo, revision, licence } = source;
  const published = isOwn ? {} : { repo, revision, licence };
  return { title, grader: grader.name, source: { ...published, files: fileRecords(files) } };
}

/** Files with their fingerprints. */
const fileRecords = (files: readonly string[]) =>
  Object.entries(fingerprintsOf(files)).map(([path, sha256]) => ({ path, sha256 }));
