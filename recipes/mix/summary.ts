// What a finished run of the mix recipe says: each mix's figures, and whether what it should show holds.
import type { RunSummary } from "../../src/run/records.js";
import { type Estimate, estimate } from "../../src/statistics.js";
import type { Measurement } from "./measure.js";
import type { MixName } from "./mixes.js";

/** A model that the recipe trained. */
export interface TrainedModel {
  readonly name: string;
  readonly params: number;
  readonly activeParams: number;
  /** Of its training, its own evaluations included. */
  readonly cpuSeconds: number;
  readonly pretrainTokens: number;
  /** On its own tasks, at the end of its training. */
  readonly pass1: number;
}

/** Something that the recipe should show. */
export interface Claim {
  readonly claim: string;
  readonly value: number;
  /** Of a mean of paired differences; null for ratios. */
  readonly stderr: number | null;
  readonly holds: boolean;
}

/** summary.json of a run. */
export interface MixSummary {
  readonly seed: number;
  readonly models: readonly TrainedModel[];
  readonly measurements: readonly Omit<Measurement, "scores">[];
  readonly claims: readonly Claim[];
  readonly runDir: string;
}

/** A model's part of the summary. */
export const trainedModel = (name: string, summary: RunSummary, cpuSeconds: number): TrainedModel => ({
  name,
  params: summary.params,
  activeParams: summary.activeParams,
  cpuSeconds,
  pretrainTokens: summary.pretrainTokens,
  pass1: summary.final.pass1,
});

/** Two standard errors are taken as the error of a comparison. */
const NUM_ERRORS = 2;

/** What the figures show. `models`: the specialists, the larger one last. */
export function claimsOf(
  models: readonly TrainedModel[],
  { mix, larger, mixVotes, largerVotes, cascade }: Readonly<Record<MixName, Measurement>>,
): Claim[] {
  const [specialists, last] = [models.slice(0, -1), models[models.length - 1]];
  const total = (key: "params" | "cpuSeconds") => specialists.reduce((sum, model) => sum + model[key], 0);
  const gain = paired(mix, larger);
  const votes = paired(mixVotes, largerVotes);
  const ratio = (claim: string, value: number, holds: boolean): Claim => ({ claim, value, stderr: null, holds });
  const params = last.params / total("params");
  const time = last.cpuSeconds / total("cpuSeconds");
  const tokens = mix.tokensPerAnswer / larger.tokensPerAnswer;
  const voteTokens = mixVotes.tokensPerAnswer / largerVotes.tokensPerAnswer;
  const kept = larger.pass1 === 0 ? 1 : cascade.pass1 / larger.pass1;
  const flops = cascade.flopsPerAnswer / larger.flopsPerAnswer;
  return [
    ratio("parameters of the larger model / of all specialists ≥ 1", params, params >= 1),
    ratio("processor time of the larger model / of all specialists ≥ 1", time, time >= 1),
    { claim: "pass@1 of the mix − of the larger model ≥ 0.03", ...gain, holds: gain.value >= 0.03 },
    ratio("tokens per answer of the mix / of the larger model ≤ 1", tokens, tokens <= 1),
    {
      claim: "votes at equal tokens: mix − larger model ≥ 0 within two standard errors",
      ...votes,
      holds: votes.value >= -NUM_ERRORS * (votes.stderr ?? 0),
    },
    ratio("tokens of the mix's vote / of the larger model's ≤ 1.05", voteTokens, voteTokens <= 1.05),
    ratio("accuracy of the cascade / of the larger model ≥ 0.98", kept, kept >= 0.98),
    ratio("FLOPs of the cascade / of the larger model ≤ 0.5", flops, flops <= 0.5),
  ];
}

/** How much better one is than the other, problem by problem. */
const paired = (a: Measurement, b: Measurement): Estimate => estimate(a.scores.map((score, i) => score - b.scores[i]));
