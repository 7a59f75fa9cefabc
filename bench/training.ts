// Training claims from a contest: the headline ratio, each precision class, losses, memory, and where our time goes.
// Run once per model.
import { type BenchOptions, type Line, median } from "./claim.js";
import { best, type ContestResult, runContest, type Standing } from "./contest.js";
import type { ModelName } from "./workload.js";

const STEPS = 3;
type Trained = keyof typeof scripts;
const contests = new Map<Trained, Promise<ContestResult>>();

const scripts = { dense: "train_dense.py", deepseek: "train_deepseek.py" } as const;
const eager = ["eager-f32", "eager-bf16", "compile-f32", "compile-bf16"];
const variants = { dense: eager, deepseek: [...eager, "eager-f32-expert-loop", "eager-bf16-expert-loop"] } as const;

/** The training contest of a model; the second caller gets the first one's result. */
export function trainingContest(model: Trained, options: BenchOptions): Promise<ContestResult> {
  let contest = contests.get(model);
  if (!contest) {
    contest = runContest(
      { kind: "train", model, script: scripts[model], variants: variants[model], steps: STEPS },
      options,
    );
    contests.set(model, contest);
  }
  return contest;
}

/**
 * Speed lines: best against best, then f32 against f32 and bf16 against bf16, then by processor time, then the loss.
 */
export function speedLines(claim: string, result: ContestResult, target: number): Line[] {
  const { ours, peers, skipped } = result;
  const unit = "tokens/s";
  const lines = [
    comparison(claim, "best of f32, bf16 (eager, compiled)", unit, best(ours), best(peers), "tokensPerSecond", target),
  ];
  for (const compute of ["f32", "bf16"] as const) {
    const of = (s: readonly Standing[]) => best(s.filter((one) => one.compute === compute));
    lines.push(comparison(claim, compute, unit, of(ours), of(peers), "tokensPerSecond"));
  }
  const cpu = "tokensPerCpuSecond" as const;
  lines.push(
    comparison(claim, "best, per second of processor time", "tokens/CPU s", best(ours, cpu), best(peers, cpu), cpu),
  );
  if (skipped.length > 0) lines[0] = { ...lines[0], note: `${lines[0].note ?? ""}; skipped: ${skipped.join(", ")}` };
  return lines;
}

function comparison(
  claim: string,
  what: string,
  unit: string,
  ours: Standing | undefined,
  peer: Standing | undefined,
  figure: "tokensPerSecond" | "tokensPerCpuSecond",
  target?: number,
): Line {
  if (!ours) throw new Error(`${claim}: no figure of ours`);
  return {
    claim,
    what,
    unit,
    ours: ours[figure],
    ...(peer ? { peer: peer[figure], reached: ours[figure] / peer[figure] } : {}),
    ...(target ? { target: { atLeast: target } } : {}),
    note: `${ours.label}${peer ? ` against ${peer.label}` : ""}`,
  };
}

/**
 * The loss after as many steps as both sides took: different initial draws of one distribution, so close but not equal.
 */
export function lossLine(claim: string, { ours, peers }: ContestResult): Line {
  const mine = best(ours) as Standing;
  const other = best(peers);
  const steps = Math.min(mine.losses.length, other?.losses.length ?? mine.losses.length);
  const at = (s: Standing) => s.losses[steps - 1];
  return {
    claim,
    what: `loss at step ${steps}`,
    unit: "nats",
    ours: at(mine),
    ...(other ? { peer: at(other), reached: Math.abs(at(mine) - at(other)), target: { atMost: 0.15 } } : {}),
  };
}

/** Achieved arithmetic of our fastest precision, and its costliest ops in the last step. */
export function profileLine(claim: string, { ours }: ContestResult, ceilings: { f32: number; bf16: number }): Line {
  const mine = best(ours) as Standing;
  const flops = mine.profile.reduce((sum, { flops: f }) => sum + f, 0);
  const inKernels = mine.profile.reduce((sum, { seconds }) => sum + seconds, 0);
  const top = [...mine.profile].sort((a, b) => b.seconds - a.seconds).slice(0, 8);
  const share = (seconds: number) => `${((100 * seconds) / mine.lastStepSeconds).toFixed(0)}%`;
  const ceiling = ceilings[mine.compute] / 1e9;
  const ours1 = flops / mine.lastStepSeconds / 1e9;
  return {
    claim,
    what: "arithmetic in a step",
    unit: "GFLOP/s",
    ours: ours1,
    ceiling,
    reached: ours1 / ceiling,
    note:
      `${top.map(({ op, seconds }) => `${op} ${share(seconds)}`).join(", ")}; outside kernels ` +
      `${share(mine.lastStepSeconds - inKernels)}`,
  };
}

/** Peak resident memory of fresh processes: in each precision class ours against the peer variant that needs least. */
export function memoryLines(claim: string, model: ModelName, { ours, peers }: ContestResult, target: number): Line[] {
  const mib = 2 ** 20;
  return (["f32", "bf16"] as const).map((compute) => {
    const mine = ours.find((s) => s.compute === compute) as Standing;
    const others = peers.filter((s) => s.compute === compute).sort((a, b) => a.peakRssBytes - b.peakRssBytes);
    const least = others[0];
    const imported = median(others.map((s) => s.importedRssBytes));
    return {
      claim,
      what: `train ${model} ${compute}`,
      unit: "MiB",
      ours: mine.peakRssBytes / mib,
      ...(least
        ? {
            peer: least.peakRssBytes / mib,
            reached: mine.peakRssBytes / least.peakRssBytes,
            target: { atMost: target },
          }
        : {}),
      note: least
        ? `against ${least.label}; before the model exists ours occupies ` +
          `${(mine.importedRssBytes / mib).toFixed(0)} MiB, the peer ${(imported / mib).toFixed(0)} MiB`
        : undefined,
    };
  });
}
