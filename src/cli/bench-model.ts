// `luciole bench decode|prefill|batch MODEL`: how fast a model runs here, beside what this machine's memory and
// arithmetic allow.

import type { NativeBackend } from "../backends/native/backend.js";
import { ConfigError } from "../errors.js";
import { openForInference, runnerOf } from "../inference/opening/open-for-inference.js";
import {
  type InferenceKind,
  type InferenceRound,
  type MeasuredRound,
  measureRound,
  roundCacheTokens,
} from "../inference/runtime/measure.js";
import type { Backend } from "../tensor/backend.js";
import { BLOCK_TOKENS } from "../tensor/ops/paged-layout.js";
import { modelPath } from "./model-path.js";
import { type ComputeFlags, openForAnswers, writeResult } from "./run-verb.js";

/** What can be measured of a model. */
export const MODEL_MEASURES = ["decode", "prefill", "batch"] as const satisfies readonly InferenceKind[];

/** Flags as commander gives them. */
export interface BenchModelFlags extends ComputeFlags {
  readonly promptTokens?: number;
  readonly newTokens?: number;
  readonly streams?: number;
  readonly rounds?: number;
  readonly adapter?: string;
}

const DEFAULTS: Readonly<Record<InferenceKind, InferenceRound>> = {
  decode: { streams: 1, promptTokens: 32, newTokens: 64 },
  prefill: { streams: 1, promptTokens: 512, newTokens: 1 },
  batch: { streams: 16, promptTokens: 32, newTokens: 64 },
};
const CEILING_SECONDS = 0.3;
const LARGE_BYTES = 512 * 2 ** 20;

/** Measures `kind` on the model at `path`; the median of the rounds is told. */
export async function benchModel(kind: InferenceKind, path: string | undefined, flags: BenchModelFlags): Promise<void> {
  if (path === undefined)
    throw new ConfigError(`luciole bench ${kind} needs a model: a path, a pulled name, or random:<shape>@<type>`);
  await openForAnswers(flags);
  const round = { ...DEFAULTS[kind], ...given(flags) };
  const rounds = flags.rounds ?? 3;
  const opened = await openForInference(modelPath(path), {
    cacheTokens: roundCacheTokens(round, BLOCK_TOKENS),
    adapter: flags.adapter,
  });
  const { label, model, plan } = opened;
  const runner = runnerOf(opened);
  try {
    await measureRound(
      runner,
      kind,
      { ...round, promptTokens: Math.min(round.promptTokens, 64), newTokens: Math.min(round.newTokens, 4) },
      0,
    );
    const measured: MeasuredRound[] = [];
    for (let i = 1; i <= rounds; i++) measured.push(await measureRound(runner, kind, round, i));
    const middle = [...measured].sort((a, b) => rate(a) - rate(b))[Math.floor(rounds / 2)];
    const result = {
      model: label,
      kind,
      ...round,
      tokensPerSecond: rate(middle),
      weightBytes: plan.weights,
      ...limits(middle, model.device.backend),
    };
    writeResult(flags.json, result, () => lines(result, measured));
  } finally {
    runner.dispose();
    model.dispose();
  }
}

function given({ promptTokens, newTokens, streams }: BenchModelFlags): Partial<InferenceRound> {
  return Object.fromEntries(
    Object.entries({ promptTokens, newTokens, streams }).filter(([, value]) => value !== undefined),
  );
}

const rate = ({ tokens, seconds }: MeasuredRound): number => tokens / seconds;

interface Limits {
  /**
   * Bytes and operations a second by the ops' own costs, and this machine's measured ceilings. Absent on the reference
   * backend.
   */
  readonly gigabytesPerSecond?: number;
  readonly readCeiling?: number;
  readonly gigaopsPerSecond?: number;
  readonly int8Ceiling?: number;
}

function limits({ bytes, flops, seconds }: MeasuredRound, backend: Backend): Limits {
  if (backend.name !== "native") return {};
  const { addon, threads } = backend as NativeBackend;
  return {
    gigabytesPerSecond: bytes / seconds / 1e9,
    readCeiling: addon.readBandwidth(threads, LARGE_BYTES, CEILING_SECONDS) / 1e9,
    gigaopsPerSecond: flops / seconds / 1e9,
    int8Ceiling: addon.peakDotInt8(threads, CEILING_SECONDS) / 1e9,
  };
}

type Result = Limits &
  InferenceRound & { readonly model: string; readonly kind: InferenceKind; readonly tokensPerSecond: number };

function lines(result: Result, measured: readonly MeasuredRound[]): string[] {
  const {
    model,
    kind,
    streams,
    promptTokens,
    newTokens,
    tokensPerSecond,
    gigabytesPerSecond,
    readCeiling,
    gigaopsPerSecond,
    int8Ceiling,
  } = result;
  const work =
    kind === "prefill"
      ? `a prompt of ${promptTokens} tokens`
      : `${streams} ${streams === 1 ? "stream" : "streams"} of ${newTokens} new tokens`;
  const share = (got: number, ceiling: number | undefined) =>
    ceiling ? `, ${((100 * got) / ceiling).toFixed(0)}% of the ${ceiling.toFixed(1)} measured` : "";
  return [
    `${model}, ${kind}: ${tokensPerSecond.toFixed(1)} tokens/s (${work}; median of ` +
      `${measured.map((m) => rate(m).toFixed(1)).join(", ")})`,
    ...(gigabytesPerSecond === undefined
      ? []
      : [`  memory      ${gigabytesPerSecond.toFixed(1)} GB/s${share(gigabytesPerSecond, readCeiling)}`]),
    ...(gigaopsPerSecond === undefined
      ? []
      : [`  arithmetic  ${gigaopsPerSecond.toFixed(1)} Gop/s${share(gigaopsPerSecond, int8Ceiling)} (int8)`]),
  ];
}
