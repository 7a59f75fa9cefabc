// Which curves a report shows, in which order and under which names.
// A table of metrics to charts; knows nothing of HTML, and shows nothing a run did not log.
import type { MetricsRecord, Phase, TrainingPhase } from "../run/records.js";
import { type MetricsTable, movingMean, smoothingWindow, tabulate, thin, type Values } from "./series.js";
import { shownRewardName } from "./transcripts.js";

/** How the numbers of a chart are written. */
export type ChartUnit = "percent" | "number" | "tokens" | "rate";
/** Colour roles of a page; the style sheet gives each a colour for light and dark. */
export type SeriesColor = "accent" | "blue" | "amber" | "rose" | "muted";

/**
 * One curve. `faint` draws it thin, as the raw data behind a moving mean; `points` marks each value; `line: false`
 * joins none.
 */
export interface ChartSeries {
  label: string;
  color: SeriesColor;
  values: Values;
  faint?: boolean;
  points?: boolean;
  line?: boolean;
  /** Lower and upper edge of a band around the curve. */
  band?: readonly [Values, Values];
}

/** One chart. `fromZero` starts the vertical axis at zero. */
export interface Chart {
  id: string;
  title: string;
  note: string;
  unit: ChartUnit;
  fromZero: boolean;
  /** What `steps` counts; default: steps. */
  across?: string;
  steps: number[];
  series: ChartSeries[];
}

interface Curve {
  metric: string;
  label: string;
  color: SeriesColor;
  /** Metric holding the standard error, drawn as a band of two of them either way. */
  stderr?: string;
}

interface ChartPlan {
  id: string;
  phase: Phase;
  title: string;
  note: string;
  unit: ChartUnit;
  fromZero?: boolean;
  /** Few, separate measurements: no smoothing, every point marked. */
  sparse?: boolean;
  curves: readonly Curve[];
}

const RL_PLANS: readonly ChartPlan[] = [
  {
    id: "pass1",
    phase: "eval",
    title: "Accuracy on held-out problems",
    note: "on problems never used for training; band: two standard errors",
    unit: "percent",
    fromZero: true,
    sparse: true,
    curves: [
      { metric: "pass1", label: "pass@1", color: "accent", stderr: "pass1_stderr" },
      { metric: "cons_k", label: "cons@k", color: "amber" },
      { metric: "pass_k", label: "pass@k", color: "blue" },
    ],
  },
  {
    id: "reward",
    phase: "rl",
    title: "Reward",
    note: "mean over the rollouts of a step",
    unit: "number",
    curves: [{ metric: "reward", label: "reward", color: "accent" }],
  },
  {
    id: "rewards",
    phase: "rl",
    title: "Correct answers and correct format",
    note: "share of rollouts, on training problems",
    unit: "percent",
    fromZero: true,
    curves: [
      { metric: "rewards/accuracy_reward/mean", label: "accuracy", color: "accent" },
      { metric: "rewards/format_reward/mean", label: "format", color: "blue" },
    ],
  },
  {
    id: "length",
    phase: "rl",
    title: "Completion length",
    note: "tokens per rollout, thinking included",
    unit: "tokens",
    fromZero: true,
    curves: [{ metric: "completions/mean_length", label: "mean", color: "accent" }],
  },
  {
    id: "turns",
    phase: "rl",
    title: "Turns",
    note: "of the model in its environment, per rollout",
    unit: "number",
    fromZero: true,
    curves: [{ metric: "environment/mean_turns", label: "mean", color: "accent" }],
  },
  {
    id: "entropy",
    phase: "rl",
    title: "Entropy",
    note: "of the next-token distribution, nats",
    unit: "number",
    fromZero: true,
    curves: [
      { metric: "entropy", label: "all tokens", color: "blue" },
      { metric: "trained/entropy", label: "tokens trained on", color: "blue" },
    ],
  },
  {
    id: "kl",
    phase: "rl",
    title: "KL to the reference",
    note: "k3 estimate, nats per token",
    unit: "number",
    fromZero: true,
    curves: [{ metric: "kl", label: "KL", color: "rose" }],
  },
  {
    id: "teacher-kl",
    phase: "rl",
    title: "KL to the teacher",
    note: "estimate at the student's own tokens, nats per token",
    unit: "number",
    fromZero: true,
    curves: [{ metric: "teacher_kl", label: "KL", color: "rose" }],
  },
  {
    id: "waste",
    phase: "rl",
    title: "Rollouts with little to learn from",
    note: "cut off by the length limit; in groups whose rewards are all equal",
    unit: "percent",
    fromZero: true,
    curves: [
      { metric: "completions/clipped_ratio", label: "cut off", color: "rose" },
      { metric: "frac_reward_zero_std", label: "equal rewards", color: "amber" },
    ],
  },
  {
    id: "logp-difference",
    phase: "rl",
    title: "Trainer and sampler",
    note: "absolute difference of the log-probabilities of the same tokens",
    unit: "number",
    fromZero: true,
    curves: [
      { metric: "trained/sampling_logp_difference/max", label: "max", color: "amber" },
      { metric: "trained/sampling_logp_difference/mean", label: "mean", color: "blue" },
    ],
  },
];

