// R1-Zero from nothing, in five lines: build a DeepSeek-V3-architecture model, pretrain it on searches right and wrong, measure it,
// reinforce it with verifiable rewards alone, measure again. This file is the order of events; the stages are beside it.
import { loadLatest } from "../src/checkpoint/index.js";
import { ConfigError } from "../src/errors.js";
import type { Evaluation } from "../src/eval/evaluate.js";
import type { Progress } from "../src/run/progress.js";
import type { EvaluationSummary, RunSummary } from "../src/run/records.js";
import { writeReport } from "../src/run/report.js";
import { RunDirectory, readRunConfig } from "../src/run/run-directory.js";
import type { WorkCount } from "../src/train/session.js";
import { type ZeroOptions, zeroOptions } from "./r1-zero/options.js";
import { stateOf, ZeroSession } from "./r1-zero/session.js";
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
  /** The machine: instruction set and threads of the kernels, and their measured peak in FLOP/s (0: unknown). */
  readonly machine: { readonly isa: string; readonly threads?: number; readonly peakFlops: number };
  /** Receives one-line notices (a damaged checkpoint passed over). */
  readonly notice?: (line: string) => void;
}

/** Runs the recipe from the start. Throws Interrupted (state saved) when `signal` fires. */
export async function runZero(request: ZeroRequest): Promise<RunSummary> {
  const { options, seed, out, machine } = request;
  const run = RunDirectory.create({
    verb: "zero",
    path: out,
    seed,
    options: options as unknown as Record<string, unknown>,
    isa: machine.isa,
    threads: machine.threads,
  });
  return perform(await ZeroSession.open(options, { ...request, run, peakFlops: machine.peakFlops }), request);
}

/** Goes on with an interrupted run, bit for bit as if it had not stopped. */
export async function resumeZero(path: string, request: Omit<ZeroRequest, "options" | "seed" | "out">): Promise<RunSummary> {
  const config = readRunConfig(path);
  if (config.verb !== "zero") throw new ConfigError(`${path} is a run of "${config.verb}", not of "zero"; resume it with luciole ${config.verb} --resume`);
  const options = zeroOptions("tiny", config.options);
  const checkpoint = await loadLatest(`${path}/checkpoints`);
  if (checkpoint?.warning) request.notice?.(checkpoint.warning);
  const run = RunDirectory.resume(path, checkpoint ? stateOf(checkpoint).log : undefined);
  const around = { ...request, run, seed: config.seed, peakFlops: request.machine.peakFlops };
  return perform(await ZeroSession.open(options, around, checkpoint), request);
}

async function perform(session: ZeroSession, request: Omit<ZeroRequest, "options" | "seed" | "out">): Promise<RunSummary> {
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
    const summary = summarise(session, await evaluate(session, "final"), request.machine.peakFlops);
    run.writeSummary(summary);
    await writeReport(run.path);
    return summary;
  } finally {
    request.progress.close();
    run.close();
    session.dispose();
  }
}

function summarise(session: ZeroSession, final: Evaluation, peakFlops: number): RunSummary {
  const { state, options } = session;
  const { model, run, seed } = session.parts;
  const rate = ({ tokens, seconds }: WorkCount) => tokens / seconds;
  return {
    base: evaluationSummary(state.base as Evaluation),
    final: evaluationSummary(final),
    problems: options.evaluation.problems,
    samplesPerProblem: options.evaluation.samplesPerProblem,
    seed,
    params: model.parameters.numTrained,
    activeParams: Math.round(model.numActiveParameters),
    pretrainTokens: state.pretrain.tokens,
    rlSteps: state.step,
    wallSeconds: session.wallSeconds,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    tokensPerSecond: { pretrain: rate(state.pretrain), rollout: rate(state.rollout), train: rate(state.train) },
    mfu: peakFlops > 0 ? (state.pretrain.flops + state.train.flops) / (state.pretrain.seconds + state.train.seconds) / peakFlops : 0,
    runDir: run.path,
  };
}

function evaluationSummary({ stderr, ...counts }: Evaluation): EvaluationSummary {
  const rename = (c: Omit<Evaluation, "stderr">) => ({
    pass1: c.pass1,
    pass16: c.passK,
    cons16: c.consK,
    meanThinkTokens: c.meanThinkTokens,
    formatRate: c.formatRate,
  });
  return { ...rename(counts), stderr: rename(stderr) };
}
