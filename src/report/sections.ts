// What a page shows of a run's metrics, in order: the charts of each phase or stage, and the loads of the experts.
// Knows no page; runs in browsers too.
import type { MetricsRecord, Phase } from "../run/records.js";
import { type Chart, rlCharts, trainingCharts } from "./charts.js";
import { type ExpertLoad, expertLoads } from "./series.js";

const RL_SECTION = {
  title: "Reinforcement learning",
  lead: "Thin lines show single steps, bold lines their moving average.",
};

/** What is said of training on data. */
const DATA_PHASES = {
  pretrain: { phase: "pretrain", title: "Pretraining", lead: "The base model, before any reward." },
  sft: { phase: "sft", title: "Fine-tuning", lead: "Loss on the completions alone." },
  "reward-model": {
    phase: "reward-model",
    title: "Reward model",
    lead: "Accuracy is the share of rows whose better answer has the higher score.",
  },
  dpo: {
    phase: "dpo",
    title: "Direct preference optimisation",
    lead: "An answer's reward is β times its log-ratio to the reference.",
  },
} as const;

/** The sections of a run. */
export interface RunSections {
  readonly rl: readonly Section[];
  readonly data: readonly Section[];
  /** Of reinforcement where it logged any, else of the training on data. */
  readonly heats: ExpertLoad[];
  /** What `heats` are of, in words. */
  readonly heatsOf: string;
}

/** The sections of a run's metrics; charts without data are left out. */
export function runSections(metrics: readonly MetricsRecord[]): RunSections {
  const rl = sectionsOf(metrics, "rl", RL_SECTION, rlCharts);
  const data = (["dpo", "reward-model", "sft", "pretrain"] as const).flatMap((phase) =>
    sectionsOf(metrics, phase, DATA_PHASES[phase], (lines) => trainingCharts(lines, phase)),
  );
  const dataPhase =
    Object.values(DATA_PHASES).find(
      ({ phase: of }) => of !== "pretrain" && metrics.some(({ phase }) => phase === of),
    ) ?? DATA_PHASES.pretrain;
  const rlLoads = expertLoads(metrics, "rl");
  if (rlLoads.length > 0) return { rl, data, heats: rlLoads, heatsOf: "reinforcement learning" };
  return { rl, data, heats: expertLoads(metrics, dataPhase.phase), heatsOf: dataPhase.title.toLowerCase() };
}

/** The charts of one stage. Those of one `group` share their cursor. */
export interface Section {
  readonly title: string;
  readonly lead: string;
  readonly charts: (Chart & { group: string })[];
}

/** A section for the phase or, where its lines name stages, one for each stage. */
function sectionsOf(
  metrics: readonly MetricsRecord[],
  phase: Phase,
  { title, lead }: { readonly title: string; readonly lead: string },
  chartsOf: (metrics: readonly MetricsRecord[]) => Chart[],
): Section[] {
  const stages = [...new Set(metrics.filter((line) => line.phase === phase).map(({ stage }) => stage))];
  const [first = undefined] = stages;
  if (stages.length < 2 && first === undefined)
    return [{ title, lead, charts: chartsOf(metrics).map((chart) => ({ ...chart, group: phase })) }];
  return stages.map((stage, i) => ({
    title: `${title}: ${stage}`,
    lead,
    charts: chartsOf(metrics.filter((line) => line.stage === stage)).map((chart) => ({
      ...chart,
      id: `${phase}${i}-${chart.id}`,
      group: `${phase}${i}`,
    })),
  }));
}
