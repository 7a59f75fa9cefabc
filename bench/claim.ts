// What every file of the bench produces: lines of one table, each a figure of ours beside the peer's and the machine's
// own limit. Knows nothing of how anything is measured.
import type { Isa } from "../src/backends/native/cpu.js";
import type { InferenceKind } from "../src/inference/runtime/measure.js";

/** One line of the table. Rates are "more is better"; a line without a target only informs. */
export interface Line {
  /** Which file of the bench it comes from. */
  readonly claim: string;
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer?: number;
  /** This machine's measured limit in the same unit. */
  readonly ceiling?: number;
  /** What is held against the target: ours/peer, ours/ceiling, or ours itself. */
  readonly reached?: number;
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
  readonly note?: string;
  /** Why the peer has no figure though it was to be measured. */
  readonly peerFailure?: string;
  /** Why the claim could not be measured; `ours` is NaN then. */
  readonly failure?: string;
}

/** What is measured of running a model. */
export const INFERENCE_KINDS = ["decode", "prefill", "batch"] as const satisfies readonly InferenceKind[];

/** What is measured of serving: many clients, what HTTP costs, and the peers' servers. */
export const SERVE_PARTS = ["load", "cost", "peers"] as const;

/** What a claim is asked to do. */
export interface BenchOptions {
  readonly threads: number;
  /** Python of the peers' environment; null: ours only. */
  readonly peersPython: string | null;
  /** Measure no peer of any kind. */
  readonly oursOnly: boolean;
  /** Leave out the peers' compiled variants, which take minutes to compile, and all but the main cases of a claim. */
  readonly quick: boolean;
  /** The instruction set that both sides of inference are held to; undefined: each takes the best it has. */
  readonly isa?: Isa;
  /** What is measured of inference. */
  readonly kinds: readonly InferenceKind[];
  /** What is measured of serving. */
  readonly parts: readonly (typeof SERVE_PARTS)[number][];
  /** How long a server is under load. */
  readonly minutes: number;
  /** Receives progress lines. */
  readonly log: (line: string) => void;
}

/** A file of the bench. */
export type Claim = (options: BenchOptions) => Promise<Line[]>;

/**
 * met, missed, failed (one side was not measured), or nothing where there is no target or nothing to hold against it.
 */
export function verdict({ reached, target, failure, peerFailure }: Line): "met" | "missed" | "failed" | "" {
  if (failure !== undefined || peerFailure !== undefined) return "failed";
  if (reached === undefined || !target) return "";
  return ("atLeast" in target ? reached >= target.atLeast : reached <= target.atMost) ? "met" : "missed";
}

/** The middle value; the mean of the two middle ones for an even count. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value below which a share of all lies, one of the values; 1: the largest. Undefined for none. */
export const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))];
