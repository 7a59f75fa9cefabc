// R1-Zero from nothing, in five lines: build a DeepSeek-V3-architecture model, pretrain it on searches right and wrong,
// measure it, reinforce it with verifiable rewards alone, measure again. This file is the order of events; the stages
// are beside it.

import type { Machine } from "../src/backends/machine.js";
import { summariseRl } from "../src/rl/rl-run.js";
import type { RunSummary } from "../src/run/records.js";
import { RunDirectory } from "../src/run/run-directory.js";
import type { Progress } from "../src/terminal/progress.js";
import { configOfRun, reopenRun } from "../src/train/reopen.js";
import { type ZeroOptions, zeroOptions } from "./r1-zero/options.js";
import { planZero } from "./r1-zero/plan.js";
import { ZeroSession } from "./r1-zero/session.js";
import { evaluate, pretrain, reinforce } from "./r1-zero/stages.js";

export { ZERO_PRESETS, type ZeroOptions, type ZeroPreset, zeroOptions } from "./r1-zero/options.js";

/** What a run is started with. */
export interface ZeroRequest {
  readonly options: ZeroOptions;
  readonly seed: number;
  /** Run directory; default runs/zero-<date>-<time>. */
  readonly out?: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  readonly machine: Pick<Machine, "isa" | "threads" | "peakFlops">;
  /** Receives one-line notices (a damaged checkpoint passed over). */
  readonly notice?: (line: string) => void;
}

/**
 * Runs the recipe from the start. Throws BackendError when it will not fit into memory, Interrupted (state saved) when
 * `signal` fires.
 */
export async function runZero(request: ZeroRequest): Promise<RunSummary> {
  const { options, seed, out, machine } = request;
  await tellPlan(request, options, seed);
  const recorded = options as unknown as Record<string, unknown>;
  const run = RunDirectory.create({
    verb: "zero",
    path: out,
    seed,
    options: recorded,
    isa: machine.isa,
    threads: machine.threads,
  });
  return perform(await ZeroSession.open(options, surroundings(request, options, seed, run)), request);
}

/** Goes on with an interrupted run, bit for bit as if it had not stopped. */
export async function resumeZero(
  path: string,
  request: Omit<ZeroRequest, "options" | "seed" | "out">,
): Promise<RunSummary> {
  const { seed, options: recorded } = configOfRun(path, "zero");
  const options = zeroOptions("tiny", recorded);
  await tellPlan(request, options, seed);
  const { run, checkpoint } = await reopenRun(path, "zero", request);
  return perform(await ZeroSession.open(options, surroundings(request, options, seed, run), checkpoint), request);
}

async function tellPlan(
  { progress }: Pick<ZeroRequest, "progress">,
  options: ZeroOptions,
  seed: number,
): Promise<void> {
  for (const line of await planZero(options, seed)) progress.note(line);
}

function surroundings(
  { progress, signal, machine }: Omit<ZeroRequest, "options" | "seed">,
  options: ZeroOptions,
  seed: number,
  run: RunDirectory,
) {
  return { run, seed, progress, signal, peakFlops: machine.peakFlops(options.compute) };
}

async function perform(session: ZeroSession, request: Pick<ZeroRequest, "progress">): Promise<RunSummary> {
  const { state } = session;
  const { run } = session.parts;
  try {
    if (state.stage === "pretrain") {
      await pretrain(session);
      state.base = await evaluate(session, "base");
      state.stage = "rl";
      state.step = 0;
    }
    await reinforce(session);
    return session.finish(
      summariseRl(session, session.options.evaluation, await evaluate(session, "final"), state.pretrain),
    );
  } finally {
    request.progress.close();
    run.close();
    session.dispose();
  }
}