/** How the learning went, rather than what was learnt. */
const RL_COURSE_PLANS: readonly ChartPlan[] = [
  ...optimizerPlans("", "rl"),
  {
    id: "clip-ratio",
    phase: "rl",
    title: "Clipped tokens",
    note: "share of tokens whose probability ratio is clipped",
    unit: "percent",
    fromZero: true,
    curves: [
      { metric: "clip_ratio/high_mean", label: "upper bound", color: "blue" },
      { metric: "clip_ratio/low_mean", label: "lower bound", color: "rose" },
    ],
  },
  {
    id: "step-time",
    phase: "rl",
    title: "Step time",
    note: "wall-clock seconds, sampling and updates",
    unit: "number",
    fromZero: true,
    curves: [{ metric: "step_time", label: "seconds", color: "muted" }],
  },
];

const PRETRAIN_PLANS: readonly ChartPlan[] = [
  {
    id: "pretrain-loss",
    phase: "pretrain",
    title: "Loss",
    note: "cross-entropy, nats per token",
    unit: "number",
    curves: [
      { metric: "loss", label: "training", color: "blue" },
      { metric: "val_loss", label: "validation", color: "amber" },
    ],
  },
  {
    id: "pretrain-speed",
    phase: "pretrain",
    title: "Speed",
    note: "tokens trained on per second",
    unit: "rate",
    fromZero: true,
    curves: [{ metric: "tokens_per_second", label: "tokens/s", color: "accent" }],
  },
  ...optimizerPlans("pretrain-", "pretrain"),
];

/** What every kind of training logs of its optimiser. */
function optimizerPlans(prefix: string, phase: Phase): ChartPlan[] {
  return [
    {
      id: `${prefix}grad-norm`,
      phase,
      title: "Gradient norm",
      note: "before clipping",
      unit: "number",
      fromZero: true,
      curves: [{ metric: "grad_norm", label: "norm", color: "amber" }],
    },
    {
      id: `${prefix}learning-rate`,
      phase,
      title: "Learning rate",
      note: "of each step",
      unit: "number",
      fromZero: true,
      curves: [{ metric: "learning_rate", label: "learning rate", color: "muted" }],
    },
  ];
}

const OWN_COLORS: readonly SeriesColor[] = ["accent", "blue", "amber", "rose", "muted"];
const REWARD_MEAN = /^rewards\/(.+)\/mean$/;
/**
 * Metrics of reinforcement that the trainer itself reports, by name or family; all others are a person's own (`log` in
 * a reward).
 */
const TRAINERS_OWN =
  /^(reward|reward_std|frac_reward_zero_std|num_tokens|loss|grad_norm|learning_rate|step_time|kl|teacher_kl|entropy|cispo_clip_ratio|mfu)$|_tokens_per_second$|^(rewards|completions|environment|curriculum|clip_ratio|sampling|trained|expert_load)\//;

/** Whether a metric of an rl line was logged by a reward and not by the trainer. */
export const isOwnFigure = (name: string): boolean => !TRAINERS_OWN.test(name);

/** A person's rewards in one chart, and a chart for each figure that they log. */
function ownPlans(metrics: readonly MetricsRecord[]): ChartPlan[] {
  const drawn = new Set(RL_PLANS.flatMap(({ curves }) => curves.map(({ metric }) => metric)));
  const { columns } = tabulate(metrics, "rl");
  const names = [...columns.keys()];
  const rewards = names.filter((name) => REWARD_MEAN.test(name) && !drawn.has(name));
  const curves = rewards.map(
    (metric, i): Curve => ({
      metric,
      label: shownRewardName(REWARD_MEAN.exec(metric)![1]),
      color: OWN_COLORS[i % OWN_COLORS.length],
    }),
  );
  const ofRewards: ChartPlan = {
    id: "own-rewards",
    phase: "rl",
    title: "Rewards",
    note: "mean of each reward function, unweighted",
    unit: "number",
    curves,
  };
  const ofFigures = names.filter(isOwnFigure).map(
    (metric, i): ChartPlan => ({
      id: `own-${i}`,
      phase: "rl",
      title: metric,
      note: "logged by a reward, mean over the samples",
      unit: "number",
      curves: [{ metric, label: metric, color: "accent" }],
    }),
  );
  return [...(curves.length > 0 ? [ofRewards] : []), ...ofFigures];
}

