// A contest in tokens/s: ours against every variant of a peer, step by step in turn, each in a process of its own.
// Knows nothing of models; what is told apart is f32 and bf16.
import type { ComputeType } from "../src/tensor/dtype.js";
import { type BenchOptions, median } from "./claim.js";
import { type OpShare, type PeakMemory, Stepper, type StepResult, type WorkKind } from "./stepper.js";
import type { ModelName } from "./workload.js";

/** One contestant's figures. */
export interface Standing extends PeakMemory {
  readonly label: string;
  readonly compute: ComputeType;
  /** Median over the steps. */
  readonly tokensPerSecond: number;
  /** Median of tokens per second of processor time, all threads together: what a busy machine disturbs least. */
  readonly tokensPerCpuSecond: number;
  readonly losses: readonly number[];
  /** Of the last step (ours only). */
  readonly profile: readonly OpShare[];
  readonly lastStepSeconds: number;
}

/** All figures of one contest. */
export interface ContestResult {
  readonly ours: readonly Standing[];
  readonly peers: readonly Standing[];
  /** Peer variants that failed, with the reason. */
  readonly skipped: readonly string[];
}

/** What is contested. */
export interface Contest {
  readonly kind: WorkKind;
  readonly model: ModelName;
  /** Script of bench/peers. */
  readonly script: string;
  readonly variants: readonly string[];
  /** Counted steps against each variant. */
  readonly steps: number;
}

class Contestant {
  private readonly steps: StepResult[] = [];
  private readonly losses: number[] = [];
  constructor(
    private readonly stepper: Stepper,
    private readonly compute: ComputeType,
  ) {}
  async warmUp(): Promise<void> {
    this.note(await this.stepper.warmUp());
  }
  async step(): Promise<void> {
    const result = await this.stepper.step();
    this.steps.push(result);
    this.note(result);
  }
  async end(): Promise<Standing> {
    const memory = await this.stepper.end();
    const last = this.steps.at(-1) as StepResult;
    return {
      label: this.stepper.label,
      compute: this.compute,
      tokensPerSecond: median(this.steps.map((s) => s.tokens / s.seconds)),
      tokensPerCpuSecond: median(this.steps.map((s) => s.tokens / s.cpuSeconds)),
      losses: this.losses,
      profile: last.profile ?? [],
      lastStepSeconds: last.seconds,
      ...memory,
    };
  }
  private note({ loss }: StepResult): void {
    if (loss !== undefined) this.losses.push(loss);
  }
}

const precisionOf = (variant: string): ComputeType => (variant.includes("bf16") ? "bf16" : "f32");

/** Runs the contest. Without a peer ours run alone. */
export async function runContest(contest: Contest, options: BenchOptions): Promise<ContestResult> {
  const { kind, model, script, steps } = contest;
  const { threads, peersPython, log } = options;
  const ours = new Map<ComputeType, Contestant>();
  for (const compute of ["f32", "bf16"] as const) {
    const contestant = new Contestant(await Stepper.ours(kind, model, compute, threads), compute);
    await contestant.warmUp();
    ours.set(compute, contestant);
  }
  const peers: Standing[] = [];
  const skipped: string[] = [];
  const variants = peersPython ? contest.variants.filter((name) => !(options.quick && name.startsWith("compile"))) : [];
  for (const variant of variants) {
    try {
      const peer = await Stepper.peer(peersPython as string, script, variant, threads);
      const standing = await meet(
        ours.get(precisionOf(variant)) as Contestant,
        new Contestant(peer, precisionOf(variant)),
        steps,
      );
      peers.push(standing);
      log(`${kind} ${model} ${variant}: ${standing.tokensPerSecond.toFixed(0)} tokens/s`);
    } catch (error) {
      skipped.push(`${variant} (${(error as Error).message})`);
      log(`${kind} ${model} ${variant}: skipped, ${(error as Error).message}`);
    }
  }
  if (peers.length === 0)
    for (const contestant of ours.values()) for (let i = 0; i < steps; i++) await contestant.step();
  const standings: Standing[] = [];
  for (const contestant of ours.values()) standings.push(await contestant.end());
  for (const s of standings) log(`${kind} ${model} ${s.label}: ${s.tokensPerSecond.toFixed(0)} tokens/s`);
  return { ours: standings, peers, skipped };
}

async function meet(ours: Contestant, peer: Contestant, steps: number): Promise<Standing> {
  await peer.warmUp();
  for (let i = 0; i < steps; i++) {
    await ours.step();
    await peer.step();
  }
  return peer.end();
}

/** The fastest standing, by the given figure. */
export function best(
  standings: readonly Standing[],
  figure: "tokensPerSecond" | "tokensPerCpuSecond" = "tokensPerSecond",
): Standing | undefined {
  return standings.reduce<Standing | undefined>((top, s) => (top && top[figure] >= s[figure] ? top : s), undefined);
}
