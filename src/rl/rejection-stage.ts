// Rejection sampling as a stage of a run: several answers to each problem, of which only the right ones that are fit to
// learn from are kept, as rows in a file of the run. Knows no task, and not what the rows are for.
import { join } from "node:path";
import { makeDirectory, writeFileAtomically } from "../atomic-file.js";
import { TrainingError } from "../errors.js";
import { type Policy, rollout } from "../eval/rollout.js";
import type { Trajectory } from "../eval/trajectory.js";
import { formatNumber, formatPercent } from "../number-text.js";
import { hashString } from "../random.js";
import type { Problem, Task } from "../tasks/task.js";
import type { StageState } from "../train/saved-state.js";
import type { TrainingSession } from "../train/session.js";
import type { Stage } from "../train/stage.js";

/** What is sampled, and what of it is kept. */
export interface RejectionSampling {
  readonly policy: Policy;
  readonly task: Task;
  /** Training problems. */
  readonly problems: number;
  readonly samplesPerProblem: number;
  /** Right and fit answers that are kept of one problem. */
  readonly keptPerProblem: number;
  readonly temperature: number;
  readonly maxNewTokens: number;
  /** Answers sampled at the same time. */
  readonly maxSequences: number;
  /** The group in whose rates a problem is counted. */
  groupOf(problem: Problem): string;
  /** The completion to learn in place of a right answer; null where the answer is not fit. */
  completionOf(trajectory: Trajectory): string | null;
  /** What to change where nothing is kept. */
  readonly mend: string;
}

/** Answers counted. */
export interface KeptCount {
  sampled: number;
  right: number;
  /** Right, and fit to learn from. */
  fit: number;
  kept: number;
}

/** What sampling came to, in all and by group. It has no steps. */
export interface RejectionState extends StageState {
  total: KeptCount;
  groups: Record<string, KeptCount>;
}

/** A stage of rejection sampling. */
export interface RejectionStage extends Stage {
  readonly state: RejectionState;
}

/** Problems that are sampled together, between two looks at whether to stop. */
const PROBLEMS_AT_ONCE = 32;

const nothing = (): KeptCount => ({ sampled: 0, right: 0, fit: 0, kept: 0 });

/** The file of a run that holds what a stage kept: rows with prompt and completion. */
export const keptRowsPath = (runPath: string, stage: string): string => join(runPath, "stages", `${stage}.jsonl`);

/**
 * Samples, and writes the rows that are kept to the run's own file. Stopped, it writes nothing, and a resumed run
 * samples anew. Throws TrainingError with the rates where nothing is kept.
 */
export function rejectionStage(name: string, sampling: RejectionSampling): RejectionStage {
  const state: RejectionState = { step: 0, total: nothing(), groups: {} };
  return {
    name,
    state,
    async run(session) {
      Object.assign(state, { total: nothing(), groups: {} });
      const { run, progress } = session.parts;
      const rows = await sampleRows(session, name, sampling, state);
      if (rows.length === 0)
        throw new TrainingError(`${name}: ${ratesOf(state)}; nothing to learn from: ${sampling.mend}`);
      makeDirectory(join(run.path, "stages"));
      writeFileAtomically(keptRowsPath(run.path, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      progress.note(`${name}: ${ratesOf(state)}`);
      progress.endStage();
      sampling.policy.model.device.trim(); // the next stage's tensors have other sizes
    },
  };
}

/** A row that is kept. */
interface KeptRow {
  readonly prompt: string;
  readonly completion: string;
  readonly group: string;
}

async function sampleRows(
  { parts: { seed, signal, progress } }: TrainingSession,
  name: string,
  sampling: RejectionSampling,
  state: RejectionState,
): Promise<KeptRow[]> {
  const { policy, task, problems: count, samplesPerProblem, temperature, maxNewTokens, maxSequences } = sampling;
  // Problems and samples of its own: not those that reinforcement sees.
  const ownSeed = hashString(`${seed} ${name}`);
  const rows: KeptRow[] = [];
  progress.stage(name, count);
  for (let at = 0; at < count; at += PROBLEMS_AT_ONCE) {
    const size = Math.min(PROBLEMS_AT_ONCE, count - at);
    const problems = Array.from({ length: size }, (_, i) => task.generate(ownSeed, at + i, "train"));
    const options = { numGenerations: samplesPerProblem, maxNewTokens, temperature, maxSequences, signal };
    const trajectories = await rollout(policy, task, problems, { ...options, seed: ownSeed, firstProblem: at });
    for (let i = 0; i < size; i++)
      rows.push(...keptOf(trajectories.slice(i * samplesPerProblem, (i + 1) * samplesPerProblem), sampling, state));
    progress.update(at + size, { kept: state.total.kept });
  }
  return rows;
}

/** The rows that are kept of one problem's answers. */
function keptOf(trajectories: readonly Trajectory[], sampling: RejectionSampling, state: RejectionState): KeptRow[] {
  const [{ problem, prompt }] = trajectories;
  const { task, keptPerProblem, groupOf, completionOf } = sampling;
  const group = groupOf(problem);
  state.groups[group] ??= nothing();
  const right = trajectories.filter(
    ({ response: { answer } }) => answer !== null && task.verify(problem, answer) === 1,
  );
  const fit = right.flatMap((trajectory) => completionOf(trajectory) ?? []);
  const kept = [...new Set(fit)].slice(0, keptPerProblem);
  const done = { sampled: trajectories.length, right: right.length, fit: fit.length, kept: kept.length };
  for (const counts of [state.total, state.groups[group]])
    for (const key of Object.keys(done) as (keyof KeptCount)[]) counts[key] += done[key];
  return kept.map((completion) => ({ prompt, completion, group }));
}

/** `12 of 512 answers kept (right 9.4%, of those fit 62.5%); countdown 3 of 128, word-problems 9 of 384`. */
function ratesOf({ total, groups }: RejectionState): string {
  const share = (part: number, whole: number) => formatPercent(whole === 0 ? 0 : part / whole);
  const { sampled, right, fit, kept } = total;
  const each = Object.entries(groups).map(
    ([name, of]) => `${name} ${formatNumber(of.kept)} of ${formatNumber(of.sampled)}`,
  );
  return (
    `${formatNumber(kept)} of ${formatNumber(sampled)} answers kept (right ${share(right, sampled)}, of those fit ` +
    `${share(fit, right)}): ${each.join(", ")}`
  );
}