/** Charts of the RL phase and of the evaluations during it. Charts without data are left out. */
export function rlCharts(metrics: readonly MetricsRecord[]): Chart[] {
  const [accuracy, reward, ...others] = RL_PLANS;
  return [accuracy, reward, ...ownPlans(metrics), ...others, ...RL_COURSE_PLANS].flatMap((plan) => draw(plan, metrics));
}

/** What training on preferences logs besides; a run logs those of its own phase. */
const PREFERENCE_PLANS: readonly ChartPlan[] = [
  {
    id: "preference-accuracy",
    phase: "reward-model",
    title: "Accuracy",
    note: "share of rows that the scores put right",
    unit: "percent",
    curves: [
      { metric: "accuracy", label: "training", color: "blue" },
      { metric: "val_accuracy", label: "validation", color: "amber", stderr: "val_accuracy_stderr" },
      { metric: "rewards/accuracies", label: "training", color: "blue" },
      { metric: "val_rewards/accuracies", label: "validation", color: "amber" },
    ],
  },
  {
    id: "preference-margin",
    phase: "reward-model",
    title: "Margin",
    note: "score of the better answer less that of the worse one",
    unit: "number",
    curves: [
      { metric: "margin", label: "training", color: "blue" },
      { metric: "val_margin", label: "validation", color: "amber" },
      { metric: "rewards/margins", label: "training", color: "blue" },
      { metric: "val_rewards/margins", label: "validation", color: "amber" },
    ],
  },
  {
    id: "preference-logps",
    phase: "dpo",
    title: "Log-probability",
    note: "of a whole answer, mean",
    unit: "number",
    curves: [
      { metric: "logps/chosen", label: "chosen", color: "accent" },
      { metric: "logps/rejected", label: "rejected", color: "rose" },
    ],
  },
];

/** Charts of a phase of training on data. */
export function trainingCharts(metrics: readonly MetricsRecord[], phase: TrainingPhase = "pretrain"): Chart[] {
  const ofPreferences = phase === "reward-model" || phase === "dpo";
  const [loss, ...others] = PRETRAIN_PLANS;
  const first = ofPreferences ? { ...loss, note: "mean over rows" } : loss;
  return [first, ...(ofPreferences ? PREFERENCE_PLANS : []), ...others].flatMap((plan) =>
    draw({ ...plan, phase }, metrics),
  );
}

function draw(plan: ChartPlan, metrics: readonly MetricsRecord[]): Chart[] {
  const full = tabulate(metrics, plan.phase);
  const k = metrics.findLast((record) => typeof record.k === "number")?.k;
  const table = plan.sparse ? full : thin(full);
  const series = plan.curves.flatMap((curve) =>
    drawCurve({ ...curve, label: curve.label.replace("@k", `@${k}`) }, table, plan.sparse ?? false),
  );
  if (series.length === 0) return [];
  const { id, title, unit, fromZero = false } = plan;
  // A curve that never leaves zero is easily taken for a missing one.
  const flat = series.every(({ values }) => values.every((value) => value === null || value === 0));
  const note = flat ? `${plan.note}: exactly zero at every step` : plan.note;
  return [{ id, title, note, unit, fromZero, steps: table.steps, series }];
}

function drawCurve(curve: Curve, table: MetricsTable, sparse: boolean): ChartSeries[] {
  const values = table.columns.get(curve.metric);
  const present = values?.filter((value) => value !== null).length ?? 0;
  if (!values || present === 0) return [];
  const { label, color } = curve;
  // A line through two points would show a course that nobody has measured.
  if (present <= 2) return [{ label, color, values, points: true, line: false }];
  // A metric logged every so often (validation loss) is a row of measurements, not a noisy signal.
  const measured = sparse || present < table.steps.length / 2;
  const window = measured ? 1 : smoothingWindow(values.length);
  if (window > 1)
    return [
      { label: `${label}, each step`, color, values, faint: true },
      { label, color, values: movingMean(values, window) },
    ];
  return [
    {
      label,
      color,
      values,
      points: measured && present <= 80,
      band: curve.stderr ? bandOf(values, table.columns.get(curve.stderr)) : undefined,
    },
  ];
}

function bandOf(values: Values, stderr: Values | undefined): ChartSeries["band"] {
  if (!stderr) return undefined;
  const edge = (sign: number) =>
    values.map((value, row) => (value === null || stderr[row] === null ? null : value + sign * 2 * stderr[row]));
  return [edge(-1), edge(1)];
}
